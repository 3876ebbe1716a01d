//! From a name on the wire to a method of a device, and through it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::args::PackedArgs;
use super::context::CallContext;
use super::definitions;
use super::describe::{DeviceDescription, Method, ServerDescription};
use super::function::{BoxedFunction, Function};
use super::invocation::{Arguments, Invocation, too_much_memory};
use super::remote::{Device, IntoDevice, Release, ReleaseHook, Remote, Shared};
use super::value;
use crate::contain::contain;
use crate::wire::bulk;
use crate::wire::codec::{CodecError, DECODE_MEMORY, MIN_DECODE_MEMORY, Reader};
use crate::wire::ctrl::{CallHeader, CtrlMsg};
use crate::wire::failure::{Failure, Fault, FaultKind, Refusal};
use crate::wire::frame::OutgoingFrame;
use crate::wire::guard::Budget;
use crate::wire::message::{Form, IncomingCall, begin_reply, failure_frame};

/// Why a device or function cannot be offered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// Two things would answer to the same name.
    #[error("{}", name_taken(.name, .first, .second))]
    NameTaken {
        /// The name on the wire.
        name: String,
        /// What was registered first.
        first: String,
        /// What was to be registered.
        second: String,
    },
    /// The name cannot be written by a caller.
    #[error("{owner} would be called `{name}`: names on the wire are letters, digits and `_`")]
    BadName {
        /// The name on the wire.
        name: String,
        /// What was to be registered.
        owner: String,
    },
}

/// All that a server offers, by name.
pub struct Registry {
    devices: Vec<Shared<dyn Remote + Send>>,
    functions: Vec<Mutex<Box<dyn Function>>>,
    release_hooks: Vec<ReleaseHook>,
    driver_paths: Vec<&'static str>,
    targets: HashMap<String, Target>,
    description: ServerDescription,
    decode_memory: usize,
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
            functions: Vec::new(),
            release_hooks: Vec::new(),
            driver_paths: Vec::new(),
            targets: HashMap::new(),
            description: ServerDescription::default(),
            decode_memory: DECODE_MEMORY,
        }
    }

    /// Offers all methods of a device. On an error nothing has been added.
    pub fn add_device(&mut self, device: impl IntoDevice) -> Result<(), RegisterError> {
        let device = device.into_device();
        let targets = match self.targets_of(&device) {
            Ok(targets) => targets,
            Err(error) => {
                // A driver that panics when it is dropped does not hide why it is.
                let _ = contain(|| drop(device));
                return Err(error);
            }
        };
        let Device {
            driver,
            interface,
            path,
            prefix,
            release_hook,
        } = device;
        self.targets.extend(targets);
        self.devices.push(driver);
        self.release_hooks.extend(release_hook);
        self.driver_paths.push(path);
        self.description
            .devices
            .push(DeviceDescription { prefix, interface });
        Ok(())
    }

    fn targets_of(&self, device: &Device) -> Result<HashMap<String, Target>, RegisterError> {
        let Device {
            interface, prefix, ..
        } = device;
        let index = self.devices.len();
        let owner = device_label(index, &interface.name, prefix);
        let mut targets = HashMap::new();
        for (method_index, method) in interface.methods.iter().enumerate() {
            let target = Target {
                owner: Owner::Device {
                    index,
                    method: method_index,
                },
                fingerprint: method.fingerprint(),
                method: method.clone(),
                prefix: prefix.clone(),
            };
            let name = self.free_name(target.method.wire_name(prefix), &owner)?;
            if targets.insert(name.clone(), target).is_some() {
                return Err(RegisterError::NameTaken {
                    name,
                    first: owner.clone(),
                    second: owner,
                });
            }
        }
        Ok(targets)
    }

    /// Offers a free function.
    pub fn add_function(&mut self, function: impl BoxedFunction) -> Result<(), RegisterError> {
        let function = function.boxed();
        let method = function.method();
        let name = match self.free_name(method.wire_name(""), FUNCTION) {
            Ok(name) => name,
            Err(error) => {
                let _ = contain(|| drop(function));
                return Err(error);
            }
        };
        let owner = Owner::Function {
            index: self.functions.len(),
        };
        let fingerprint = method.fingerprint();
        self.description.functions.push(method.clone());
        self.functions.push(Mutex::new(function));
        self.targets.insert(
            name,
            Target {
                owner,
                method,
                fingerprint,
                prefix: String::new(),
            },
        );
        Ok(())
    }

    /// Runs the hooks of all devices that have one. Returns how each of them ended: a hook that panics, which gives the
    /// message of its panic, does not keep the others from running.
    pub fn release(&self, why: Release) -> Vec<Result<(), String>> {
        let hooks = self.release_hooks.iter();
        hooks.map(|hook| contain(|| hook(why))).collect()
    }

    /// The paths of the drivers' types, such as `powermeter::PowerMeter`, in the order of the devices.
    pub fn driver_paths(&self) -> &[&'static str] {
        &self.driver_paths
    }

    /// True if there is no device and no function.
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty() && self.functions.is_empty()
    }

    /// Drops devices, functions and hooks one by one, and returns the message of each `Drop` that panicked.
    pub fn dismantle(self) -> Vec<String> {
        let hooks = self.release_hooks.into_iter();
        let hooks = hooks.filter_map(|hook| contain(|| drop(hook)).err());
        let functions = self.functions.into_iter();
        let functions = functions.filter_map(|function| contain(|| drop(function)).err());
        let devices = self.devices.into_iter();
        let devices = devices.filter_map(|device| contain(|| drop(device)).err());
        hooks.chain(functions).chain(devices).collect()
    }

    /// What there is to call.
    pub fn description(&self) -> &ServerDescription {
        &self.description
    }

    fn free_name(&self, name: String, owner: &str) -> Result<String, RegisterError> {
        if let Some(taken) = self.targets.get(&name) {
            let first = self.owner_name(taken);
            return Err(RegisterError::NameTaken {
                name,
                first,
                second: owner.into(),
            });
        }
        if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return Err(RegisterError::BadName {
                name,
                owner: owner.into(),
            });
        }
        Ok(name)
    }

    fn owner_name(&self, target: &Target) -> String {
        let Owner::Device { index, .. } = target.owner else {
            return FUNCTION.into();
        };
        let device = self.description.devices.get(index);
        let name = device.map_or("", |device| &device.interface.name);
        device_label(index, name, &target.prefix)
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
            Form::Typed | Form::ByName => self.invoke(call, context, limit),
        });
        let outcome =
            outcome.unwrap_or_else(|message| Err(Fault::own(FaultKind::Panic, message).into()));
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
                device.lock().dispatch(method, &mut invocation)?;
            }
            Owner::Function { index } => {
                let function = self
                    .functions
                    .get(index)
                    .ok_or_else(|| self.unknown(name))?;
                function
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .run(&mut invocation)?;
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

/// What a function is called in an error at start-up: all of them alike, since the name is what they share.
const FUNCTION: &str = "a function";

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

/// What a device is called in an error at start-up.
fn device_label(index: usize, driver: &str, prefix: &str) -> String {
    let number = index + 1;
    match prefix {
        "" => format!("device {number} ({driver})"),
        prefix => format!("device {number} ({driver}, prefix `{prefix}`)"),
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
