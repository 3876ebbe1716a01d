//! What a server tells without having been asked.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::notice::Notice;
use super::queue_status::QueueStatus;
use super::sanitize::fit_to_show;

/// What a server tells without having been asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Info {
    /// Other clients are before this one.
    Queued(QueueStatus),
    /// How far a running call is.
    Progress {
        /// The number of the call.
        call: u64,
        /// From 0 to 1.
        fraction: f64,
        /// What is going on.
        message: String,
    },
    /// Why a call has not begun.
    Waiting(WaitingStatus),
    /// The state of a claim or of a device.
    Notice(Notice),
}

impl Info {
    /// Number of kinds that this version defines. Others are skipped.
    pub(crate) const KINDS: u32 = 4;
}

impl QueueStatus {
    /// The same with texts that are safe to show in a log or a terminal.
    pub(crate) fn fit_to_show(self) -> Self {
        Self {
            holder: fit_to_show(&self.holder),
            holder_address: fit_to_show(&self.holder_address),
            running: fit_to_show(&self.running),
            ..self
        }
    }
}

/// Why a call has not begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs)]
pub struct WaitingStatus {
    /// The number of the call.
    pub call: u64,
    /// The device that it waits for.
    pub device: String,
    /// 1 for the next in line.
    pub place: u32,
    /// What uses the device: name and address of a client, or the name of the server's own code. Empty while nothing does.
    pub holder: String,
    /// How long its call has run, in milliseconds.
    pub since_ms: u64,
    /// Always 0 in this release.
    pub idle_ms: u64,
    /// What runs there; may be empty.
    pub reason: String,
}

/// For a person: "place 1 at `laser`: sweep at 10.0.0.7:5000, `laser_scan` runs".
impl fmt::Display for WaitingStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            device,
            place,
            holder,
            reason,
            ..
        } = self;
        write!(f, "place {place} at `{device}`")?;
        match (holder.as_str(), reason.as_str()) {
            ("", "") => Ok(()),
            (holder, "") => write!(f, ": {holder}"),
            ("", reason) => write!(f, ": {reason}"),
            (holder, reason) => write!(f, ": {holder}, {reason}"),
        }
    }
}

impl WaitingStatus {
    /// The same with texts that are safe to show in a log or a terminal.
    pub(crate) fn fit_to_show(self) -> Self {
        Self {
            device: fit_to_show(&self.device),
            holder: fit_to_show(&self.holder),
            reason: fit_to_show(&self.reason),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::codec;
    use crate::wire::notice::NoticeKind;

    #[test]
    fn the_kinds_are_all_counted() {
        let notice = Info::Notice(Notice {
            claim: 1,
            device: String::new(),
            kind: NoticeKind::Held,
            text: String::new(),
            in_ms: 0,
        });
        let last = match notice {
            // The last kind; whoever adds one counts it, too.
            Info::Queued(_) | Info::Progress { .. } | Info::Waiting(_) | Info::Notice(_) => notice,
        };
        let mut bytes = Vec::new();
        codec::encode(&last, &mut bytes, 100).unwrap();
        assert_eq!(bytes[..4], (Info::KINDS - 1).to_le_bytes());
    }
}
