//! Registering devices and functions: which names they get, and which names clash.

use std::collections::HashMap;

use super::error::{FUNCTION, RegisterError, device_by_name, device_by_place};
use super::names::{RESERVED, default_name, is_well_formed};
use super::{Owner, Registry, Served, Target};
use crate::contain::contain;
use crate::interface::describe::DeviceDescription;
use crate::interface::function::BoxedFunction;
use crate::interface::remote::{Device, IntoDevice};
use crate::interface::slot::Slot;

impl Registry {
    /// Offers all methods of a device under the [name](Device::name) that was given to it, or a default one. On an error
    /// nothing has been added.
    pub fn add_device(&mut self, device: impl IntoDevice) -> Result<(), RegisterError> {
        let Device {
            driver,
            interface,
            path,
            name,
            prefix,
            release_hook,
            overrun,
        } = device.into_device();
        let served = Served {
            driver,
            path,
            release_hook,
            overrun,
        };
        let mut device = DeviceDescription {
            name: String::new(),
            prefix,
            interface,
        };
        let targets = self.free_device_name(name, &device).and_then(|name| {
            device.name = name;
            self.targets_of(&device)
        });
        match targets {
            Ok(targets) => self.targets.extend(targets),
            Err(error) => {
                // A panic in the driver's `Drop` must not hide the error.
                let _ = contain(|| drop(served));
                return Err(error);
            }
        }
        served.driver.slot().gate.set_name(&device.name);
        self.positions
            .insert(device.name.clone(), self.devices.len());
        self.devices.push(served);
        self.description.devices.push(device);
        Ok(())
    }

    /// The name that was given to the device, or a default one that is free.
    fn free_device_name(
        &self,
        given: Option<String>,
        device: &DeviceDescription,
    ) -> Result<String, RegisterError> {
        let Some(name) = given else {
            let is_taken = |name: &str| self.positions.contains_key(name);
            return Ok(default_name(
                &device.prefix,
                &device.interface.name,
                is_taken,
            ));
        };
        let label = device_by_place(self.devices.len(), device);
        if name == RESERVED || !is_well_formed(&name) {
            return Err(RegisterError::BadDeviceName {
                name,
                device: label,
            });
        }
        let other = self.position(&name);
        match other.and_then(|index| Some((index, self.description.devices.get(index)?))) {
            Some((index, other)) => Err(RegisterError::DeviceNameTaken {
                name,
                first: device_by_place(index, other),
                second: label,
            }),
            None => Ok(name),
        }
    }

    fn targets_of(
        &self,
        device: &DeviceDescription,
    ) -> Result<HashMap<String, Target>, RegisterError> {
        let DeviceDescription {
            interface, prefix, ..
        } = device;
        let owner = device_by_name(device);
        let mut targets = HashMap::new();
        for (method_index, method) in interface.methods.iter().enumerate() {
            let target = Target {
                owner: Owner::Device {
                    index: self.devices.len(),
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

    /// Offers a free function. Functions and devices may have the same names.
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
        self.functions.push(Slot::new(function));
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
        match target.owner {
            Owner::Device { index, .. } => {
                let device = self.description.devices.get(index);
                device.map(device_by_name).unwrap_or_default()
            }
            Owner::Function { .. } => FUNCTION.into(),
        }
    }
}
