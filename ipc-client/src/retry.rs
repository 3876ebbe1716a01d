//! For how long a server that is away is waited for.

use std::time::Duration;

/// For how long an outage is waited for before the calls that need the server fail.
///
/// Within this time a connection is tried again and again, with growing pauses from 0.1 s to 5 s. It counts from the
/// moment in which a call needs the connection and there is none, and anew for each outage. Waiting in the queue of a
/// busy server is no outage. A connection ends the outage when it has answered a call or has stood for a second; one that
/// is lost sooner counts as a failed try. Errors that time does not heal, like a server for another service, are not waited
/// for at all.
///
/// A secret that no server has accepted yet counts as wrong after two tries. Once a server has, one that does not is waited
/// for like a server that is away: another one may have its address for a while. After four such connections in a row the
/// client tries once a minute only, so that a false server cannot guess the secret; calls wait until then, if they may.
///
/// The first connection is another matter: [`connect`](crate::ClientBuilder::connect) tries for the
/// [`connect_timeout`](crate::ClientBuilder::connect_timeout), however long outages may last later. Only
/// [`never`](Self::never) holds for it, too. A [`lazy`](crate::ClientBuilder::lazy) client has no such first connection:
/// what its first call meets is an outage like any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    pub(crate) limit: Option<Duration>,
}

impl Retry {
    /// Until the server is back. For measurements that must survive whatever happens to the network.
    pub fn forever() -> Self {
        Self { limit: None }
    }

    /// One try for each call, and no more; one for [`connect`](crate::ClientBuilder::connect), too, which fails at once
    /// if nobody is there. For programs that would rather decide themselves. The try is brought to its end, which takes
    /// up to 5 s, and the queue of a busy server is waited in all the same.
    pub fn never() -> Self {
        Self::for_duration(Duration::ZERO)
    }

    /// For so long. A try that has begun is brought to its end, which takes up to 5 s.
    pub fn for_duration(limit: Duration) -> Self {
        Self { limit: Some(limit) }
    }
}

impl Default for Retry {
    /// For 30 s.
    fn default() -> Self {
        Self::for_duration(Duration::from_secs(30))
    }
}
