//! Descriptions as text for a person.

use std::fmt::Write as _;

use super::{DeviceDescription, Method, MethodKind, ServerDescription};
use crate::interface::{bounds, definitions};

impl ServerDescription {
    /// All names and summaries, for a person to read.
    pub fn help(&self) -> String {
        let mut text = String::new();
        for device in &self.devices {
            let _ = writeln!(text, "{}", device.heading());
            if let Some(summary) = device.interface.doc.lines().next() {
                let _ = writeln!(text, "    {}", summary.trim());
            }
            write_methods(&mut text, &device.prefix, &device.interface.methods);
        }
        if !self.functions.is_empty() {
            text.push_str("Functions\n");
            write_methods(&mut text, "", &self.functions);
        }
        text
    }

    /// Signature, units, limits and docs of one method, found by its name on the wire or by the name of its property.
    pub fn help_for(&self, name: &str) -> Option<String> {
        let found: Vec<_> = self
            .methods()
            .filter(|(prefix, method)| {
                method.wire_name(prefix) == name
                    || method.kind != MethodKind::Call && format!("{prefix}{}", method.name) == name
            })
            .map(|(prefix, method)| method.help(prefix))
            .collect();
        (!found.is_empty()).then(|| found.join("\n"))
    }
}

impl DeviceDescription {
    fn heading(&self) -> String {
        let Self {
            name,
            prefix,
            interface,
        } = self;
        match prefix.as_str() {
            "" => format!("{name}: {}", interface.name),
            prefix => format!("{name}: {} ({prefix}*)", interface.name),
        }
    }
}

impl Method {
    /// The signature and the unit of the result or, for a setter, of the value: "get_range() -> f64  [V]".
    fn signature_with_unit(&self, prefix: &str) -> String {
        let of_value = || self.arguments.first()?.unit.as_ref();
        let unit = match self.kind {
            MethodKind::Set => of_value(),
            _ => self.unit.as_ref(),
        };
        let signature = self.signature(prefix);
        match unit {
            Some(unit) => format!("{signature}  [{unit}]"),
            None => signature,
        }
    }

    fn help(&self, prefix: &str) -> String {
        let mut text = self.signature_with_unit(prefix) + "\n";
        for argument in &self.arguments {
            let name = &argument.name;
            let _ = match (&argument.accepts, &argument.unit) {
                // In the words of the error that refuses other values.
                (Some(accepts), unit) => writeln!(
                    text,
                    "  `{name}` must be {}",
                    bounds::in_words(accepts, unit.as_deref())
                ),
                (None, Some(unit)) => writeln!(text, "  `{name}` is in {unit}"),
                (None, None) => Ok(()),
            };
        }
        if self.urgent {
            text.push_str("  urgent: runs at once, even while another call runs\n");
        }
        if self.reads {
            text.push_str("  only reads: works while another client has a lease of the device\n");
        }
        if let Some(reason) = &self.deprecated {
            let _ = writeln!(text, "  deprecated: {reason}");
        }
        for line in self.doc.lines() {
            let _ = writeln!(text, "  {line}");
        }
        for definition in definitions::of(self) {
            definitions::explain(definition, &mut text);
        }
        text
    }
}

fn write_methods(text: &mut String, prefix: &str, methods: &[Method]) {
    for method in methods {
        let _ = writeln!(text, "  {}", method.signature_with_unit(prefix));
        if !method.summary().is_empty() {
            let _ = writeln!(text, "      {}", method.summary());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::read_voltage;
    use super::super::{Argument, Interface};
    use super::*;
    use crate::interface::schema::Schema;
    use crate::interface::value;

    #[test]
    fn help_says_what_a_caller_needs() {
        let set_range = Method {
            name: "range".into(),
            kind: MethodKind::Set,
            arguments: vec![Argument {
                name: "value".into(),
                schema: Schema::Float(64),
                unit: Some("mV".into()),
                accepts: Some("0.5..=60.0".into()),
                ..Argument::default()
            }],
            ..Method::default()
        };
        let interface = Interface {
            name: "Meter".into(),
            doc: "Measures voltages.\n\nSlowly.".into(),
            methods: vec![
                Method {
                    reads: true,
                    ..read_voltage()
                },
                set_range,
            ],
        };
        let device = DeviceDescription {
            name: "pump".into(),
            prefix: "pump_".into(),
            interface,
        };
        let server = ServerDescription {
            devices: vec![device],
            functions: vec![],
        };
        assert!(
            server
                .help()
                .contains("pump_read_voltage(samples: u32 = 1) -> f64")
        );
        let heading = "pump: Meter (pump_*)\n    Measures voltages.\n  pump_read_voltage(";
        assert!(server.help().starts_with(heading), "{}", server.help());
        let setter = "  set_pump_range(value: f64)  [mV]\n";
        assert!(server.help().contains(setter), "{}", server.help());
        let help = server.help_for("set_pump_range").unwrap();
        assert!(
            help.contains("`value` must be a number from 0.5 to 60 mV"),
            "{help}"
        );
        let help = server.help_for("pump_read_voltage").unwrap();
        for part in [
            "[V]",
            "`samples` must be a number from 1 to 1000",
            "Averaged.",
            "only reads",
        ] {
            assert!(help.contains(part), "{help}");
        }
        assert_eq!(server.help_for("read_voltage"), None);
        let (device, method) = server.device_with("pump_read_voltage").unwrap();
        assert_eq!((device.name.as_str(), method.reads), ("pump", true));
        assert_eq!(method.fingerprint(), read_voltage().fingerprint());
        let packed = value::pack(&server).unwrap();
        assert_eq!(value::unpack(&packed), Ok(server.clone()));
        for other in ["read_voltage", "get_pump_read_voltage", "pump_"] {
            assert_eq!(server.device_with(other), None, "{other}");
        }
    }
}
