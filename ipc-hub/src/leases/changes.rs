//! What the hub does for the table, and how claims end.

use std::fmt;
use std::sync::Arc;

use ipc_core::Release;

/// What the hub has to do for a [`LeaseTable`](super::LeaseTable).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Change {
    /// Let no party enter the device any more. A call inside runs on, and calls that wait go on waiting.
    Close {
        /// The device.
        device: Arc<str>,
    },
    /// Run the release hook of the device, which is closed: at the head of the queue of its gate, once the call inside has
    /// returned. Then call [`released`](super::LeaseTable::released), also if the device has no hook.
    Release {
        /// The device.
        device: Arc<str>,
        /// What `released` wants to know.
        turn: u64,
        /// The party that held the device.
        party: u64,
        /// What the hook is told.
        why: Release,
    },
    /// Let only this party enter the device.
    Give {
        /// The device.
        device: Arc<str>,
        /// The new holder, or [`RESERVED`](super::RESERVED).
        party: u64,
        /// False if methods that only read remain open to all.
        refuses_reads: bool,
    },
    /// Let every party enter the device.
    Open {
        /// The device.
        device: Arc<str>,
    },
    /// A claim holds its devices.
    Granted {
        /// The new holder.
        party: u64,
        /// The claim.
        claim: u128,
    },
    /// A claim has ended.
    Ended {
        /// The party whose claim it was.
        party: u64,
        /// The claim.
        claim: u128,
        /// Its devices.
        devices: Vec<Arc<str>>,
        /// True if it held its devices.
        was_held: bool,
        /// Who ended it, and why.
        end: End,
    },
}

/// Who ended a claim, and why.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct End {
    /// Who, in words. The party itself is "its client".
    pub by: String,
    /// Why, in words.
    pub why: String,
    /// What the release hooks are told.
    pub release: Release,
    /// True if the party ended the claim itself.
    pub(super) is_own: bool,
}

/// For a person: "ended by the server: its client did not return in time".
impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ended by {}: {}", self.by, self.why)
    }
}

impl End {
    fn by_client(why: &str, release: Release) -> Self {
        Self {
            by: "its client".to_string(),
            why: why.to_string(),
            release,
            is_own: true,
        }
    }

    fn by_server(why: impl Into<String>, release: Release) -> Self {
        Self {
            by: "the server".to_string(),
            why: why.into(),
            release,
            is_own: false,
        }
    }

    pub(super) fn kicked(by: &str, why: &str) -> Self {
        Self {
            by: by.to_string(),
            ..Self::by_server(why, Release::HandedOver)
        }
    }

    pub(super) fn released() -> Self {
        Self::by_client("released", Release::LeaseEnded)
    }

    pub(super) fn transferred() -> Self {
        Self::by_client("given to another client", Release::LeaseEnded)
    }

    pub(super) fn expired() -> Self {
        let why = "it has lasted as long as it was asked for";
        Self::by_server(why, Release::LeaseEnded)
    }

    pub(super) fn not_free() -> Self {
        let why = "it could not be granted at once, and was not to wait";
        Self::by_server(why, Release::LeaseEnded)
    }

    pub(super) fn silent() -> Self {
        Self::by_server("its client stopped asking for it", Release::Lost)
    }

    pub(super) fn lost() -> Self {
        let why = "its client lost its connection and did not return in time";
        Self::by_server(why, Release::Lost)
    }

    pub(super) fn gone(why: Release) -> Self {
        match why {
            Release::Finished => Self::by_client("the client has finished", why),
            _ => Self::by_server(why.to_string(), why),
        }
    }

    pub(super) fn removed(device: &str) -> Self {
        Self::by_server(
            format!("the device `{device}` was removed"),
            Release::Removed,
        )
    }
}
