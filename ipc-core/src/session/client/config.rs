//! Settings of a client's end of a session.

use std::time::Duration;

use crate::wire::ctrl::{ConnectionRole, SessionKey};

/// What a client says of itself, and what it accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct ClientConfig {
    /// The service to reach; must be the server's. Empty unless the server has set one. Cut to 256 bytes.
    pub service: String,
    /// What clients that wait are told about this client. Cut to 256 bytes.
    pub name: String,
    /// The longest frame to accept, in bytes; at least 64 KiB are.
    pub max_frame: usize,
    /// A server that is silent for so long before the session has begun is given up.
    pub patience: Duration,
    /// What the connections are for.
    pub role: ConnectionRole,
    /// The session beside which they are made: of a lane always, otherwise `None`.
    pub of: Option<SessionKey>,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            service: String::new(),
            name: "client".into(),
            max_frame: 256 * 1024 * 1024,
            patience: Duration::from_secs(15),
            role: ConnectionRole::Control,
            of: None,
        }
    }
}
