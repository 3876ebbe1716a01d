//! Why something cannot be registered.

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

/// What a function is called in an error at start-up: all of them alike, since the name is what they share.
pub(super) const FUNCTION: &str = "a function";

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
pub(super) fn device_label(index: usize, driver: &str, prefix: &str) -> String {
    let number = index + 1;
    match prefix {
        "" => format!("device {number} ({driver})"),
        prefix => format!("device {number} ({driver}, prefix `{prefix}`)"),
    }
}
