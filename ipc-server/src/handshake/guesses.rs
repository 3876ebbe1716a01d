//! Limits on guessing the secret.
//!
//! A client that comes back with a ticket from its last connection is always heard. An address from which the right
//! secret has come lately is *known*: wrong secrets from there bar it only briefly. All other sources share what is left.

use std::collections::VecDeque;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipc_core::secure::Ticket;
use ipc_hub::time::later;
use lru::LruCache;

use crate::handshake::limits::AccessLimits;

#[cfg(test)]
mod tests;

/// Decides which connections may try a secret, and counts wrong ones.
#[derive(Debug)]
pub(crate) struct GuessLimiter(Mutex<GuessCounts>);

/// What came of reading a client's proof that it knows the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Not all of it has arrived.
    Incomplete,
    Wrong,
    /// The client may use this ticket for its next connection.
    Right(Ticket),
}

impl GuessLimiter {
    pub(crate) fn new(limits: AccessLimits) -> Self {
        Self(Mutex::new(GuessCounts::new(limits)))
    }

    /// Checks whether to answer a connection from `source` that shows no ticket: not if it would have to wait for long.
    pub(crate) fn may_connect(&self, source: IpAddr) -> Result<(), Barred> {
        match self.lock().may_try(source, Instant::now()) {
            Err(barred) if !barred.is_brief() => Err(barred),
            _ => Ok(()),
        }
    }

    /// Returns true if this server has issued the ticket and it has not been used.
    pub(crate) fn knows(&self, ticket: Ticket) -> bool {
        self.lock().knows(ticket, Instant::now())
    }

    /// Reads the proof of a client from `source` that has shown `ticket` (or a random number in its place), unless the
    /// source is barred and the ticket is not good.
    ///
    /// Proofs are read one at a time: however many connections a source opens, no guess is checked before the one before
    /// it has been counted. `read` must not block.
    pub(crate) fn attempt(
        &self,
        source: IpAddr,
        ticket: Ticket,
        read: impl FnOnce() -> Proof,
    ) -> Result<(), Barred> {
        let now = Instant::now();
        let mut guesses = self.lock();
        if let Err(barred) = guesses.may_try(source, now)
            && !guesses.knows(ticket, now)
        {
            return Err(barred);
        }
        let proof = read();
        guesses.count(source, ticket, proof, now);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, GuessCounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The state of a [`GuessLimiter`]. Time is an argument.
#[derive(Debug)]
struct GuessCounts {
    limits: AccessLimits,
    /// Addresses from which the right secret has come, and when it came last. Only the right secret adds an entry, so
    /// nobody without it can cause others to be forgotten.
    known: LruCache<IpAddr, (Instant, WrongSecrets)>,
    /// All other sources, by their networks.
    unknown: LruCache<IpAddr, WrongSecrets>,
    /// When wrong secrets came from unknown sources within the last minute.
    recent: VecDeque<Instant>,
    /// Unused tickets, and when they were issued.
    tickets: LruCache<Ticket, Instant>,
}

/// The wrong secrets of one source.
#[derive(Clone, Copy, Debug, Default)]
struct WrongSecrets {
    count: u32,
    last: Option<Instant>,
    barred_until: Option<Instant>,
}

impl GuessCounts {
    fn new(limits: AccessLimits) -> Self {
        Self {
            limits,
            // A cache with a capacity would allocate all of it at once.
            known: LruCache::unbounded(),
            unknown: LruCache::unbounded(),
            recent: VecDeque::new(),
            tickets: LruCache::unbounded(),
        }
    }

    fn may_try(&mut self, source: IpAddr, now: Instant) -> Result<(), Barred> {
        if let Some(wrong) = self.known(source, now) {
            return wrong.check(now);
        }
        if let Some(wrong) = self.unknown.peek(&network(source)) {
            wrong.check(now)?;
        }
        let is_over = |guess: &mut Instant| now.saturating_duration_since(*guess) >= MINUTE;
        while self.recent.pop_front_if(is_over).is_some() {}
        match self.recent.len() < self.limits.guesses_per_minute {
            true => Ok(()),
            false => Err(Barred::AllUnknown),
        }
    }

    fn knows(&self, ticket: Ticket, now: Instant) -> bool {
        let issued = self.tickets.peek(&ticket);
        issued.is_some_and(|issued| is_within(self.limits.known_for, *issued, now))
    }

    fn count(&mut self, source: IpAddr, ticket: Ticket, proof: Proof, now: Instant) {
        match proof {
            Proof::Incomplete => {}
            Proof::Wrong => {
                self.tickets.pop(&ticket);
                self.wrong(source, now);
            }
            Proof::Right(next) => {
                self.tickets.pop(&ticket);
                self.right(source, next, now);
            }
        }
    }

    fn wrong(&mut self, source: IpAddr, now: Instant) {
        let limits = self.limits.clone();
        if let Some(wrong) = self.known(source, now) {
            // Probably a typing error on a computer where others work.
            wrong.add(&limits, limits.first_bar, now);
            return;
        }
        let source = network(source);
        let mut wrong = self.unknown.pop(&source).unwrap_or_default();
        wrong.add(&limits, limits.longest_bar, now);
        remember(&mut self.unknown, source, wrong, limits.sources);
        self.recent.push_back(now);
    }

    fn right(&mut self, source: IpAddr, ticket: Ticket, now: Instant) {
        let room = self.limits.sources;
        // Wrong secrets still count: somebody else may be guessing from the same address.
        let wrong = self.known(source, now).map(|wrong| *wrong);
        let entry = (now, wrong.unwrap_or_default());
        remember(&mut self.known, source.to_canonical(), entry, room);
        remember(&mut self.tickets, ticket, now, room);
    }

    fn known(&mut self, source: IpAddr, now: Instant) -> Option<&mut WrongSecrets> {
        let (since, wrong) = self.known.peek_mut(&source.to_canonical())?;
        is_within(self.limits.known_for, *since, now).then_some(wrong)
    }
}

/// Adds or renews an entry, and forgets the least recently renewed one if there is no room.
fn remember<K: Eq + Hash, V>(cache: &mut LruCache<K, V>, key: K, value: V, room: usize) {
    cache.put(key, value);
    if cache.len() > room.max(1) {
        cache.pop_lru();
    }
}

fn is_within(limit: Duration, since: Instant, now: Instant) -> bool {
    now.saturating_duration_since(since) < limit
}

impl WrongSecrets {
    fn check(&self, now: Instant) -> Result<(), Barred> {
        let left = self
            .barred_until
            .map(|until| until.saturating_duration_since(now));
        match left {
            Some(left) if !left.is_zero() => Err(Barred::Source { left }),
            _ => Ok(()),
        }
    }

    fn add(&mut self, limits: &AccessLimits, longest: Duration, now: Instant) {
        if self
            .last
            .is_none_or(|last| !is_within(FORGIVEN_AFTER, last, now))
        {
            *self = Self::default();
        }
        self.last = Some(now);
        self.count = self.count.saturating_add(1);
        let beyond = self.count.checked_sub(limits.free_guesses);
        if let Some(doublings) = beyond.and_then(|beyond| beyond.checked_sub(1)) {
            let factor = 2_u32.saturating_pow(doublings.min(16));
            let bar = limits.first_bar.saturating_mul(factor);
            self.barred_until = Some(later(now, bar.min(longest)));
        }
    }
}

/// Why a source may not try a secret now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Barred {
    /// It has sent too many wrong secrets.
    Source { left: Duration },
    /// It is unknown, and all unknown sources together have sent too many.
    AllUnknown,
}

impl Barred {
    /// Returns true if the bar ends so soon that a connection may stay open until then.
    pub(crate) fn is_brief(self) -> bool {
        matches!(self, Self::Source { left } if left <= BRIEF)
    }
}

impl std::fmt::Display for Barred {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Barred::Source { left } => {
                write!(
                    f,
                    "too many wrong secrets from there, barred for {} s",
                    left.as_secs() + 1
                )
            }
            Barred::AllUnknown => f.write_str("too many wrong secrets from unknown sources"),
        }
    }
}

/// Returns what counts as one source: an IPv4 address, or the /64 network of an IPv6 address, which one subscriber has
/// to itself.
pub(crate) fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// Maximum time for which a connection is kept open until its source may try a secret.
const BRIEF: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// A source that has sent no wrong secret for this time has its free guesses again.
const FORGIVEN_AFTER: Duration = Duration::from_secs(60 * 60);
