//! The names of devices: which ones are allowed, and the default ones.

use heck::ToSnakeCase;

/// Maximum length of a device name, in bytes.
pub(super) const MAX_NAME: usize = 64;

/// The name that stands for the server itself.
pub(super) const RESERVED: &str = "server";

/// Returns true for 1 to 64 ASCII letters, digits, `_` and `-`. Dots are left out so that `device.method` can be split.
pub(super) fn is_well_formed(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len()) && name.chars().all(is_allowed)
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// Returns the name of a device that was given none: its prefix without the `_` at the end, or the type of its driver in
/// snake case. If that name is taken, a number follows.
pub(super) fn default_name(prefix: &str, driver: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let name = match prefix.trim_end_matches('_') {
        "" => well_formed(&driver.to_snake_case()),
        prefix => well_formed(prefix),
    };
    let numbered = (2_u64..).map(|number| numbered(&name, number));
    let mut candidates = std::iter::once(name.clone()).chain(numbered);
    let free = candidates.find(|name| *name != RESERVED && !is_taken(name));
    free.unwrap_or(name)
}

/// Replaces characters that are not allowed by `_`, and cuts the name to the maximum length. Returns `device` if nothing
/// but `_` is left.
fn well_formed(name: &str) -> String {
    let allowed = |c| if is_allowed(c) { c } else { '_' };
    let name: String = name.chars().map(allowed).take(MAX_NAME).collect();
    match name.trim_matches('_') {
        "" => "device".into(),
        _ => name,
    }
}

/// Appends the number, as in `meter_2`.
fn numbered(name: &str, number: u64) -> String {
    let suffix = format!("_{number}");
    let kept = MAX_NAME.saturating_sub(suffix.len());
    let name: String = name.chars().take(kept).collect();
    name + &suffix
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn of(prefix: &str, driver: &str) -> String {
        default_name(prefix, driver, |_| false)
    }

    #[test]
    fn the_default_is_the_prefix_or_the_type() {
        assert_eq!(of("pump_", "PowerMeter"), "pump");
        assert_eq!(of("left", "PowerMeter"), "left");
        assert_eq!(of("", "PowerMeter"), "power_meter");
        assert_eq!(of("_", "SR830"), "sr830");
        assert_eq!(of("", "HTTPServer"), "http_server");
    }

    #[test]
    fn what_is_not_allowed_becomes_an_underscore() {
        assert_eq!(of("wärme_", "Meter"), "w_rme");
        assert_eq!(of("", "Wärmebad"), "w_rmebad");
        assert_eq!(of("µ_", "Meter"), "device");
        assert_eq!(of("", ""), "device");
        assert_eq!(of(&"p".repeat(100), "Meter"), "p".repeat(MAX_NAME));
    }

    #[test]
    fn a_name_that_is_taken_or_reserved_gets_a_number() {
        let taken = ["meter", "meter_2"];
        let name = default_name("", "Meter", |name| taken.contains(&name));
        assert_eq!(name, "meter_3");
        assert_eq!(of("", "Server"), "server_2");
        let long = "p".repeat(MAX_NAME);
        let name = default_name(&long, "Meter", |name| name == long);
        assert_eq!(name, "p".repeat(MAX_NAME - 2) + "_2");
    }

    #[test]
    fn names_are_letters_digits_and_two_signs() {
        for good in ["a", "pump-2_B", &"p".repeat(MAX_NAME)] {
            assert!(is_well_formed(good), "{good}");
        }
        for bad in ["", "a.b", "a b", "µ", &"p".repeat(MAX_NAME + 1)] {
            assert!(!is_well_formed(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn default_names_are_unique_and_well_formed(
            devices in prop::collection::vec(
                (
                    prop_oneof![Just(String::new()), "[a-bµ_]{0,3}", "p{60,70}", ".{0,80}"],
                    prop_oneof![Just("Server".to_string()), "[A-B]{0,2}", ".{0,80}"],
                ),
                0..40,
            ),
        ) {
            let mut names = HashSet::new();
            for (prefix, driver) in devices {
                let name = default_name(&prefix, &driver, |name| names.contains(name));
                prop_assert!(is_well_formed(&name), "{name}");
                prop_assert_ne!(&name, RESERVED);
                prop_assert!(names.insert(name));
            }
        }
    }
}
