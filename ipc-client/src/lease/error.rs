//! Why there is no lease.

use std::fmt;
use std::time::Duration;

use ipc_core::CallError;
use ipc_core::interface::commands::ClaimState;
use ipc_core::wire::sanitize::printable;

use super::Lease;

/// Why a client has no lease. It has been withdrawn, and holds none of the devices.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LeaseError {
    /// Others had the devices for as long as this client was willing to wait. Wait for longer, ask them to release the
    /// devices, or end their lease with [`kick_lease`](crate::ServerCommands::kick_lease).
    #[error("{}", timed_out(.devices, *.waited, .state))]
    Timeout {
        /// The devices that were asked for.
        devices: Vec<String>,
        /// How long the client waited.
        waited: Duration,
        /// Its place in the line, and who was before it.
        state: ClaimState,
    },
    /// The server refuses such a lease, because of what was asked for: a device that it does not have, say, or one that
    /// this client has leased already.
    #[error("no lease of {}: {}", listed(.devices), refused(.error))]
    Refused {
        /// The devices that were asked for.
        devices: Vec<String>,
        /// What the server said.
        error: Box<CallError>,
    },
    /// The lease has ended, or the wait for it.
    #[error("{}", ended(.devices, .by, .why, *.ago))]
    Ended {
        /// The devices that were asked for.
        devices: Vec<String>,
        /// Who ended it.
        by: String,
        /// Why.
        why: String,
        /// How long ago.
        ago: Duration,
    },
    /// The server could not be asked: there is no connection, or the call was cancelled or timed out.
    #[error("no lease of {}: {error}", listed(.devices))]
    Call {
        /// The devices that were asked for.
        devices: Vec<String>,
        /// What became of the call.
        error: Box<CallError>,
    },
}

ipc_core::readable_debug!(LeaseError);

impl LeaseError {
    /// The error of the call that failed, if one did.
    pub fn call_error(&self) -> Option<&CallError> {
        match self {
            Self::Refused { error, .. } | Self::Call { error, .. } => Some(error),
            Self::Timeout { .. } | Self::Ended { .. } => None,
        }
    }

    pub(super) fn timeout(devices: &[String], waited: Duration, state: ClaimState) -> Self {
        Self::Timeout {
            devices: devices.to_vec(),
            waited,
            state,
        }
    }

    /// The error for a call that brought no state of the claim.
    pub(super) fn of_call(devices: &[String], error: CallError) -> Self {
        let (devices, error) = (devices.to_vec(), Box::new(error));
        match *error {
            CallError::Refused(_) | CallError::Fault { .. } => Self::Refused { devices, error },
            _ => Self::Call { devices, error },
        }
    }

    pub(super) fn ended(devices: &[String], by: String, why: String, ago_ms: u64) -> Self {
        Self::Ended {
            devices: devices.to_vec(),
            by,
            why,
            ago: Duration::from_millis(ago_ms),
        }
    }
}

fn timed_out(devices: &[String], waited: Duration, state: &ClaimState) -> String {
    let devices = listed(devices);
    let state = match state {
        ClaimState::Waiting { behind, .. } if behind.is_empty() => {
            "the devices are being put into their safe state".to_string()
        }
        ClaimState::Waiting { behind, .. } if waited.is_zero() => {
            let holders: Vec<_> = behind.iter().map(ToString::to_string).collect();
            printable(holders.join("; "))
        }
        state => printable(state.to_string()),
    };
    match waited.is_zero() {
        true => format!("no lease of {devices} now: {state}; to wait for it, add `.wait(..)`"),
        false => format!(
            "there was no lease of {devices} within {waited:.1?}: {state}; wait for longer, or ask for the devices"
        ),
    }
}

/// What the server said of a command of its own, which is no failure of an instrument.
fn refused(error: &CallError) -> String {
    match error.fault() {
        Some(fault) => fault.to_string(),
        None => error.to_string(),
    }
}

fn ended(devices: &[String], by: &str, why: &str, ago: Duration) -> String {
    let (devices, by, why) = (listed(devices), printable(by.into()), printable(why.into()));
    format!("the lease of {devices} was ended {ago:.1?} ago by {by}: {why}; ask for a new one")
}

fn listed(devices: &[String]) -> String {
    match devices {
        [] => "no device".into(),
        devices => format!("`{}`", devices.join("`, `")),
    }
}

/// A lease that could not be given to another client. It is still held, until this value is dropped.
pub struct NotTransferred<L = Lease> {
    /// The lease.
    pub lease: Box<L>,
    /// Why the server did not transfer it.
    pub error: Box<CallError>,
}

impl<L> fmt::Display for NotTransferred<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the lease was not transferred: {}", refused(&self.error))
    }
}

impl<L> fmt::Debug for NotTransferred<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<L> std::error::Error for NotTransferred<L> {}

#[cfg(test)]
mod tests {
    use ipc_core::Refusal;
    use ipc_core::interface::commands::HolderInfo;
    use ipc_core::wire::failure::{Fault, FaultKind};

    use super::*;

    fn devices() -> Vec<String> {
        vec!["laser".into(), "meter".into()]
    }

    #[test]
    fn a_lease_that_was_not_to_be_had_names_who_has_it_and_what_to_do() {
        let holder = HolderInfo {
            device: "laser".into(),
            name: "sc\u{1b}an".into(),
            address: "10.0.0.7:5000".into(),
            since_ms: 3_000,
            because: "alignment".into(),
            ..HolderInfo::default()
        };
        let state = ClaimState::Waiting {
            place: 2,
            behind: vec![holder],
        };
        let text = |waited| LeaseError::timeout(&devices(), waited, state.clone()).to_string();
        assert_eq!(
            text(Duration::from_secs(30)),
            "there was no lease of `laser`, `meter` within 30.0s: waiting, place 2; sc\u{fffd}an at 10.0.0.7:5000 has had \
             `laser` for 3.0s (alignment); wait for longer, or ask for the devices"
        );
        assert!(text(Duration::ZERO).ends_with("; to wait for it, add `.wait(..)`"));
        let state = ClaimState::Waiting {
            place: 1,
            behind: vec![],
        };
        let changing = LeaseError::timeout(&devices(), Duration::ZERO, state).to_string();
        assert!(changing.contains("safe state"), "{changing}");
    }

    #[test]
    fn what_the_server_says_of_a_claim_is_told_from_a_lost_connection() {
        let method = || "lease.claim".to_string();
        let fault = Fault::own(FaultKind::Error, "there is no device `lasre`");
        let fault = CallError::Fault {
            method: method(),
            fault: fault.into(),
        };
        let refused = LeaseError::of_call(&devices(), fault);
        assert!(matches!(refused, LeaseError::Refused { .. }));
        assert_eq!(
            refused.to_string(),
            "no lease of `laser`, `meter`: there is no device `lasre`"
        );
        let stopping = CallError::Refused(Refusal::Stopping { method: method() });
        let stopping = LeaseError::of_call(&devices(), stopping);
        assert!(matches!(stopping, LeaseError::Refused { .. }));
        let cancelled = CallError::Cancelled { method: method() };
        let cancelled = LeaseError::of_call(&devices(), cancelled);
        assert!(matches!(cancelled, LeaseError::Call { .. }));
    }

    #[test]
    fn an_ended_lease_says_by_whom_and_why() {
        let ended = LeaseError::ended(&devices(), "anna".into(), "night run".into(), 2_000);
        assert_eq!(
            ended.to_string(),
            "the lease of `laser`, `meter` was ended 2.0s ago by anna: night run; ask for a new one"
        );
    }
}
