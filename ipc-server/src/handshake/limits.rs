//! Limits on connections that have not authenticated.

use std::time::Duration;

/// Limits on connections whose clients have not identified themselves, and on guessing the secret.
///
/// A source is an IPv4 address or, for IPv6, a /64 network.
///
/// ```
/// # use std::time::Duration;
/// let mut limits = ipc_server::AccessLimits::default();
/// limits.hello_within(Duration::from_secs(3)).guesses_per_minute(5);
/// # let _ = ipc_server::Server::builder().access_limits(limits);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessLimits {
    pub(crate) hello_within: Duration,
    pub(crate) unidentified: usize,
    pub(crate) unidentified_per_source: usize,
    pub(crate) answer_after: Duration,
    pub(crate) free_guesses: u32,
    pub(crate) first_bar: Duration,
    pub(crate) longest_bar: Duration,
    pub(crate) guesses_per_minute: usize,
    pub(crate) known_for: Duration,
    pub(crate) sources: usize,
}

impl AccessLimits {
    /// How long a client may take to identify itself before its connection is dropped. The default is 10 s; zero is an
    /// error when the server starts. On Linux, the server learns of a connection when its first bytes have come, and of
    /// one that says nothing after about a second: the time begins then.
    pub fn hello_within(&mut self, time: Duration) -> &mut Self {
        self.hello_within = time;
        self
    }

    /// Maximum number of connections whose clients have not identified themselves yet; beyond it, the oldest is dropped.
    /// The default is 512; zero is an error when the server starts.
    pub fn unidentified(&mut self, connections: usize) -> &mut Self {
        self.unidentified = connections;
        self
    }

    /// The same as [`unidentified`](Self::unidentified) for a single source. The default is 64; zero is an error when
    /// the server starts.
    pub fn unidentified_per_source(&mut self, connections: usize) -> &mut Self {
        self.unidentified_per_source = connections;
        self
    }

    /// How long after it was accepted a connection with a wrong secret is closed, whatever was wrong. The default is 1 s.
    pub fn answer_after(&mut self, time: Duration) -> &mut Self {
        self.answer_after = time;
        self
    }

    /// Number of wrong secrets that a source may send without being barred. Each further one bars it for a time that
    /// doubles, from [`first_bar`](Self::first_bar) to [`longest_bar`](Self::longest_bar). After an hour without a wrong
    /// secret, the count starts again. The default is 5.
    pub fn free_guesses(&mut self, guesses: u32) -> &mut Self {
        self.free_guesses = guesses;
        self
    }

    /// How long the first wrong secret beyond the free ones bars its source. An address from which the right secret has
    /// come lately is never barred for longer than this. The default is 1 s.
    pub fn first_bar(&mut self, time: Duration) -> &mut Self {
        self.first_bar = time;
        self
    }

    /// Maximum time for which a source is barred. The default is 60 s.
    pub fn longest_bar(&mut self, time: Duration) -> &mut Self {
        self.longest_bar = time;
        self
    }

    /// Maximum number of wrong secrets per minute from all unknown sources together; beyond it, all unknown sources are
    /// barred until the minute is over. The default is 20; zero is an error when the server starts.
    pub fn guesses_per_minute(&mut self, guesses: usize) -> &mut Self {
        self.guesses_per_minute = guesses;
        self
    }

    /// How long an address counts as known after it has sent the right secret, and how long a client may use the ticket
    /// of its last connection, which lets it in while others are barred. The default is 24 h.
    pub fn known_for(&mut self, time: Duration) -> &mut Self {
        self.known_for = time;
        self
    }

    /// Maximum number of known addresses, of unknown sources and of tickets that are remembered, each; beyond it, the
    /// one that was used least recently is forgotten. The default is 4096, the minimum 1.
    pub fn sources(&mut self, sources: usize) -> &mut Self {
        self.sources = sources;
        self
    }
}

impl Default for AccessLimits {
    fn default() -> Self {
        Self {
            hello_within: Duration::from_secs(10),
            unidentified: 512,
            unidentified_per_source: 64,
            answer_after: Duration::from_secs(1),
            free_guesses: 5,
            first_bar: Duration::from_secs(1),
            longest_bar: Duration::from_secs(60),
            guesses_per_minute: 20,
            known_for: Duration::from_secs(24 * 60 * 60),
            sources: 4096,
        }
    }
}
