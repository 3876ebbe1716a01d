//! How long a client waits for a server that cannot be reached.

use std::time::Duration;

/// How long calls wait during an outage before they fail.
///
/// During this time the client tries to connect again and again, with pauses that grow from 0.1 s to 5 s. The time starts
/// when a call needs the connection and there is none, and anew for each outage. Waiting in the queue of a busy server is
/// not an outage. A connection ends the outage once it has answered a call or has lasted for a second; a connection that
/// is lost sooner counts as a failed attempt. Permanent errors, such as a server for another service, end the outage at
/// once.
///
/// A secret that no server has accepted yet is reported as wrong after two attempts. Once a server has accepted it, a
/// server that does not is treated like one that cannot be reached, because another server may be using its address for a
/// while. After four such connections in a row the client tries only once a minute, so that a false server cannot guess
/// the secret.
///
/// The first connection is different: [`connect`](crate::ClientBuilder::connect) tries for the
/// [`connect_timeout`](crate::ClientBuilder::connect_timeout), whatever is set here, except for [`never`](Self::never). A
/// client from [`connect_lazy`](crate::ClientBuilder::connect_lazy) has no such first connection: its first call begins
/// an ordinary outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    pub(crate) limit: Option<Duration>,
}

impl Retry {
    /// Waits until the server is back, without limit. For measurements that must survive any failure of the network.
    pub fn forever() -> Self {
        Self { limit: None }
    }

    /// Makes one attempt for each call, and one for [`connect`](crate::ClientBuilder::connect). For programs that decide
    /// themselves whether to try again. The attempt can take up to 5 s. Calls still wait in the queue of a busy server.
    pub fn never() -> Self {
        Self::up_to(Duration::ZERO)
    }

    /// Retries for up to `limit`. An attempt already in progress is allowed to finish, which can take up to 5 s more.
    pub fn up_to(limit: Duration) -> Self {
        Self { limit: Some(limit) }
    }
}

impl Default for Retry {
    /// Up to 30 s.
    fn default() -> Self {
        Self::up_to(Duration::from_secs(30))
    }
}
