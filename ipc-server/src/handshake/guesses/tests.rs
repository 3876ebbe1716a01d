use super::*;

fn limiter(guesses_per_minute: usize) -> GuessCounts {
    GuessCounts::new(AccessLimits {
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

/// GuessCounts as often as it may, and returns how many seconds each guess puts off the next one.
fn bars(guesses: &mut GuessCounts, source: IpAddr, count: usize, now: &mut Instant) -> Vec<u64> {
    let mut bars = Vec::new();
    for _ in 0..count {
        assert_eq!(guesses.may_try(source, *now), Ok(()));
        guesses.wrong(source, *now);
        let left = match guesses.may_try(source, *now) {
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
    let (mut guesses, mut now) = (limiter(usize::MAX), Instant::now());
    let expected = [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60];
    assert_eq!(
        bars(&mut guesses, ip(1), expected.len(), &mut now),
        expected
    );
    assert_eq!(guesses.may_try(ip(2), now), Ok(()), "others are not barred");
    now += FORGIVEN_AFTER;
    assert_eq!(bars(&mut guesses, ip(1), 6, &mut now), [0, 0, 0, 0, 0, 1]);
}

#[test]
fn all_unknown_sources_together_have_20_guesses_a_minute() {
    let (mut guesses, start) = (limiter(20), Instant::now());
    guesses.right(ip(200), ticket(0), start);
    for n in 0..20 {
        assert_eq!(guesses.may_try(ip(n), start), Ok(()));
        guesses.wrong(ip(n), start);
    }
    assert_eq!(guesses.may_try(ip(100), start), Err(Barred::AllUnknown));
    assert_eq!(
        guesses.may_try(ip(200), start),
        Ok(()),
        "known sources get in during the attack"
    );
    assert_eq!(guesses.may_try(ip(100), start + MINUTE), Ok(()));
}

/// Regression test: each connection of the rightful client gave its neighbours five more guesses.
#[test]
fn from_a_known_source_one_guess_a_second_however_often_its_client_comes() {
    let (mut guesses, start) = (limiter(usize::MAX), Instant::now());
    guesses.right(ip(1), ticket(0), start);
    let mut now = start;
    assert_eq!(
        bars(&mut guesses, ip(1), 8, &mut now),
        [0, 0, 0, 0, 0, 1, 1, 1]
    );
    let mut made = 0;
    for step in 0..600 {
        let now = now + Duration::from_millis(step * 100);
        guesses.right(ip(1), ticket(0), now);
        while guesses.may_try(ip(1), now) == Ok(()) {
            guesses.wrong(ip(1), now);
            made += 1;
        }
    }
    assert_eq!(made, 60, "in a minute");
}

#[test]
fn a_source_is_known_for_a_day() {
    let (mut guesses, start) = (limiter(0), Instant::now());
    let day = AccessLimits::default().known_for;
    guesses.right(ip(1), ticket(0), start);
    let last = start + day - Duration::from_secs(1);
    assert_eq!(guesses.may_try(ip(1), last), Ok(()));
    assert_eq!(guesses.may_try(ip(1), start + day), Err(Barred::AllUnknown));
}

/// Uses a ticket with a wrong secret. Returns true if it was good.
fn take(guesses: &mut GuessCounts, ticket: Ticket, now: Instant) -> bool {
    let was_known = guesses.knows(ticket, now);
    guesses.count(ip(9), ticket, Proof::Wrong, now);
    was_known
}

#[test]
fn a_ticket_is_taken_once_within_a_day() {
    let (mut guesses, start) = (limiter(20), Instant::now());
    let day = AccessLimits::default().known_for;
    for n in [1, 2] {
        guesses.right(ip(1), ticket(n), start);
    }
    assert!(guesses.knows(ticket(1), start) && take(&mut guesses, ticket(1), start));
    assert!(!guesses.knows(ticket(1), start) && !take(&mut guesses, ticket(1), start));
    assert!(!guesses.knows(ticket(2), start + day));
    assert!(!guesses.knows(ticket(3), start));
}

/// Regression test: guesses from many addresses made a server forget its clients.
#[test]
fn guesses_from_many_sources_do_not_evict_known_ones() {
    let (mut guesses, now) = (limiter(usize::MAX), Instant::now());
    guesses.right(ip(1), ticket(1), now);
    for n in 0..10_000_u32 {
        guesses.wrong(
            IpAddr::from(n.to_be_bytes()),
            now + Duration::from_millis(n.into()),
        );
    }
    assert_eq!(guesses.unknown.len(), AccessLimits::default().sources);
    assert_eq!(guesses.known.len(), 1);
    assert!(guesses.knows(ticket(1), now));
}

/// Regression test: one guessing computer kept out all others in its network.
#[test]
fn neighbours_in_ipv6_are_one_source_until_they_are_known() {
    let (mut guesses, now) = (limiter(usize::MAX), Instant::now());
    let [good, bad, new]: [IpAddr; 3] =
        ["fd00::2", "fd00::bad", "fd00::7"].map(|text| text.parse().unwrap());
    guesses.right(good, ticket(0), now);
    (0..10).for_each(|_| guesses.wrong(bad, now));
    assert_eq!(guesses.may_try(good, now), Ok(()));
    assert!(guesses.may_try(bad, now).is_err() && guesses.may_try(new, now).is_err());
    assert_eq!(network("::ffff:10.0.0.1".parse().unwrap()), ip(1));
}

/// Regression test: a bar beyond the range of `Instant` was no bar at all.
#[test]
fn a_bar_without_end_bars() {
    let (mut guesses, now) = (limiter(usize::MAX), Instant::now());
    guesses.limits.first_bar = Duration::MAX;
    guesses.limits.longest_bar = Duration::MAX;
    (0..6).for_each(|_| guesses.wrong(ip(1), now));
    assert!(guesses.may_try(ip(1), now + FORGIVEN_AFTER).is_err());
}

#[test]
fn a_ticket_lets_its_client_try_while_its_source_is_barred() {
    let mut limits = AccessLimits::default();
    limits.first_bar(Duration::from_secs(3600));
    let limiter = GuessLimiter::new(limits);
    let right = |next| move || Proof::Right(ticket(next));
    assert_eq!(limiter.attempt(ip(1), ticket(0), right(1)), Ok(()));
    for n in 100..107 {
        let wrong = || Proof::Wrong;
        let attempted = limiter.attempt(ip(1), ticket(n), wrong);
        assert_eq!(attempted.is_ok(), n < 106, "guess {n}");
    }
    let unread = || panic!("the proof of a barred source was read");
    assert!(limiter.attempt(ip(1), ticket(2), unread).is_err());
    assert_eq!(limiter.attempt(ip(1), ticket(1), right(2)), Ok(()));
}
