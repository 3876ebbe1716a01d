//! Registering devices and functions: which names they get, and what clashes.

use std::collections::HashMap;
use std::sync::Mutex;

use super::error::{FUNCTION, RegisterError, device_label};
use super::{Owner, Registry, Target};
use crate::contain::contain;
use crate::interface::describe::DeviceDescription;
use crate::interface::function::BoxedFunction;
use crate::interface::remote::{Device, IntoDevice};

impl Registry {
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
}
