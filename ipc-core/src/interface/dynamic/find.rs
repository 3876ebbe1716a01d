//! Finding a method by its name.

use crate::interface::describe::{DeviceDescription, Method, MethodKind, ServerDescription};
use crate::interface::similar::nearest;
use crate::wire::failure::Refusal;

/// A method in the description of a server.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Found<'a> {
    /// The device that has it; `None` for a function.
    pub device: Option<&'a DeviceDescription>,
    /// The method.
    pub method: &'a Method,
}

impl<'a> Found<'a> {
    /// The prefix of its device.
    pub fn prefix(&self) -> &'a str {
        self.device.map_or("", |device| &device.prefix)
    }

    /// The name by which it is known: `pump.read_voltage`, `add`.
    pub fn path(&self) -> String {
        match self.device {
            Some(device) => format!("{}.{}", device.name, self.method.name),
            None => self.method.name.clone(),
        }
    }
}

impl ServerDescription {
    /// Finds a method of this kind by its name: `device.method`, the name of a function, or the name on the wire
    /// (`pump_read_voltage`, `get_pump_range`), for a property also without `get_` or `set_`.
    ///
    /// # Errors
    ///
    /// There is no such method; the error has similar names.
    pub fn find(&self, path: &str, kind: MethodKind) -> Result<Found<'_>, Refusal> {
        find(self, path, kind)
    }

    /// The device of this name.
    pub fn device(&self, name: &str) -> Option<&DeviceDescription> {
        self.devices.iter().find(|device| device.name == name)
    }

    /// Every method with its device, devices first.
    pub fn all(&self) -> impl Iterator<Item = Found<'_>> {
        let of_devices = self.devices.iter().flat_map(|device| {
            let methods = device.interface.methods.iter();
            methods.map(move |method| Found {
                device: Some(device),
                method,
            })
        });
        let functions = self.functions.iter().map(|method| Found {
            device: None,
            method,
        });
        of_devices.chain(functions)
    }
}

pub(super) fn find<'a>(
    server: &'a ServerDescription,
    path: &str,
    kind: MethodKind,
) -> Result<Found<'a>, Refusal> {
    let found = match path.split_once('.') {
        Some((device, name)) => {
            let mut all = server.all();
            all.find(|it| {
                it.device.is_some_and(|it| it.name == device)
                    && it.method.name == name
                    && is_of_kind(it.method, kind)
            })
        }
        None => {
            let on_wire = |it: &Found<'_>| it.method.wire_name(it.prefix()) == path;
            let as_property = |it: &Found<'_>| format!("{}{}", it.prefix(), it.method.name) == path;
            let of_kind = |it: &Found<'_>| is_of_kind(it.method, kind);
            let mut exact = server.all().filter(|it| of_kind(it) && on_wire(it));
            let property = || server.all().find(|it| of_kind(it) && as_property(it));
            exact.next().or_else(property)
        }
    };
    found.ok_or_else(|| unknown(server, path, kind))
}

fn is_of_kind(method: &Method, kind: MethodKind) -> bool {
    let is_plain = |kind| matches!(kind, MethodKind::Call | MethodKind::Unknown);
    method.kind == kind || is_plain(method.kind) && is_plain(kind)
}

/// The refusal for a name that is not known, with names that may have been meant.
fn unknown(server: &ServerDescription, path: &str, kind: MethodKind) -> Refusal {
    let (similar, hint) = match path.split_once('.') {
        None if let Some(device) = server.device(path) => (vec![], is_device(device)),
        None => (server.names_like(path), String::new()),
        Some((name, method)) => match server.device(name) {
            Some(device) => of_device(device, method, kind),
            None => (vec![], no_such_device(server, name)),
        },
    };
    Refusal::UnknownMethod {
        method: path.into(),
        similar,
        hint,
    }
}

fn is_device(device: &DeviceDescription) -> String {
    let DeviceDescription {
        name, interface, ..
    } = device;
    match interface.methods.first() {
        Some(first) => format!(
            "; it is a device, whose methods are named like `{name}.{}`",
            first.name
        ),
        None => "; it is a device without methods".into(),
    }
}

fn of_device(device: &DeviceDescription, name: &str, kind: MethodKind) -> (Vec<String>, String) {
    let methods = || device.interface.methods.iter();
    let other = methods().find(|method| method.name == name);
    let hint = match (other.map(|method| method.kind), kind) {
        (Some(MethodKind::Get | MethodKind::Set), MethodKind::Set) => {
            "; this property cannot be set"
        }
        (Some(MethodKind::Get | MethodKind::Set), MethodKind::Get) => {
            "; this property can only be set"
        }
        (Some(MethodKind::Get | MethodKind::Set), _) => "; it is a property: get or set it",
        (Some(_), _) => "; it is a method: call it",
        (None, _) => "",
    };
    if !hint.is_empty() {
        return (vec![], hint.into());
    }
    let names = methods().map(|method| method.name.as_str());
    let near = nearest(name, names.clone());
    let path = |near: &str| format!("{}.{near}", device.name);
    match near {
        Some(near) => (vec![path(near)], String::new()),
        None => {
            let mut names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
            names.dedup();
            names.truncate(LISTED);
            (
                vec![],
                format!("; `{}` has {}", device.name, names.join(", ")),
            )
        }
    }
}

fn no_such_device(server: &ServerDescription, name: &str) -> String {
    let names = || server.devices.iter().map(|device| device.name.as_str());
    match nearest(name, names()) {
        Some(near) => format!("; did you mean the device `{near}`?"),
        None => {
            let names: Vec<_> = names()
                .take(LISTED)
                .map(|name| format!("`{name}`"))
                .collect();
            match names.is_empty() {
                true => "; it has no devices".into(),
                false => format!("; its devices are {}", names.join(", ")),
            }
        }
    }
}

/// Maximum number of names that an error lists.
const LISTED: usize = 20;
