//! Suggestions for method names that the server does not have.

use super::describe::{Method, ServerDescription};

impl ServerDescription {
    /// Returns wire names that a caller may have meant by `name`: the same method of devices with other prefixes, and
    /// at most three similar names: those with the same prefix first, and among them the most similar one.
    pub fn names_like(&self, name: &str) -> Vec<String> {
        let mut names = self.with_other_prefixes(name);
        for near in self.near(name).into_iter().take(NEAR) {
            if !names.contains(&near) {
                names.push(near);
            }
        }
        names
    }

    fn near(&self, name: &str) -> Vec<String> {
        let name: String = name.chars().take(COMPARED).collect();
        let asked = without_accessor(&name);
        let mut near: Vec<_> = self
            .methods()
            .filter_map(|(prefix, method)| {
                let known = method.wire_name(prefix);
                let bare = without_accessor(&known);
                let distance = strsim::osa_distance(asked, bare);
                let is_near = distance * 3 <= bare.len().max(asked.len());
                let is_part = !asked.is_empty() && (bare.contains(asked) || asked.contains(bare));
                let is_elsewhere = prefix.is_empty() || !asked.starts_with(prefix);
                // If `get_` was asked for, a getter is meant and not a method.
                let with_accessor = strsim::osa_distance(&name, &known);
                (is_near || is_part).then_some((is_elsewhere, distance, with_accessor, known))
            })
            .collect();
        near.sort();
        near.into_iter().map(|(.., known)| known).collect()
    }

    /// Returns the wire names of the method that `name` ends with, for a proxy that was given a wrong prefix.
    fn with_other_prefixes(&self, name: &str) -> Vec<String> {
        let same = || {
            self.methods().filter(|(_, method)| {
                let prefix = method.prefix_in(name);
                prefix.is_some_and(|prefix| self.may_be_wrong_prefix(prefix))
            })
        };
        let longest = same().map(|(_, method)| method.name.len()).max();
        same()
            .filter(|(_, method)| Some(method.name.len()) == longest)
            .map(|(prefix, method)| method.wire_name(prefix))
            .take(PREFIXES)
            .collect()
    }

    /// Returns true if `prefix` ends like a prefix, or would with the `_` of a known one, and does not begin with a
    /// known prefix.
    fn may_be_wrong_prefix(&self, prefix: &str) -> bool {
        let mut known = self.devices.iter().map(|device| device.prefix.as_str());
        let begins = |known: &str| !known.is_empty() && prefix.starts_with(known);
        let stands_apart = prefix.is_empty()
            || prefix.ends_with('_')
            || known
                .clone()
                .any(|known| known.strip_suffix('_') == Some(prefix));
        stands_apart && !known.any(begins)
    }
}

/// Returns the hint to add to a refusal of `own`, called through a proxy with `prefix`, if the server has the same
/// method under other prefixes.
pub(super) fn prefix_hint(own: &Method, prefix: &str, similar: &[String]) -> String {
    let others = similar.iter().filter_map(|name| own.prefix_in(name));
    // `get_` and `set_` belong to a property of the same name and are not prefixes.
    let others = others.filter(|prefix| !["get_", "set_"].contains(prefix));
    let others: Vec<_> = others
        .map(|prefix| match prefix {
            "" => "no prefix: `::new(..)`".into(),
            prefix => format!("`{prefix}`"),
        })
        .collect();
    let made = match prefix {
        _ if others.is_empty() => return String::new(),
        "" => "without a prefix".into(),
        prefix => format!("with the prefix `{prefix}`"),
    };
    let others = others.join(", ");
    format!(" (this proxy was made {made}; try {others})")
}

/// Returns the most similar of the `known` names, if one is similar.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name: String = name
        .chars()
        .take(COMPARED)
        .collect::<String>()
        .to_lowercase();
    let near = known.filter_map(|known| {
        let distance = strsim::osa_distance(&name, &known.to_lowercase());
        let is_near = distance * 3 <= known.len().max(name.len());
        let is_part = name.len() > 2 && known.to_lowercase().contains(&name);
        (is_near || is_part).then_some((distance, known))
    });
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Removes `get_` or `set_` from the name of an accessor, which leaves the name of the property.
fn without_accessor(name: &str) -> &str {
    let get = name.strip_prefix("get_");
    get.or_else(|| name.strip_prefix("set_")).unwrap_or(name)
}

/// Maximum number of similar names to suggest.
const NEAR: usize = 3;

/// Maximum number of names of the same method to suggest.
const PREFIXES: usize = 8;

/// Maximum number of characters of a name that are compared, so that a name of megabytes costs little.
const COMPARED: usize = 100;

#[cfg(test)]
mod tests {
    use super::super::describe::{DeviceDescription, Interface, Method, MethodKind};
    use super::*;

    fn server(prefixes: &[&str]) -> ServerDescription {
        let method = |name: &str, kind| Method {
            name: name.into(),
            kind,
            ..Method::default()
        };
        let methods = vec![
            method("read_voltage", MethodKind::Call),
            method("age", MethodKind::Call),
            method("range", MethodKind::Get),
            method("range", MethodKind::Set),
        ];
        let devices = prefixes.iter().map(|prefix| DeviceDescription {
            prefix: (*prefix).into(),
            interface: Interface {
                methods: methods.clone(),
                ..Interface::default()
            },
            ..DeviceDescription::default()
        });
        ServerDescription {
            devices: devices.collect(),
            functions: vec![],
        }
    }

    #[test]
    fn a_wrong_prefix_is_told_with_the_right_ones() {
        let own = Method {
            name: "read_voltage".into(),
            ..Method::default()
        };
        let hint = |prefix, similar: &str| prefix_hint(&own, prefix, &[similar.into()]);
        assert!(hint("left", "left_read_voltage").ends_with("`left`; try `left_`)"));
        assert!(hint("left_", "read_voltage").ends_with("try no prefix: `::new(..)`)"));
        assert!(hint("", "left_read_voltage").contains("without a prefix"));
        assert_eq!(hint("left_", "reset"), "");
    }

    #[test]
    fn names_that_look_alike_are_found() {
        let server = server(&["pump_"]);
        // The second name ends with the method `age`, which is not meant.
        for meant in [
            "read_voltage",
            "pump_read_votlage",
            "get_pump_read_voltage",
            "voltage",
        ] {
            assert_eq!(server.names_like(meant), ["pump_read_voltage"], "{meant}");
        }
        for other in ["", "x", "wavelength", "storage"] {
            assert!(server.names_like(other).is_empty(), "{other}");
        }
    }

    #[test]
    fn the_same_prefix_and_accessor_come_first() {
        let mut server = server(&["west_", "east_"]);
        for device in &mut server.devices {
            device.interface.methods = vec![
                Method {
                    name: "expose".into(),
                    ..Method::default()
                },
                Method {
                    name: "exposure".into(),
                    kind: MethodKind::Get,
                    ..Method::default()
                },
            ];
        }
        let meant = ["get_east_exposure", "east_expose", "get_west_exposure"];
        assert_eq!(server.names_like("get_east_exposre"), meant);
        assert_eq!(server.names_like("east_expos")[0], "east_expose");
    }

    #[test]
    fn a_wrong_prefix_finds_the_same_method_under_all_others() {
        let server = server(&["left_", "right_", "reference_"]);
        let voltages = [
            "left_read_voltage",
            "right_read_voltage",
            "reference_read_voltage",
        ];
        for wrong in ["main_read_voltage", "leftread_voltage", "read_voltage"] {
            // Not the names that end with `age`, although that is a method, too.
            assert_eq!(server.names_like(wrong), voltages, "{wrong}");
        }
        let getters = ["get_left_range", "get_right_range", "get_reference_range"];
        assert_eq!(server.names_like("get_detector_range"), getters);
    }

    #[test]
    fn the_list_stays_short() {
        let prefixes: Vec<String> = (0..100)
            .map(|number| format!("channel_{number}_"))
            .collect();
        let prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
        assert_eq!(server(&prefixes).names_like("read_voltage").len(), PREFIXES);
    }
}
