//! What the names on the command line stand for.

use std::sync::Arc;

use ipc_client::{Found, MethodKind, Schema, ServerDescription};

use crate::commands::no_such_name;
use crate::failure::Failure;

/// Something that is read again and again.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Target {
    /// The name for people: `pump.range`.
    pub(super) name: String,
    pub(super) wire_name: String,
    pub(super) kind: MethodKind,
    pub(super) schema: Schema,
    pub(super) unit: Option<String>,
}

/// All that is read, in the order of the command line.
pub(super) type Targets = Vec<Arc<Target>>;

impl Target {
    fn new(found: &Found<'_>) -> Self {
        Self {
            name: found.path(),
            wire_name: found.method.wire_name(found.prefix()),
            kind: found.method.kind,
            schema: found.method.result.clone(),
            unit: found.method.unit.clone(),
        }
    }

    /// The same as a server describes it now; `None` if there is none.
    pub(super) fn found_again(&self, server: &ServerDescription) -> Option<Self> {
        let found = server.find(&self.wire_name, self.kind);
        found.ok().map(|found| Self::new(&found))
    }
}

/// Finds properties, methods without arguments, and all properties of devices. What is named twice is read once.
pub(super) fn find(server: &ServerDescription, names: &[String]) -> Result<Targets, Failure> {
    let mut targets = Targets::new();
    for name in names {
        for found in named(server, name)? {
            let target = Arc::new(Target::new(&found));
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
    }
    Ok(targets)
}

fn named<'a>(server: &'a ServerDescription, name: &str) -> Result<Vec<Found<'a>>, Failure> {
    if server.device(name).is_some() {
        return properties(server, name);
    }
    let property = server.find(name, MethodKind::Get);
    if let Ok(found) = property {
        return Ok(vec![found]);
    }
    if let Ok(found) = server.find(name, MethodKind::Call) {
        return method(found, name).map(|found| vec![found]);
    }
    match server.find(name, MethodKind::Set) {
        Ok(_) => Err(Failure::usage(format!(
            "`{name}` can only be set; a monitor reads"
        ))),
        Err(_) => Err(no_such_name(server, name)),
    }
}

fn properties<'a>(server: &'a ServerDescription, device: &str) -> Result<Vec<Found<'a>>, Failure> {
    let is_it = |found: &Found<'_>| found.device.is_some_and(|it| it.name == device);
    let of_device = || server.all().filter(is_it);
    let properties: Vec<_> = of_device()
        .filter(|found| found.method.kind == MethodKind::Get)
        .collect();
    if !properties.is_empty() {
        return Ok(properties);
    }
    let readable: Vec<_> = of_device()
        .filter(|found| method(*found, "").is_ok())
        .map(|found| found.path())
        .collect();
    let hint = match readable.is_empty() {
        true => "and no methods without arguments".into(),
        false => format!("name its methods: {}", readable.join(", ")),
    };
    Err(Failure::usage(format!(
        "the device `{device}` has no properties; {hint}"
    )))
}

/// A method that can be read like a property.
fn method<'a>(found: Found<'a>, name: &str) -> Result<Found<'a>, Failure> {
    let mut arguments = found.method.arguments.iter();
    if let Some(needed) = arguments.find(|argument| argument.default.is_none()) {
        return Err(Failure::usage(format!(
            "`{name}` needs the argument `{}`; a monitor calls methods without arguments",
            needed.name
        )));
    }
    match found.method.result {
        Schema::Unit => Err(Failure::usage(format!(
            "`{name}` returns nothing that could be shown"
        ))),
        _ => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipc_client::{Argument, DeviceDescription, Interface, Method};

    fn server() -> ServerDescription {
        let method = |name: &str, kind, result| Method {
            name: name.into(),
            kind,
            result,
            ..Method::default()
        };
        let samples = |default: Option<&str>| Argument {
            name: "samples".into(),
            schema: Schema::Unsigned(32),
            default: default.map(str::to_string),
            ..Argument::default()
        };
        let float = Schema::Float(64);
        let methods = vec![
            method("range", MethodKind::Get, float.clone()),
            method("range", MethodKind::Set, Schema::Unit),
            method("mode", MethodKind::Get, Schema::String),
            method("gain", MethodKind::Set, Schema::Unit),
            method("home", MethodKind::Call, Schema::Unit),
            Method {
                arguments: vec![samples(None)],
                ..method("read", MethodKind::Call, float.clone())
            },
            Method {
                arguments: vec![samples(Some("1"))],
                ..method("mean", MethodKind::Call, float.clone())
            },
        ];
        let device = |name: &str, methods| DeviceDescription {
            name: name.into(),
            prefix: format!("{name}_"),
            interface: Interface {
                methods,
                ..Interface::default()
            },
        };
        let reset = method("reset", MethodKind::Call, Schema::Unit);
        let level = method("level", MethodKind::Call, float);
        ServerDescription {
            devices: vec![
                device("pump", methods),
                device("valve", vec![reset.clone(), level]),
                device("stage", vec![reset]),
            ],
            functions: vec![],
        }
    }

    fn found(names: &[&str]) -> Result<Vec<String>, String> {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        match find(&server(), &names) {
            Ok(targets) => Ok(targets.iter().map(|it| it.name.clone()).collect()),
            Err(Failure::Failed { text, .. }) => Err(text),
            Err(failure) => panic!("{failure:?}"),
        }
    }

    #[test]
    fn properties_methods_and_devices_are_found() {
        assert_eq!(
            found(&["pump.mean", "pump_range", "pump"]).unwrap(),
            ["pump.mean", "pump.range", "pump.mode"]
        );
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for (name, text) in [
            ("pump.read", "needs the argument `samples`"),
            ("pump.home", "returns nothing"),
            ("pump.gain", "can only be set"),
            ("pump.rnge", "did you mean"),
            ("pmp", "devices are pump, valve, stage"),
            ("valve", "name its methods: valve.level"),
            ("stage", "no methods without arguments"),
        ] {
            let error = found(&[name]).unwrap_err();
            assert!(error.contains(text), "{name}: {error}");
        }
    }

    #[test]
    fn a_target_is_found_again_as_it_is_now() {
        let mut server = server();
        let range = find(&server, &["pump.range".into()]).unwrap().remove(0);
        server.devices[0].interface.methods[0].unit = Some("V".into());
        let again = range.found_again(&server).unwrap();
        assert_eq!(again.unit.as_deref(), Some("V"));
        server.devices.remove(0);
        assert_eq!(range.found_again(&server), None);
    }
}
