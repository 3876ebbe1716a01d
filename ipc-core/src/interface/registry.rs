//! From a name on the wire to a method of a device, and through it.

mod error;
mod names;
mod register;
mod release;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::time::Duration;

use super::args::PackedArgs;
use super::context::CallContext;
use super::current;
use super::definitions;
use super::describe::{Method, ServerDescription};
use super::function::Function;
use super::invocation::{Arguments, Invocation, too_much_memory};
use super::remote::{ReleaseHook, Remote, Shared};
use super::slot::{Blocked, DriverGuard, Entry, Slot};
use super::value;
use crate::contain::contain;
use crate::wire::bulk;
use crate::wire::codec::{CodecError, DECODE_MEMORY, MIN_DECODE_MEMORY, Reader};
use crate::wire::ctrl::{CallHeader, CtrlMsg};
use crate::wire::failure::{Failure, Fault, FaultKind, Refusal};
use crate::wire::frame::OutgoingFrame;
use crate::wire::guard::Budget;
use crate::wire::message::{Form, IncomingCall, begin_reply, failure_frame};

pub use error::RegisterError;
pub use release::Released;

/// All that a server offers, by name.
pub struct Registry {
    /// In the order of registration, as in the description.
    devices: Vec<Served>,
    /// The places of the devices in this order, by their names.
    positions: HashMap<String, usize>,
    functions: Vec<Slot<Box<dyn Function>>>,
    targets: HashMap<String, Target>,
    description: ServerDescription,
    decode_memory: usize,
}

struct Served {
    driver: Shared<dyn Remote + Send>,
    /// The path of the driver's type.
    path: &'static str,
    release_hook: Option<ReleaseHook>,
    overrun: Duration,
}

struct Target {
    owner: Owner,
    method: Method,
    fingerprint: u64,
    prefix: String,
}

#[derive(Clone, Copy)]
enum Owner {
    Device { index: usize, method: usize },
    Function { index: usize },
}

impl Registry {
    /// Nothing to call yet.
    pub fn new() -> Self {
        Self {
            devices: Vec::new(),
            positions: HashMap::new(),
            functions: Vec::new(),
            targets: HashMap::new(),
            description: ServerDescription::default(),
            decode_memory: DECODE_MEMORY,
        }
    }

    /// The place of the device called `name` in the order of registration, from 0.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.positions.get(name).copied()
    }

    /// The place of the device that has the method `wire_name`, such as `pump_read_voltage`; `None` for a function.
    pub fn device_of(&self, wire_name: &str) -> Option<usize> {
        match self.targets.get(wire_name)?.owner {
            Owner::Device { index, .. } => Some(index),
            Owner::Function { .. } => None,
        }
    }

    /// The paths of the drivers' types, such as `powermeter::PowerMeter`, in the order of the devices.
    pub fn driver_paths(&self) -> impl Iterator<Item = &'static str> {
        self.devices.iter().map(|device| device.path)
    }

    /// True if there is no device and no function.
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty() && self.functions.is_empty()
    }

    /// Drops devices, functions and hooks one by one, and returns the message of each `Drop` that panicked.
    pub fn dismantle(self) -> Vec<String> {
        let devices = self.devices.into_iter();
        let (hooks, drivers): (Vec<_>, Vec<_>) = devices
            .map(|device| (device.release_hook, device.driver))
            .unzip();
        let hooks = hooks.into_iter();
        let hooks = hooks.filter_map(|hook| contain(|| drop(hook)).err());
        let functions = self.functions.into_iter();
        let functions = functions.filter_map(|function| contain(|| drop(function)).err());
        let drivers = drivers.into_iter();
        let drivers = drivers.filter_map(|driver| contain(|| drop(driver)).err());
        hooks.chain(functions).chain(drivers).collect()
    }

    /// What there is to call.
    pub fn description(&self) -> &ServerDescription {
        &self.description
    }

    /// Sets how many bytes of memory the decoded arguments of a call may take, beyond 8 times their bytes on the wire;
    /// [`MIN_DECODE_MEMORY`] at least.
    pub fn set_decode_memory(&mut self, bytes: usize) {
        self.decode_memory = bytes.max(MIN_DECODE_MEMORY);
    }

    /// Runs a call to its end and returns the frame to answer with, at most `limit` bytes long. A panic of the driver
    /// is an answer too.
    pub fn run(&self, call: &IncomingCall, context: &CallContext, limit: usize) -> OutgoingFrame {
        let number = call.header.number;
        let outcome = contain(|| match call.form {
            Form::Describe => self.describe(number, limit),
            Form::Command => Err(Refusal::unknown_command(&call.header.method).into()),
            Form::Typed | Form::ByName => {
                let _inside = current::Inside::call(context.id());
                self.invoke(call, context, limit)
            }
        });
        let outcome = outcome.unwrap_or_else(|message| {
            let kind = match current::has_unwound() {
                true => FaultKind::Error,
                false => FaultKind::Panic,
            };
            Err(Fault::own(kind, message).into())
        });
        outcome.unwrap_or_else(|failure| failure_frame(number, &failure, limit).into())
    }

    fn describe(&self, number: u64, limit: usize) -> Result<OutgoingFrame, Failure> {
        let mut reply = begin_reply(CtrlMsg::Ok, number);
        let tail = value::pack(&self.description)
            .and_then(|packed| bulk::encode_owned(packed, &mut reply, limit))
            .map_err(|error| Fault::own(FaultKind::Unsendable, error.to_string()))?;
        Ok(OutgoingFrame::finished(reply, tail))
    }

    fn invoke(
        &self,
        call: &IncomingCall,
        context: &CallContext,
        limit: usize,
    ) -> Result<OutgoingFrame, Failure> {
        let CallHeader {
            number,
            fingerprint,
            method: name,
            ..
        } = &call.header;
        let target = self.targets.get(name).ok_or_else(|| self.unknown(name))?;
        let arguments = match call.form {
            Form::Typed if *fingerprint != target.fingerprint => {
                return Err(target.mismatch(name).into());
            }
            Form::Typed => Arguments::Typed(Reader::within(&call.arguments, self.decode_memory)),
            _ => arguments_by_name(&call.arguments, self.decode_memory).map_err(|error| {
                Refusal::Protocol {
                    method: name.clone(),
                    reason: match error {
                        CodecError::TooMuchMemory { limit } => {
                            too_much_memory("the list of its arguments", limit)
                        }
                        error => error.to_string(),
                    },
                }
            })?,
        };
        let reply = begin_reply(CtrlMsg::Ok, *number);
        let mut invocation =
            Invocation::new(&target.method, name, arguments, context, reply, limit);
        invocation.check_shape()?;
        match target.owner {
            Owner::Device { index, method } => {
                let device = self.devices.get(index).ok_or_else(|| self.unknown(name))?;
                let driver = enter(device.driver.slot(), method, name, context)?;
                let mut driver = release::Leaving::new(device, driver);
                driver.get().dispatch(method, &mut invocation)?;
            }
            Owner::Function { index } => {
                let function = self
                    .functions
                    .get(index)
                    .ok_or_else(|| self.unknown(name))?;
                enter(function, 0, name, context)?.run(&mut invocation)?;
            }
        }
        Ok(invocation.into_reply())
    }

    fn unknown(&self, name: &str) -> Refusal {
        Refusal::UnknownMethod {
            method: name.to_string(),
            similar: self.description.names_like(name),
            hint: String::new(),
        }
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl Target {
    fn mismatch(&self, name: &str) -> Refusal {
        // The client knows its own signature and fills it in.
        let (client, server) = (
            String::new(),
            definitions::full_signature(&self.method, &self.prefix),
        );
        Refusal::SignatureMismatch {
            method: name.into(),
            client,
            server,
        }
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry")
            .field("names", &self.targets.len())
            .finish_non_exhaustive()
    }
}

/// Waits until no other call uses the driver of a device.
#[inline]
fn enter<'a, T: ?Sized>(
    slot: &'a Slot<T>,
    method: usize,
    name: &str,
    context: &CallContext,
) -> Result<DriverGuard<'a, T>, Refusal> {
    let id = context.id();
    let pause = |stuck| match stuck {
        Some(stuck) => Err(Blocked::Stuck(stuck)),
        None if context.is_cancelled() => Err(Blocked::GivenUp),
        None => {
            current::park();
            Ok(())
        }
    };
    slot.enter(Entry { id, method }, pause)
        .map_err(|blocked| refused(&blocked, name, context))
}

#[cold]
fn refused(blocked: &Blocked, name: &str, context: &CallContext) -> Refusal {
    let method = name.to_string();
    match blocked {
        Blocked::Stuck(stuck) => {
            let ran = context.host().elapsed(stuck.since).as_millis();
            context.host().for_client(Refusal::Stuck {
                method,
                device: stuck.device.clone(),
                running: stuck.method.clone(),
                since_ms: u64::try_from(ran).unwrap_or(u64::MAX),
                by: stuck.by.clone(),
            })
        }
        Blocked::GivenUp => Refusal::Cancelled { method },
        Blocked::Deadlock { .. } => {
            let reason = blocked.to_string();
            Refusal::Protocol { method, reason }
        }
    }
}

fn arguments_by_name(bytes: &[u8], memory: usize) -> Result<Arguments<'_>, CodecError> {
    let mut reader = Reader::new(bytes);
    let packed = reader.bytes()?;
    reader.finish()?;
    let budget = Budget::new(packed.len(), memory);
    let args = PackedArgs::split(packed, &budget)?;
    Ok(Arguments::ByName { args, budget })
}
