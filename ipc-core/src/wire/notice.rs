//! What a server tells about claims and devices, without having been asked.

use serde::{Deserialize, Serialize};

use super::numbered::numbered;
#[cfg(feature = "protocol")]
use super::sanitize::fit_to_show;

/// The state of a claim or of a device. It replaces what was told before under the same claim, device and kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs)]
pub struct Notice {
    /// The claim, by the id that its client has chosen; 0 if it is about no claim.
    pub claim: u128,
    /// The name of the device; empty if it is about none, or about all devices of the claim.
    pub device: String,
    /// What it tells.
    pub kind: NoticeKind,
    /// The same for a person.
    pub text: String,
    /// How long until it comes true, in milliseconds; 0 if it has.
    pub in_ms: u64,
}

#[cfg(feature = "protocol")]
impl Notice {
    /// The same with texts that are safe to show in a log or a terminal.
    pub(crate) fn fit_to_show(self) -> Self {
        Self {
            device: fit_to_show(&self.device),
            text: fit_to_show(&self.text),
            ..self
        }
    }
}

numbered! {
    /// What a [`Notice`] tells.
    NoticeKind {
        /// The claim waits for its turn.
        Waiting = 0,
        /// The claim holds its devices.
        Held = 1,
        /// The claim ends in `in_ms`.
        Ending = 2,
        /// The claim has ended.
        Ended = 3,
        /// The state of the device has changed.
        Device = 4,
        /// The client is to be evicted in `in_ms`.
        Evicting = 5,
    }
}
