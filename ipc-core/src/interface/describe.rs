//! What a driver offers: methods, arguments, types, docs; names on the wire and fingerprints. Missing keys of a
//! description are read as their defaults and unknown ones skipped, so that it can grow.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::schema::Schema;

mod help;

/// Everything a driver offers to callers elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(clippy::exhaustive_structs)]
pub struct Interface {
    /// The name of the driver's type.
    pub name: String,
    /// The doc comment of its `impl` block.
    pub doc: String,
    /// Its methods in the order of the source.
    pub methods: Vec<Method>,
}

/// One method, getter or setter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(clippy::exhaustive_structs)]
pub struct Method {
    /// The name without prefix: of the method, or of the property.
    pub name: String,
    /// A plain method, or one half of a property.
    pub kind: MethodKind,
    /// The doc comment; its first line is the summary.
    pub doc: String,
    /// The arguments in order.
    pub arguments: Vec<Argument>,
    /// What it returns.
    pub result: Schema,
    /// The physical unit of the result, if stated.
    pub unit: Option<String>,
    /// The type of the error that the driver may return, if it may.
    pub error: Option<String>,
    /// Running it twice does no more than running it once, so it may be repeated after a lost connection.
    pub idempotent: bool,
    /// It runs at once, beside any call that runs in the device, and any client may call it.
    #[serde(skip_serializing_if = "is_false")]
    pub urgent: bool,
    /// Marked as one that only reads, so that others may call it while a client has a lease of the device. Getters may be
    /// called without the mark; see [`only_reads`](Self::only_reads).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reads: bool,
    /// Why and since when callers should use something else.
    pub deprecated: Option<String>,
}

/// A plain method, or one half of a property.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(clippy::exhaustive_enums)]
pub enum MethodKind {
    /// A plain method.
    #[default]
    Call,
    /// Reads a property.
    Get,
    /// Writes a property.
    Set,
    /// Of a kind that this version does not define.
    #[serde(other)]
    Unknown,
}

impl MethodKind {
    /// What stands before the prefix in the name on the wire.
    pub(crate) fn accessor(self) -> &'static str {
        match self {
            MethodKind::Call | MethodKind::Unknown => "",
            MethodKind::Get => "get_",
            MethodKind::Set => "set_",
        }
    }
}

/// One argument of a method.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(clippy::exhaustive_structs)]
pub struct Argument {
    /// The name, for callers by name.
    pub name: String,
    /// The type.
    pub schema: Schema,
    /// The physical unit, if stated.
    pub unit: Option<String>,
    /// The default as written in the source, if callers by name may leave the argument out.
    pub default: Option<String>,
    /// The values that are accepted, as written in the source: `1..=5`, `["low", "high"]`.
    pub accepts: Option<String>,
}

/// Everything a server offers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(clippy::exhaustive_structs)]
pub struct ServerDescription {
    /// The devices in the order of registration.
    pub devices: Vec<DeviceDescription>,
    /// The free functions.
    pub functions: Vec<Method>,
}

/// One device of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(clippy::exhaustive_structs)]
pub struct DeviceDescription {
    /// Its name, unique on the server.
    pub name: String,
    /// What stands before each of its names; may be empty.
    pub prefix: String,
    /// What it offers.
    pub interface: Interface,
}

impl Method {
    /// The name on the wire: `pump_read_voltage`, `get_pump_range`, `set_pump_range` for prefix `pump_`.
    pub fn wire_name(&self, prefix: &str) -> String {
        format!("{}{prefix}{}", self.kind.accessor(), self.name)
    }

    /// True if it only reads, so that clients may call it while another one has a lease of the device: a getter, or a method
    /// marked as `read`.
    pub fn only_reads(&self) -> bool {
        self.kind == MethodKind::Get || self.reads
    }

    /// The prefix with which the method has this name on the wire, if it can have it.
    pub(crate) fn prefix_in<'a>(&self, wire_name: &'a str) -> Option<&'a str> {
        let name = wire_name.strip_prefix(self.kind.accessor())?;
        name.strip_suffix(self.name.as_str())
    }

    /// Identifies all that changes the bytes of a call or their meaning: name, arguments, types, in order. Docs, units,
    /// defaults and marks such as `idempotent` do not count. Independent of the prefix.
    pub fn fingerprint(&self) -> u64 {
        let mut canonical = self.wire_name("");
        canonical.push('(');
        for argument in &self.arguments {
            let _ = write!(canonical, "{}=", argument.name);
            argument.schema.write_canonical(&mut canonical);
            canonical.push(',');
        }
        canonical.push_str(")->");
        self.result.write_canonical(&mut canonical);
        let digest = Sha256::digest(canonical);
        digest
            .iter()
            .take(8)
            .fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    /// The signature as a Rust programmer would write it, under its name on the wire.
    pub fn signature(&self, prefix: &str) -> String {
        let mut text = self.wire_name(prefix);
        text.push('(');
        for (i, argument) in self.arguments.iter().enumerate() {
            let separator = if i == 0 { "" } else { ", " };
            let _ = write!(text, "{separator}{argument}");
        }
        text.push(')');
        if self.result != Schema::Unit {
            let _ = write!(text, " -> {}", self.result);
        }
        text
    }

    /// The first line of the doc comment.
    pub fn summary(&self) -> &str {
        self.doc.lines().next().unwrap_or_default().trim()
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.schema)?;
        if let Some(default) = &self.default {
            write!(f, " = {default}")?;
        }
        Ok(())
    }
}

impl ServerDescription {
    /// Every method with its prefix, devices first.
    pub fn methods(&self) -> impl Iterator<Item = (&str, &Method)> {
        let devices = self.devices.iter().flat_map(|device| {
            device
                .interface
                .methods
                .iter()
                .map(|method| (device.prefix.as_str(), method))
        });
        devices.chain(self.functions.iter().map(|function| ("", function)))
    }

    /// The device that has the method `wire_name`, such as `pump_read_voltage`, and the method; `None` for a function.
    pub fn device_with(&self, wire_name: &str) -> Option<(&DeviceDescription, &Method)> {
        self.devices.iter().find_map(|device| {
            let mut methods = device.interface.methods.iter();
            let found =
                methods.find(|method| method.prefix_in(wire_name) == Some(device.prefix.as_str()));
            found.map(|method| (device, method))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn read_voltage() -> Method {
        Method {
            name: "read_voltage".into(),
            doc: "Mean voltage.\n\nAveraged.".into(),
            arguments: vec![Argument {
                name: "samples".into(),
                schema: Schema::Unsigned(32),
                default: Some("1".into()),
                accepts: Some("1..=1000".into()),
                ..Argument::default()
            }],
            result: Schema::Float(64),
            unit: Some("V".into()),
            ..Method::default()
        }
    }

    #[test]
    fn properties_follow_their_prefix() {
        let range = Method {
            name: "range".into(),
            kind: MethodKind::Get,
            ..Method::default()
        };
        assert_eq!(range.wire_name("pump_"), "get_pump_range");
        assert_eq!(read_voltage().wire_name("pump_"), "pump_read_voltage");
    }

    #[test]
    fn the_fingerprint_covers_the_bytes_and_nothing_else() {
        let print = read_voltage().fingerprint();
        let documented = Method {
            doc: String::new(),
            unit: None,
            urgent: true,
            ..read_voltage()
        };
        assert_eq!(documented.fingerprint(), print);

        let mut changed = [
            read_voltage(),
            read_voltage(),
            read_voltage(),
            read_voltage(),
        ];
        changed[0].result = Schema::Float(32);
        changed[1].arguments[0].name = "count".into();
        changed[2].arguments[0].schema = Schema::Unsigned(16);
        changed[3].kind = MethodKind::Get;
        for method in changed {
            assert_ne!(method.fingerprint(), print, "{}", method.signature(""));
        }
    }
}
