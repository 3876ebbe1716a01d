//! How a connection ends: what one end says to the other before it closes.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::numbered::numbered;

/// Why a connection ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs)]
pub struct Bye {
    /// The reason, for the program.
    pub reason: ByeReason,
    /// The reason, for a person.
    pub message: String,
    /// Who decided it, for a person; empty unless the reason is [`ByeReason::Evicted`].
    pub by: String,
}

impl Bye {
    /// The goodbye for this reason.
    pub fn new(reason: ByeReason, message: impl Into<String>) -> Self {
        let (message, by) = (message.into(), String::new());
        Self {
            reason,
            message,
            by,
        }
    }
}

/// The message, and who decided it.
impl fmt::Display for Bye {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.by.as_str() {
            "" => f.write_str(&self.message),
            by => write!(f, "{by} ended this session: {}", self.message),
        }
    }
}

numbered! {
    /// Why a connection ends. A reason that this version does not define counts as [`Full`](ByeReason::Full).
    ByeReason {
        /// The client has finished; its session ends with the connection.
        Done = 0,
        /// The server is stopping.
        Stopping = 1,
        /// The holder was idle while others waited; the session is kept.
        IdleHandover = 2,
        /// Another connection of the same session has taken over.
        Superseded = 3,
        /// The operator of the server disconnected this client.
        Disconnected = 4,
        /// The queue of waiting clients, or the table of sessions, is full.
        Full = 5,
        /// The client asked for another service than this server's.
        WrongService = 6,
        /// The peer broke the protocol, or asked for what this end does not serve.
        Protocol = 7,
        /// Another client ended this session, which [`Bye::by`] names; otherwise the same as
        /// [`Disconnected`](ByeReason::Disconnected).
        Evicted = 8,
    }
}
