//! Limits on guesses at the secret, and access for legitimate clients meanwhile.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ipc_server::{AccessLimits, ServerHandle};
use tests::middle::Middle;
use tests::probe::{self, HalfWay, connect_from};
use tests::{Bench, BenchProxy, SECRET, Way, log, until};

/// A connection from another address of this computer.
fn guess_from(source: IpAddr, server: SocketAddr) -> std::io::Result<Vec<u8>> {
    let stream = connect_from(SocketAddr::new(source, 0), server)?;
    probe::guess(stream)
}

/// Many guessing clients at `sources`, until dropped.
struct Guessers {
    over: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Guessers {
    fn start(server: SocketAddr, sources: impl Iterator<Item = IpAddr>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let threads = sources.map(|source| {
            let over = Arc::clone(&over);
            thread::spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    // Refused or not: the log says how many were checked.
                    let _ = guess_from(source, server);
                }
            })
        });
        let threads = threads.collect();
        Self { over, threads }
    }
}

impl Drop for Guessers {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

/// A server with a secret, on a free port.
fn serve(limits: AccessLimits) -> ServerHandle {
    let server = Way::Secret.server().access_limits(limits);
    server.device(Bench::new()).spawn().unwrap()
}

/// Returns how many wrong secrets from there were checked.
fn judged(source: &str) -> usize {
    log::lines(&["did not prove", &format!("peer={source}")]).len()
}

#[test]
fn who_is_known_gets_in_while_fifty_others_guess() {
    log::capture();
    let mut limits = AccessLimits::default();
    limits.answer_after(Duration::from_millis(100));
    let server = serve(limits);
    let address = server.local_addr();
    let known = || Way::Secret.client(&server).connect().unwrap();
    known().close();
    let sources = (10..60).map(|last| IpAddr::from([127, 0, 1, last]));
    let guessers = Guessers::start(address, sources);
    log::expect(&["too many wrong secrets from unknown sources", "=127.0.1."]);
    for n in 1..=20 {
        let start = Instant::now();
        let client = known();
        assert_eq!(BenchProxy::new(&client).step().unwrap(), n);
        client.close();
        let took = start.elapsed();
        assert!(took < Duration::from_secs(2), "{took:?}");
    }
    drop(guessers);
    let guesses = judged("127.0.1.");
    assert_eq!(guesses, 20, "guesses in a minute");
}

/// Many simultaneous handshakes do not circumvent the limits: each guess is counted when its proof arrives.
#[test]
fn handshakes_under_way_do_not_get_around_the_limits() {
    let mut limits = AccessLimits::default();
    limits.answer_after(Duration::ZERO);
    let server = serve(limits);
    let address = server.local_addr();
    let half_way = |source: [u8; 4], secret: &str| {
        let stream = connect_from((source, 0).into(), address).unwrap();
        HalfWay::reach(stream, secret).unwrap()
    };
    let mut early = half_way([127, 0, 2, 254], SECRET);
    let mut late = half_way([127, 0, 2, 255], SECRET);
    let mut guessers: Vec<_> = (0..40)
        .map(|last| half_way([127, 0, 2, last], "a wrong one"))
        .collect();
    let (first, rest) = guessers.split_at_mut(19);
    for guesser in first {
        assert_eq!(guesser.prove().unwrap_or_default(), b"");
    }
    assert_eq!(early.prove().unwrap().len(), 64, "20 a minute are allowed");
    for guesser in rest {
        assert_eq!(guesser.prove().unwrap_or_default(), b"");
    }
    let answer = late.prove().unwrap_or_default();
    assert_eq!(answer, b"", "even the right one is not looked at any more");
}

/// The same from one source: the sixth guess waits until the bar is over, and so on.
#[test]
fn guesses_from_one_source_are_judged_one_by_one() {
    let mut limits = AccessLimits::default();
    limits
        .answer_after(Duration::ZERO)
        .guesses_per_minute(usize::MAX)
        .hello_within(Duration::from_secs(4));
    let server = serve(limits);
    let source = [127, 0, 3, 1];
    let stream = || connect_from((source, 0).into(), server.local_addr()).unwrap();
    log::capture();
    let half_way: Vec<_> = (0..30)
        .map(|_| HalfWay::reach(stream(), "a wrong one").unwrap())
        .collect();
    let guessers: Vec<_> = half_way
        .into_iter()
        .map(|mut guesser| thread::spawn(move || guesser.prove().unwrap_or_default()))
        .collect();
    for guesser in guessers {
        assert_eq!(guesser.join().unwrap(), b"");
    }
    // Free are 5; then one each after 0, 1, 2 s. The others ran out of time.
    let judged = judged("127.0.3.1:");
    assert!((5..=9).contains(&judged), "{judged} were judged");
}

/// Regression test: guessing from the computer of a legitimate client, or from behind the same router, kept that client
/// out, because it had to wait for its turn among the guesses.
#[test]
fn who_comes_back_gets_in_although_its_neighbours_guess() {
    log::capture();
    let server = Way::Secret.server().device(Bench::new()).spawn().unwrap();
    let middle = Middle::new(server.local_addr());
    let client = Way::Secret.client_at(&middle.address().to_string());
    let client = client.connect().unwrap();
    let bench = BenchProxy::new(&client);
    assert_eq!(bench.step().unwrap(), 1);
    let neighbours = (0..40).map(|_| IpAddr::from([127, 0, 0, 1]));
    let guessers = Guessers::start(server.local_addr(), neighbours);
    // The free ones are spent: from now on there is one a second, for forty.
    until("they are held up", || judged("127.0.0.1:") > 5);
    for n in 2..=20 {
        middle.cut();
        let start = Instant::now();
        assert_eq!(bench.step().unwrap(), n);
        let took = start.elapsed();
        assert!(took < Duration::from_secs(2), "{took:?}");
    }
    drop(guessers);
}

/// The same for a client that returns from another address, during too many guesses from all sources.
#[test]
fn a_ticket_leads_past_the_bar_on_unknown_sources() {
    let mut limits = AccessLimits::default();
    limits.guesses_per_minute(1).answer_after(Duration::ZERO);
    let server = serve(limits);
    let address = server.local_addr();
    let from = |last: u8| connect_from(([127, 0, 5, last], 0).into(), address).unwrap();
    let mut before = HalfWay::reach(from(1), SECRET).unwrap();
    assert_eq!(before.prove().unwrap().len(), 64);
    assert_eq!(
        probe::guess(from(2)).unwrap().len(),
        56,
        "the only guess in this minute"
    );
    assert!(HalfWay::reach(from(3), SECRET).is_err(), "unknown");
    let mut again = HalfWay::reach_with(from(3), SECRET, before.ticket()).unwrap();
    assert_eq!(again.prove().unwrap().len(), 64);
}

/// A ticket is valid for one proof, right or wrong: an eavesdropper gets one guess from it.
#[test]
fn a_ticket_that_was_seen_in_passing_is_worth_one_guess() {
    let mut limits = AccessLimits::default();
    limits
        .answer_after(Duration::ZERO)
        .first_bar(Duration::from_secs(3600))
        .longest_bar(Duration::from_secs(3600));
    let server = serve(limits);
    let address = server.local_addr();
    let from = |last: u8| connect_from(([127, 0, 4, last], 0).into(), address).unwrap();
    let mut right = HalfWay::reach(from(1), SECRET).unwrap();
    assert_eq!(right.prove().unwrap().len(), 64);
    // The source of the others is barred after six guesses.
    for _ in 0..6 {
        assert_eq!(probe::guess(from(2)).unwrap_or_default().len(), 56);
    }
    assert_eq!(probe::guess(from(2)).unwrap_or_default(), b"", "barred");
    let ticket = right.ticket().unwrap();
    let seen = |secret| HalfWay::reach_with(from(2), secret, Some(ticket));
    let mut guess = seen("a wrong one").unwrap();
    assert_eq!(
        guess.prove().unwrap_or_default(),
        b"",
        "looked at, and wrong"
    );
    assert!(seen(SECRET).is_err(), "the ticket is spent");
}
