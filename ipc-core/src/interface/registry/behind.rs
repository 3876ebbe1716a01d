//! What stands behind a gate: a device or a function.

use std::time::Duration;

use super::served::{ServedDevice, ServedFunction};
use crate::interface::blocked::Occupant;
use crate::interface::describe::DeviceDescription;
use crate::interface::gate::Gate;
use crate::interface::remote::OVERRUN;

/// What stands behind a gate.
pub(super) enum Behind<'a> {
    Device(&'a ServedDevice),
    Function(&'a ServedFunction),
}

impl Behind<'_> {
    pub(super) fn gate(&self) -> &Gate {
        match self {
            Behind::Device(device) => device.gate(),
            Behind::Function(function) => &function.slot.gate,
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Behind::Device(device) => device.name(),
            Behind::Function(function) => function.name(),
        }
    }

    pub(super) fn overrun(&self) -> Duration {
        match self {
            Behind::Device(device) => device.overrun(),
            Behind::Function(_) => OVERRUN,
        }
    }

    /// True if the call `id` is inside, or has reserved the gate.
    pub(super) fn is_inside(&self, id: u64) -> bool {
        self.gate().is_kept_by(id)
    }

    /// What is inside, or has reserved the gate.
    pub(super) fn occupant(&self) -> Option<Occupant> {
        self.gate().occupant(|method| self.method(method))
    }

    /// The method that the call inside was made to; `None` if it has locked the driver from another one.
    pub(super) fn method_inside(&self) -> Option<String> {
        self.method(self.gate().inside()?.method)
    }

    /// The name of a method on the wire.
    fn method(&self, method: usize) -> Option<String> {
        match self {
            Behind::Device(device) => {
                let DeviceDescription {
                    interface, prefix, ..
                } = device.description();
                let method = interface.methods.get(method)?;
                Some(method.wire_name(prefix))
            }
            Behind::Function(_) if method == usize::MAX => None,
            Behind::Function(function) => Some(function.name().to_string()),
        }
    }
}
