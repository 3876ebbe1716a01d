//! How often a secret may be guessed: penalties for those who guess wrong, patience with those who are known.
//!
//! Known is who has shown the right secret: a client that comes back with its ticket, which nothing holds up, and an
//! address from which one came lately, which is held up briefly. All others share what is left.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use ipc_core::secure::Ticket;

use crate::handshake::access::AccessLimits;
use crate::handshake::memory::Memory;

/// Keeps count of wrong secrets. Time is an argument.
#[derive(Debug)]
pub(crate) struct Gate {
    limits: AccessLimits,
    /// Addresses that have shown the right secret. Nobody without it can make them be forgotten.
    known: Memory<IpAddr, Record>,
    /// All others, by their networks.
    unknown: Memory<IpAddr, Record>,
    /// When unknown sources guessed wrong within the last minute.
    recent: VecDeque<Instant>,
    tickets: Memory<Ticket, ()>,
}

/// The wrong secrets of one source.
#[derive(Clone, Copy, Debug, Default)]
struct Record {
    wrong: u32,
    last: Option<Instant>,
    barred_until: Option<Instant>,
}

impl Gate {
    pub(crate) fn new(limits: AccessLimits) -> Self {
        let (room, known_for) = (limits.sources, limits.known_for);
        Self {
            limits,
            known: Memory::new(room, known_for),
            unknown: Memory::new(room, FORGIVEN_AFTER),
            recent: VecDeque::new(),
            tickets: Memory::new(room, known_for),
        }
    }

    /// Whether a source may try now; if not, why.
    pub(crate) fn may_try(&mut self, source: IpAddr, now: Instant) -> Result<(), Barred> {
        if let Some(record) = self.known.get(&source.to_canonical(), now) {
            return record.judge(now);
        }
        if let Some(record) = self.unknown.get(&network(source), now) {
            record.judge(now)?;
        }
        let is_over = |guess: &mut Instant| now.saturating_duration_since(*guess) >= MINUTE;
        while self.recent.pop_front_if(is_over).is_some() {}
        match self.recent.len() < self.limits.guesses_per_minute {
            true => Ok(()),
            false => Err(Barred::Everybody),
        }
    }

    /// Whether a client shows a ticket that this server has left it.
    pub(crate) fn knows(&mut self, ticket: Ticket, now: Instant) -> bool {
        self.tickets.get(&ticket, now).is_some()
    }

    /// Takes a ticket, which nobody can use again.
    pub(crate) fn take(&mut self, ticket: Ticket, now: Instant) -> bool {
        self.tickets.remove(&ticket, now).is_some()
    }

    /// A source has shown a wrong secret.
    pub(crate) fn wrong(&mut self, source: IpAddr, now: Instant) {
        let limits = &self.limits;
        if let Some(record) = self.known.get(&source.to_canonical(), now) {
            // Somebody mistypes on a computer where others work.
            record.add(limits, limits.first_bar, now);
            return;
        }
        let record = self.unknown.entry(network(source), now);
        record.add(limits, limits.longest_bar, now);
        self.recent.push_back(now);
    }

    /// A source has shown the right secret, and its connection leaves a ticket.
    pub(crate) fn right(&mut self, source: IpAddr, ticket: Ticket, now: Instant) {
        // What was wrong before stays: others may guess from the same address.
        self.known.entry(source.to_canonical(), now);
        self.tickets.entry(ticket, now);
    }
}

impl Record {
    fn judge(&self, now: Instant) -> Result<(), Barred> {
        let left = self
            .barred_until
            .map(|until| until.saturating_duration_since(now));
        match left {
            Some(left) if !left.is_zero() => Err(Barred::Source { left }),
            _ => Ok(()),
        }
    }

    fn add(&mut self, limits: &AccessLimits, longest: Duration, now: Instant) {
        let is_old = |last| now.saturating_duration_since(last) >= FORGIVEN_AFTER;
        if self.last.is_none_or(is_old) {
            *self = Self::default();
        }
        self.last = Some(now);
        self.wrong = self.wrong.saturating_add(1);
        let beyond = self.wrong.checked_sub(limits.free_guesses);
        if let Some(doublings) = beyond.and_then(|beyond| beyond.checked_sub(1)) {
            let factor = 2_u32.saturating_pow(doublings.min(16));
            let bar = limits.first_bar.saturating_mul(factor);
            self.barred_until = now.checked_add(bar.min(longest));
        }
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
            Barred::Everybody => f.write_str("too many wrong secrets from unknown sources"),
        }
    }
}

/// What counts as one source among the unknown: an IPv4 address, or the /64 network that one IPv6 subscriber has to
/// himself.
pub(crate) fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

const BRIEF: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// Who has not guessed wrong for so long is given the free guesses again.
const FORGIVEN_AFTER: Duration = Duration::from_secs(60 * 60);

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

    fn ticket(n: u8) -> Ticket {
        Ticket::received([n; Ticket::LEN])
    }

    /// For how long the next guess is put off after each of so many, made as soon as they may be.
    fn bars(gate: &mut Gate, source: IpAddr, guesses: usize, now: &mut Instant) -> Vec<u64> {
        let mut bars = Vec::new();
        for _ in 0..guesses {
            assert_eq!(gate.may_try(source, *now), Ok(()));
            gate.wrong(source, *now);
            let left = match gate.may_try(source, *now) {
                Err(Barred::Source { left }) => left,
                Ok(()) => Duration::ZERO,
                Err(other) => panic!("{other}"),
            };
            bars.push(left.as_secs());
            *now += left;
        }
        bars
    }

    #[test]
    fn a_source_that_guesses_is_barred_longer_and_longer() {
        let (mut gate, mut now) = (gate(usize::MAX), Instant::now());
        let expected = [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60];
        assert_eq!(bars(&mut gate, ip(1), expected.len(), &mut now), expected);
        assert_eq!(gate.may_try(ip(2), now), Ok(()), "others are not barred");
        now += FORGIVEN_AFTER;
        assert_eq!(bars(&mut gate, ip(1), 6, &mut now), [0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn all_unknown_sources_together_get_so_many_guesses_a_minute() {
        let (mut gate, start) = (gate(20), Instant::now());
        gate.right(ip(200), ticket(0), start);
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

    /// Each time the rightful client came, its neighbour had five more guesses.
    #[test]
    fn from_a_known_source_one_guess_a_second_however_often_its_client_comes() {
        let (mut gate, start) = (gate(usize::MAX), Instant::now());
        gate.right(ip(1), ticket(0), start);
        let mut now = start;
        assert_eq!(
            bars(&mut gate, ip(1), 8, &mut now),
            [0, 0, 0, 0, 0, 1, 1, 1]
        );
        let mut guesses = 0;
        for step in 0..600 {
            let now = now + Duration::from_millis(step * 100);
            gate.right(ip(1), ticket(0), now);
            while gate.may_try(ip(1), now) == Ok(()) {
                gate.wrong(ip(1), now);
                guesses += 1;
            }
        }
        assert_eq!(guesses, 60, "in a minute");
    }

    #[test]
    fn a_source_is_known_for_a_day() {
        let (mut gate, start) = (gate(0), Instant::now());
        let day = AccessLimits::default().known_for;
        gate.right(ip(1), ticket(0), start);
        let last = start + day - Duration::from_secs(1);
        assert_eq!(gate.may_try(ip(1), last), Ok(()));
        assert_eq!(gate.may_try(ip(1), start + day), Err(Barred::Everybody));
    }

    #[test]
    fn a_ticket_is_taken_once_within_a_day() {
        let (mut gate, start) = (gate(20), Instant::now());
        let day = AccessLimits::default().known_for;
        for n in [1, 2] {
            gate.right(ip(1), ticket(n), start);
        }
        assert!(gate.knows(ticket(1), start) && gate.take(ticket(1), start));
        assert!(!gate.knows(ticket(1), start) && !gate.take(ticket(1), start));
        assert!(!gate.knows(ticket(2), start + day));
        assert!(!gate.knows(ticket(3), start));
    }

    /// Who guessed from many places made a server forget its clients.
    #[test]
    fn those_who_guess_do_not_make_the_known_be_forgotten() {
        let (mut gate, now) = (gate(usize::MAX), Instant::now());
        gate.right(ip(1), ticket(1), now);
        for n in 0..10_000_u32 {
            gate.wrong(
                IpAddr::from(n.to_be_bytes()),
                now + Duration::from_millis(n.into()),
            );
        }
        assert_eq!(gate.unknown.len(), AccessLimits::default().sources);
        assert_eq!(gate.known.len(), 1);
        assert!(gate.knows(ticket(1), now));
    }

    /// One computer in a network that guesses kept all the others in it out.
    #[test]
    fn neighbours_in_ipv6_are_one_source_until_they_are_known() {
        let (mut gate, now) = (gate(usize::MAX), Instant::now());
        let [good, bad, new]: [IpAddr; 3] =
            ["fd00::2", "fd00::bad", "fd00::7"].map(|text| text.parse().unwrap());
        gate.right(good, ticket(0), now);
        (0..10).for_each(|_| gate.wrong(bad, now));
        assert_eq!(gate.may_try(good, now), Ok(()));
        assert!(gate.may_try(bad, now).is_err() && gate.may_try(new, now).is_err());
        assert_eq!(network("::ffff:10.0.0.1".parse().unwrap()), ip(1));
    }
}
