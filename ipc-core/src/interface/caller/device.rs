//! Finding a device by its name in the description of a server.

use crate::error::CallError;
use crate::interface::describe::{DeviceDescription, ServerDescription};
use crate::wire::sanitize::fit_to_show;

/// Why there is no proxy for a device of this name. No driver was entered.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The server could not be asked for its description.
    #[error(transparent)]
    NotDescribed(#[from] CallError),
    /// The server has no device of this name.
    #[error("the server has no device `{device}`; {}", listed(.devices, "its devices are"))]
    Unknown {
        /// The name that was asked for.
        device: String,
        /// The names of all devices of the server.
        devices: Vec<String>,
    },
    /// The device has a driver of another type than the proxy.
    #[error(
        "device `{device}` is of type `{}`, not `{expected}`; {}",
        fit_to_show(.found),
        listed(.devices, "devices of this type are")
    )]
    OtherType {
        /// The name of the device.
        device: String,
        /// The type of its driver.
        found: String,
        /// The type of driver that the proxy is for.
        expected: String,
        /// The names of all devices of the expected type.
        devices: Vec<String>,
    },
}

crate::readable_debug!(DeviceError);

pub(super) fn find<'a>(
    server: &'a ServerDescription,
    name: &str,
    expected: &str,
) -> Result<&'a DeviceDescription, DeviceError> {
    let devices = || server.devices.iter();
    let Some(device) = devices().find(|device| device.name == name) else {
        return Err(DeviceError::Unknown {
            device: name.into(),
            devices: devices().map(|device| device.name.clone()).collect(),
        });
    };
    let is_expected = |device: &&DeviceDescription| device.interface.name == expected;
    if !is_expected(&device) {
        let fitting = devices().filter(is_expected);
        return Err(DeviceError::OtherType {
            device: name.into(),
            found: device.interface.name.clone(),
            expected: expected.into(),
            devices: fitting.map(|device| device.name.clone()).collect(),
        });
    }
    Ok(device)
}

/// What to add if a server no longer has a method that is called through a proxy made by name.
pub(super) fn made_before(device: &str, prefix: &str) -> String {
    let prefix = match prefix {
        "" => "no prefix".into(),
        prefix => format!("the prefix `{prefix}`"),
    };
    format!(
        " (this proxy was made for device `{device}` with {prefix}; if the server was restarted since, make it again)"
    )
}

fn listed(names: &[String], title: &str) -> String {
    // The names come from the server.
    let shown = names.iter().take(LISTED).map(|name| fit_to_show(name));
    let shown: Vec<_> = shown.map(|name| format!("`{name}`")).collect();
    match (shown.as_slice(), names.len() - shown.len()) {
        ([], _) => format!("{title} none"),
        (shown, 0) => format!("{title} {}", shown.join(", ")),
        (shown, more) => format!("{title} {} and {more} more", shown.join(", ")),
    }
}

/// Maximum number of devices that an error lists.
const LISTED: usize = 16;
