//! What a server puts up with from strangers, as it can be set.

use std::time::Duration;

/// What a server puts up with from those who have not shown that they belong here.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct AccessLimits {
    /// A connection that has not said who it is within this time is dropped. The default is 10 s.
    pub hello_within: Duration,
    /// So many connections may be about to say who they are; above it, the oldest is dropped. The default is 512.
    pub strangers: usize,
    /// The same for one source address (for IPv6, one /64 network). The default is 64.
    pub strangers_per_source: usize,
    /// A wrong secret is answered (by closing the connection) so long after it was accepted, whatever was wrong. The
    /// default is 1 s.
    pub answer_after: Duration,
    /// So many wrong secrets are free for one source; each further one bars the source for a time that doubles, from
    /// [`first_bar`](Self::first_bar) to [`longest_bar`](Self::longest_bar). A source that gives none for an hour begins
    /// anew. The default is 5.
    pub free_guesses: u32,
    /// For so long the first wrong secret beyond the free ones bars its source, and each further one a source that is
    /// known. The default is 1 s.
    pub first_bar: Duration,
    /// No source is barred for longer than this. The default is 60 s.
    pub longest_bar: Duration,
    /// So many wrong secrets a minute are taken from all sources together that are not known; then all of those are
    /// barred until a minute is over. The default is 20.
    pub guesses_per_minute: usize,
    /// For so long a source is known after it has shown the right secret, and for so long a client may come back past all
    /// bars with the ticket that its last connection left. The default is 24 h.
    pub known_for: Duration,
    /// So many known sources, as many unknown ones and as many tickets are remembered; then the oldest is forgotten. The
    /// default is 4096.
    pub sources: usize,
}

impl Default for AccessLimits {
    fn default() -> Self {
        Self {
            hello_within: Duration::from_secs(10),
            strangers: 512,
            strangers_per_source: 64,
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
