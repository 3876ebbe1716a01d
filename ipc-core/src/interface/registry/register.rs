//! Registering devices and functions, and removing devices: which names they get, and which names clash.

use std::sync::{Arc, Weak};

use super::error::{FUNCTION, RegisterError, device_by_name, device_by_place};
use super::names::{RESERVED, default_name, is_well_formed};
use super::offers::{Owner, Target};
use super::served::{ServedDevice, ServedFunction};
use super::{Offers, Registry};
use crate::contain::contain;
use crate::interface::describe::DeviceDescription;
use crate::interface::function::{BoxedFunction, Function};
use crate::interface::remote::{Device, IntoDevice};

impl Registry {
    /// Adds a device under the [name](crate::Device::name) that was given to it, or under a default one.
    ///
    /// # Errors
    ///
    /// Its name, or that of one of its methods, is malformed or taken. Nothing has been added, and the device has been
    /// dropped.
    pub fn add_device(
        &mut self,
        device: impl IntoDevice + Send, // for a driver that is not `Send`: `Device::on_thread(|| ..)`
    ) -> Result<(), RegisterError> {
        let added = self.try_add_device(device.into_device());
        added.map(drop).map_err(|(error, device)| {
            // A panic in the driver's `Drop` must not hide the error.
            let _ = contain(|| drop(device));
            error
        })
    }

    /// Like [`add_device`](Self::add_device), but an error returns the device, so that the caller can drop it where
    /// that may block.
    pub fn try_add_device(
        &mut self,
        mut device: Device,
    ) -> Result<Arc<ServedDevice>, (RegisterError, Box<ServedDevice>)> {
        let given = device.name.take();
        let mut device = Box::new(ServedDevice::new(device));
        let named = self.offers.named(given, device.description());
        let names = named.and_then(|description| {
            let names = self.offers.names_of(&description)?;
            Ok((description.name, names))
        });
        let free = names.and_then(|(name, names)| {
            let mut devices = self.devices.iter();
            match devices.find(|other| !other.is_removed() && other.has_driver_of(&device)) {
                None => Ok((name, names)),
                Some(other) => Err(RegisterError::DriverTaken {
                    first: other.name().to_string(),
                    second: name,
                }),
            }
        });
        let (name, names) = match free {
            Ok(names) => names,
            Err(error) => return Err((error, device)),
        };
        device.set_name(name);
        let device: Arc<ServedDevice> = device.into();
        self.devices.push(Arc::clone(&device));
        Arc::make_mut(&mut self.offers).add_device(&device, names);
        Ok(device)
    }

    /// Adds a free function. Functions and devices may have the same names.
    ///
    /// # Errors
    ///
    /// Its name is malformed, or taken by a method or another function. The function has been dropped.
    pub fn add_function(&mut self, function: impl BoxedFunction) -> Result<(), RegisterError> {
        let added = self.try_add_function(function.boxed());
        added.map_err(|(error, function)| {
            let _ = contain(|| drop(function));
            error
        })
    }

    /// Like [`add_function`](Self::add_function), but an error returns the function, so that the caller can drop it where
    /// that may block.
    pub fn try_add_function(
        &mut self,
        function: Box<dyn Function>,
    ) -> Result<(), (RegisterError, Box<dyn Function>)> {
        let method = function.method();
        let name = match self.offers.free_name(method.wire_name(""), FUNCTION) {
            Ok(name) => name,
            Err(error) => return Err((error, function)),
        };
        if let Some(problem) = function.mistake() {
            let error = RegisterError::BadParameters {
                function: name,
                problem,
            };
            return Err((error, function));
        }
        let probe = function.probe();
        let function = Arc::new(ServedFunction::new(function, name.clone()));
        let target = Target {
            owner: Owner::Function(Arc::downgrade(&function)),
            fingerprint: method.fingerprint(),
            reads: method.only_reads(),
            probe,
            method: Arc::new(method.clone()),
            prefix: String::new(),
        };
        self.functions.push(function);
        let offers = Arc::make_mut(&mut self.offers);
        offers.description_mut().functions.push(method);
        offers.targets.insert(name, target);
        Ok(())
    }

    /// No longer offers the device called `name`, and returns it. A call that is inside goes on; no other one is let in.
    /// Such a call can still be found to hang, until the caller [forgets](Self::forget) the device.
    pub fn remove_device(&mut self, name: &str) -> Option<Arc<ServedDevice>> {
        let at = self.devices.iter().position(|d| d.name() == name)?;
        let device = self.devices.remove(at);
        device.remove();
        let offers = Arc::make_mut(&mut self.offers);
        offers.description_mut().devices.remove(at);
        offers.devices.remove(at);
        offers.targets.retain(|_, target| match &target.owner {
            Owner::Device { device: owner, .. } | Owner::Urgent { device: owner, .. } => {
                !Weak::ptr_eq(owner, &Arc::downgrade(&device))
            }
            Owner::Function(_) => true,
        });
        self.leaving.push(Arc::clone(&device));
        Some(device)
    }

    /// Lets go of a device that was [removed](Self::remove_device), and returns it.
    pub fn forget(&mut self, device: &Weak<ServedDevice>) -> Option<Arc<ServedDevice>> {
        let is_it = |leaving: &Arc<ServedDevice>| Arc::as_ptr(leaving) == device.as_ptr();
        let at = self.leaving.iter().position(is_it)?;
        Some(self.leaving.remove(at))
    }
}

impl Offers {
    /// Returns the description of the device with the name that was given to it, or with a default one that is free.
    fn named(
        &self,
        given: Option<String>,
        device: &DeviceDescription,
    ) -> Result<DeviceDescription, RegisterError> {
        let other = |name: &str| {
            let mut devices = self.description().devices.iter().enumerate();
            devices.find(|(_, device)| device.name == name)
        };
        let named = |name| DeviceDescription {
            name,
            ..device.clone()
        };
        let Some(name) = given else {
            let driver = &device.interface.name;
            let name = default_name(&device.prefix, driver, |name| other(name).is_some());
            return Ok(named(name));
        };
        let label = device_by_place(self.description().devices.len(), device);
        if name == RESERVED || !is_well_formed(&name) {
            return Err(RegisterError::BadDeviceName {
                name,
                device: label,
            });
        }
        match other(&name) {
            Some((index, other)) => Err(RegisterError::DeviceNameTaken {
                first: device_by_place(index, other),
                name,
                second: label,
            }),
            None => Ok(named(name)),
        }
    }

    /// Returns the names of a device's methods on the wire, in the order of the methods.
    fn names_of(&self, device: &DeviceDescription) -> Result<Vec<String>, RegisterError> {
        let owner = device_by_name(device);
        let mut names: Vec<String> = Vec::new();
        for method in &device.interface.methods {
            let name = self.free_name(method.wire_name(&device.prefix), &owner)?;
            if names.contains(&name) {
                return Err(RegisterError::NameTaken {
                    name,
                    first: owner.clone(),
                    second: owner,
                });
            }
            names.push(name);
        }
        Ok(names)
    }

    fn add_device(&mut self, device: &Arc<ServedDevice>, names: Vec<String>) {
        let description = device.description();
        let methods = description.interface.methods.iter().enumerate();
        let owner = |index: usize, is_urgent: bool| {
            let (device, method) = (Arc::downgrade(device), index);
            match is_urgent {
                true => Owner::Urgent { device, method },
                false => Owner::Device { device, method },
            }
        };
        let targets = methods.map(|(method_index, method)| Target {
            owner: owner(method_index, method.urgent),
            fingerprint: method.fingerprint(),
            reads: method.only_reads(),
            probe: (device.probe)(method_index),
            method: Arc::new(method.clone()),
            prefix: description.prefix.clone(),
        });
        self.targets.extend(names.into_iter().zip(targets));
        self.description_mut().devices.push(description.clone());
        self.devices.push(Arc::downgrade(device));
    }

    fn free_name(&self, name: String, owner: &str) -> Result<String, RegisterError> {
        if let Some(taken) = self.targets.get(&name) {
            let first = match &taken.owner {
                Owner::Device { device, .. } | Owner::Urgent { device, .. } => {
                    let device = device.upgrade();
                    device
                        .map(|device| device_by_name(device.description()))
                        .unwrap_or_default()
                }
                Owner::Function(_) => FUNCTION.into(),
            };
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
}
