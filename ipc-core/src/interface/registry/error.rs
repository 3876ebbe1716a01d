//! Why a device or function cannot be registered.

use super::names::{MAX_NAME, RESERVED};
use crate::interface::describe::DeviceDescription;

/// Why a device or function cannot be registered.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// Two methods or functions would have the same name on the wire.
    #[error("{}", name_taken(.name, .first, .second))]
    NameTaken {
        /// The name on the wire.
        name: String,
        /// The owner of the name.
        first: String,
        /// The device or function that was to be registered.
        second: String,
    },
    /// The name of a method or function has characters that names on the wire cannot have.
    #[error("{owner} would be called `{name}`: names on the wire are letters, digits and `_`")]
    BadName {
        /// The name on the wire.
        name: String,
        /// The device or function that was to be registered.
        owner: String,
    },
    /// The name given to a device belongs to another one.
    #[error(
        "two devices are called `{name}`: {first} and {second}; give one of them another name with `Device::name`"
    )]
    DeviceNameTaken {
        /// The name of the device.
        name: String,
        /// The device that was registered first.
        first: String,
        /// The device that was to be registered.
        second: String,
    },
    /// Two devices would have the same driver, so that a lease of one of them would be one of both.
    #[error(
        "`{second}` has the same driver as the device `{first}`; register a driver once: clients share it by one name"
    )]
    DriverTaken {
        /// The name of the device that was registered first.
        first: String,
        /// The name of the device that was to be registered.
        second: String,
    },
    /// The name given to a device is malformed or reserved.
    #[error("{}", bad_device_name(.name, .device))]
    BadDeviceName {
        /// The name that was given.
        name: String,
        /// The device that was to be registered.
        device: String,
    },
    /// A device or function is declared to use a device that is not there.
    #[error(
        "`{user}` uses the device `{device}`, which is not there; the devices are {}",
        listed(.devices)
    )]
    UnknownDevice {
        /// The device or function.
        user: String,
        /// The name of the device that it uses.
        device: String,
        /// The names of all devices.
        devices: Vec<String>,
    },
    /// The parameters of a function do not fit its arguments.
    #[error("the function `{function}` cannot be served: {problem}")]
    BadParameters {
        /// The name of the function.
        function: String,
        /// What does not fit.
        problem: String,
    },
    /// `uses` was called before there was anything that could use a device.
    #[error(
        "`uses` has nothing before it; call it right after `device`, `function` or `remote_function`"
    )]
    MisplacedUses,
}

crate::readable_debug!(RegisterError);

/// "`pump`, `signal`"
fn listed(names: &[String]) -> String {
    match names {
        [] => "none".into(),
        names => format!("`{}`", names.join("`, `")),
    }
}

/// How errors refer to a function. They give its name anyway.
pub(super) const FUNCTION: &str = "a function";

fn name_taken(name: &str, first: &str, second: &str) -> String {
    match (first, second) {
        (FUNCTION, FUNCTION) => {
            format!("`{name}` is offered by two functions; give one of them another name")
        }
        (FUNCTION, device) | (device, FUNCTION) => format!(
            "`{name}` is offered by both {device} and a function; give the device another prefix or the function another \
             name"
        ),
        (device, other) if device == other => {
            format!(
                "{device} offers `{name}` twice; give one of its methods or properties another name"
            )
        }
        (first, second) => format!(
            "`{name}` is offered by both {first} and {second}; give one of the devices another prefix"
        ),
    }
}

fn bad_device_name(name: &str, device: &str) -> String {
    match name {
        RESERVED => format!(
            "{device} cannot be called `{RESERVED}`, which stands for the server itself; give it another name"
        ),
        name => format!(
            "{device} cannot be called `{name}`: the name of a device is 1 to {MAX_NAME} ASCII letters, digits, `_` and `-`"
        ),
    }
}

/// Refers to a device by its name, in errors about its methods.
pub(super) fn device_by_name(device: &DeviceDescription) -> String {
    format!("device `{}` ({})", device.name, kind(device))
}

/// Refers to a device by its place in the order of registration, from 0, in errors about its own name.
pub(super) fn device_by_place(index: usize, device: &DeviceDescription) -> String {
    format!("device {} ({})", index + 1, kind(device))
}

fn kind(device: &DeviceDescription) -> String {
    let driver = &device.interface.name;
    match device.prefix.as_str() {
        "" => driver.clone(),
        prefix => format!("{driver}, prefix `{prefix}`"),
    }
}
