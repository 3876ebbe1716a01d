//! The record of the devices: who was inside, who had a lease at that moment, and when a device was released.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use ipc_core::interface::commands::DeviceStatus;

use super::super::ledger::{damaged, number};
use super::DEVICES;

/// Something that has happened, in order for each device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A call has entered a device.
    Call(Call),
    /// The release hook of a device has run.
    Released(&'static str),
    /// The server has reported that it has granted a lease, some time ago.
    Leased(u64),
}

/// A call inside a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The token of the call.
    pub token: u64,
    /// The device.
    pub device: &'static str,
    /// The worker that was inside, as the server says; 0 if that is none.
    pub inside: u64,
    /// Who had a lease of the device, as the server says.
    pub holder: Option<Holder>,
}

/// Who has a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The worker; 0 if that is none.
    pub worker: u64,
    /// The number that the worker who asked for the lease gave it.
    pub lease: u64,
}

/// Returns what a device puts on record beside the token of a call.
pub(super) fn testimony(device: &DeviceStatus) -> String {
    let first_word = |text: &str| text.split(' ').next().unwrap_or_default().to_string();
    let holder = match &device.holder {
        Some(holder) => format!("{} {}", first_word(&holder.name), holder.because),
        None => "nobody 0".into(),
    };
    format!("{} {} {holder}", device.name, first_word(&device.inside))
}

/// Returns what a device puts on record when its release hook runs.
pub(super) fn released(device: &str) -> String {
    format!("released {device}")
}

/// Returns what is put on record when the server reports a lease.
pub(super) fn leased(lease: &str) -> String {
    format!("leased {lease}")
}

/// Reads the record.
///
/// # Errors
///
/// The file cannot be read, or is no such record.
pub fn read(path: &Path) -> io::Result<Vec<Entry>> {
    let text = std::fs::read_to_string(path)?;
    text.lines().map(entry).collect()
}

/// Returns how often each token was executed.
pub fn executions(record: &[Entry]) -> HashMap<u64, u32> {
    let mut executions = HashMap::new();
    for entry in record {
        if let Entry::Call(call) = entry {
            *executions.entry(call.token).or_default() += 1;
        }
    }
    executions
}

fn entry(line: &str) -> io::Result<Entry> {
    let device = |name: &str| {
        let known = DEVICES.into_iter().find(|device| *device == name);
        known.ok_or_else(|| damaged(line))
    };
    match line.split(' ').collect::<Vec<_>>()[..] {
        ["released", name] => Ok(Entry::Released(device(name)?)),
        ["leased", lease] => Ok(Entry::Leased(number(lease, line)?)),
        [token, name, inside, holder, lease] => {
            let (worker, lease) = (worker(holder), number(lease, line)?);
            Ok(Entry::Call(Call {
                token: number(token, line)?,
                device: device(name)?,
                inside: self::worker(inside),
                holder: (holder != "nobody").then_some(Holder { worker, lease }),
            }))
        }
        _ => Err(damaged(line)),
    }
}

/// Returns the number of the worker of this name; 0 for others.
fn worker(name: &str) -> u64 {
    let number = name
        .strip_prefix('w')
        .and_then(|number| number.parse().ok());
    number.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use ipc_core::interface::commands::HolderInfo;

    use super::*;

    #[test]
    fn what_is_put_on_record_is_read_again() {
        let mut device = DeviceStatus {
            name: "laser".into(),
            inside: "w2 at 127.0.0.1:5000".into(),
            ..DeviceStatus::default()
        };
        let mut call = Call {
            token: 0x2_0000_0007,
            device: "laser",
            inside: 2,
            holder: None,
        };
        let read = |device: &DeviceStatus| {
            entry(&format!("{:015x} {}", 0x2_0000_0007_u64, testimony(device)))
        };
        assert_eq!(read(&device).unwrap(), Entry::Call(call));
        device.holder = Some(HolderInfo {
            name: "w1".into(),
            because: "10000000a".into(),
            ..HolderInfo::default()
        });
        call.holder = Some(Holder {
            worker: 1,
            lease: 0x1_0000_000a,
        });
        assert_eq!(read(&device).unwrap(), Entry::Call(call));
        assert_eq!(entry(&released("meter")).unwrap(), Entry::Released("meter"));
        assert_eq!(
            entry(&leased("10000000a")).unwrap(),
            Entry::Leased(0x1_0000_000a)
        );
    }
}
