//! How often a secret may be guessed: penalties for those who guess wrong, patience with those who are known.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

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
    /// So many wrong secrets are free for one source; each further one bars the source for 1 s, 2 s, 4 s, ... The default
    /// is 5.
    pub free_guesses: u32,
    /// No source is barred for longer than this. The default is 60 s.
    pub longest_bar: Duration,
    /// So many wrong secrets a minute are taken from all sources together that have not shown the right one within the
    /// last 24 hours; then all of those are barred until a minute is over. The default is 20.
    pub guesses_per_minute: usize,
}

impl Default for AccessLimits {
    fn default() -> Self {
        Self {
            hello_within: Duration::from_secs(10),
            strangers: 512,
            strangers_per_source: 64,
            answer_after: Duration::from_secs(1),
            free_guesses: 5,
            longest_bar: Duration::from_secs(60),
            guesses_per_minute: 20,
        }
    }
}

/// Keeps count of wrong secrets. Time is an argument.
#[derive(Debug)]
pub(crate) struct Gate {
    limits: AccessLimits,
    sources: HashMap<IpAddr, Source>,
    /// When sources that are not known guessed wrong within the last minute.
    recent: VecDeque<Instant>,
}

#[derive(Debug)]
struct Source {
    wrong: u32,
    barred_until: Option<Instant>,
    right: Option<Instant>,
    seen: Instant,
}

impl Gate {
    pub(crate) fn new(limits: AccessLimits) -> Self {
        Self {
            limits,
            sources: HashMap::new(),
            recent: VecDeque::new(),
        }
    }

    /// Whether a source may try now; if not, why.
    pub(crate) fn may_try(&mut self, source: IpAddr, now: Instant) -> Result<(), Barred> {
        let source = self.sources.get(&network(source));
        if let Some(until) = source
            .and_then(|s| s.barred_until)
            .filter(|until| *until > now)
        {
            return Err(Barred::Source { left: until - now });
        }
        while self
            .recent
            .front()
            .is_some_and(|guess| now.duration_since(*guess) >= MINUTE)
        {
            self.recent.pop_front();
        }
        let is_known = source.is_some_and(|source| source.is_known(now));
        if !is_known && self.recent.len() >= self.limits.guesses_per_minute {
            return Err(Barred::Everybody);
        }
        Ok(())
    }

    /// A source has shown a wrong secret.
    pub(crate) fn wrong(&mut self, source: IpAddr, now: Instant) {
        let (free, longest) = (self.limits.free_guesses, self.limits.longest_bar);
        let source = self.source(source, now);
        source.wrong = source.wrong.saturating_add(1);
        let is_known = source.is_known(now);
        if let Some(excess) = source
            .wrong
            .checked_sub(free)
            .and_then(|n| n.checked_sub(1))
        {
            let bar = SHORTEST_BAR * 2_u32.saturating_pow(excess.min(16));
            // Somebody mistypes on a computer where others work.
            let longest = if is_known { SHORTEST_BAR } else { longest };
            source.barred_until = now.checked_add(bar.min(longest));
        }
        if !is_known {
            self.recent.push_back(now);
        }
    }

    /// A source has shown the right secret.
    pub(crate) fn right(&mut self, source: IpAddr, now: Instant) {
        let source = self.source(source, now);
        source.wrong = 0;
        source.barred_until = None;
        source.right = Some(now);
    }

    fn source(&mut self, source: IpAddr, now: Instant) -> &mut Source {
        let source = network(source);
        if self.sources.len() >= MAX_SOURCES
            && !self.sources.contains_key(&source)
            && let Some(oldest) = self
                .sources
                .iter()
                .min_by_key(|(_, source)| source.seen)
                .map(|(ip, _)| *ip)
        {
            self.sources.remove(&oldest);
        }
        let fresh = Source {
            wrong: 0,
            barred_until: None,
            right: None,
            seen: now,
        };
        let source = self.sources.entry(source).or_insert(fresh);
        source.seen = now;
        source
    }
}

/// Why a source may not try now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Barred {
    /// It has guessed wrong too often.
    Source { left: Duration },
    /// Too many have guessed wrong, and it is not known.
    Everybody,
}

impl Barred {
    /// Whether it is over so soon that one may wait for it with a connection open.
    pub(crate) fn is_brief(self) -> bool {
        matches!(self, Self::Source { left } if left <= SHORTEST_BAR)
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
            Barred::Everybody => f.write_str("too many wrong secrets from unknown sources"),
        }
    }
}

impl Source {
    fn is_known(&self, now: Instant) -> bool {
        self.right
            .is_some_and(|right| now.duration_since(right) < KNOWN_FOR)
    }
}

/// What counts as one source: an IPv4 address, or the /64 network that one IPv6 subscriber has to himself.
pub(crate) fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

const SHORTEST_BAR: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const KNOWN_FOR: Duration = Duration::from_secs(24 * 60 * 60);
const MAX_SOURCES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(guesses_per_minute: usize) -> Gate {
        Gate::new(AccessLimits {
            guesses_per_minute,
            ..AccessLimits::default()
        })
    }

    fn ip(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    #[test]
    fn a_source_that_guesses_is_barred_longer_and_longer() {
        let (mut gate, mut now) = (gate(usize::MAX), Instant::now());
        let mut bars = Vec::new();
        for _ in 0..14 {
            assert_eq!(gate.may_try(ip(1), now), Ok(()));
            gate.wrong(ip(1), now);
            let barred = match gate.may_try(ip(1), now) {
                Err(Barred::Source { left }) => left,
                Ok(()) => Duration::ZERO,
                Err(other) => panic!("{other}"),
            };
            bars.push(barred.as_secs());
            now += barred;
        }
        assert_eq!(bars, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(gate.may_try(ip(2), now), Ok(()), "others are not barred");
    }

    #[test]
    fn all_unknown_sources_together_get_so_many_guesses_a_minute() {
        let (mut gate, start) = (gate(20), Instant::now());
        gate.right(ip(200), start);
        for n in 0..20 {
            assert_eq!(gate.may_try(ip(n), start), Ok(()));
            gate.wrong(ip(n), start);
        }
        assert_eq!(gate.may_try(ip(100), start), Err(Barred::Everybody));
        assert_eq!(
            gate.may_try(ip(200), start),
            Ok(()),
            "known sources get in during the attack"
        );
        assert_eq!(gate.may_try(ip(100), start + MINUTE), Ok(()));
    }

    #[test]
    fn the_right_secret_clears_the_record_and_known_sources_wait_briefly() {
        let (mut gate, now) = (gate(usize::MAX), Instant::now());
        for _ in 0..5 {
            gate.wrong(ip(1), now);
        }
        gate.right(ip(1), now);
        for _ in 0..30 {
            gate.wrong(ip(1), now);
        }
        let second = Duration::from_secs(1);
        assert_eq!(
            gate.may_try(ip(1), now),
            Err(Barred::Source { left: second })
        );
        assert_eq!(gate.may_try(ip(1), now + second), Ok(()));
    }

    #[test]
    fn memory_is_bounded_and_neighbours_in_ipv6_are_one_source() {
        let (mut gate, now) = (gate(usize::MAX), Instant::now());
        for n in 0..10_000_u32 {
            gate.wrong(
                IpAddr::from(n.to_be_bytes()),
                now + Duration::from_millis(n.into()),
            );
        }
        assert_eq!(gate.sources.len(), MAX_SOURCES);
        let neighbours: [IpAddr; 2] = [
            "2001:db8::1".parse().unwrap(),
            "2001:db8::2:3".parse().unwrap(),
        ];
        assert_eq!(network(neighbours[0]), network(neighbours[1]));
        assert_eq!(network("::ffff:10.0.0.1".parse().unwrap()), ip(1));
    }
}
