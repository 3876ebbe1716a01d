//! A man in the middle of a connection with a secret can cut it, and nothing else.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ipc_client::{Client, Retry};
use ipc_server::{AccessLimits, ServerHandle};
use tests::middle::{Middle, Towards};
use tests::probe::answer_to;
use tests::{Bench, BenchProxy, SECRET, Way, until};

/// A server that replies at once and accepts any number of wrong secrets.
fn quick() -> AccessLimits {
    let mut limits = AccessLimits::default();
    limits
        .answer_after(Duration::ZERO)
        .free_guesses(u32::MAX)
        .guesses_per_minute(usize::MAX);
    limits
}

/// What is said in [`conversation`]. Seven bytes and more: four are found by chance, in a
/// quarter of all runs, somewhere in a gibibyte of noise.
const SAID: [&[u8]; 4] = [
    b"PLAINTEXT",
    b"pass_again",
    b"unlucky",
    &0x1122_3344_5566_7788_u64.to_le_bytes(),
];

/// Everything that went to the server, and everything that came back.
fn conversation(way: Way, rounds: usize) -> [Vec<u8>; 2] {
    let server = way
        .server()
        .device(Bench::new())
        .function("PLAINTEXT_twice", |text: String| format!("{text}{text}"))
        .spawn()
        .unwrap();
    let middle = Middle::new(server.local_addr());
    let client = way
        .client_at(&middle.address().to_string())
        .name("PLAINTEXTNAME")
        .connect()
        .unwrap();
    for _ in 0..rounds {
        let mark = "PLAINTEXTMARK".repeat(1000);
        let doubled: String = client.call("PLAINTEXT_twice", mark).unwrap();
        assert_eq!(doubled.len(), 26_000);
        BenchProxy::new(&client)
            .echo(0x1122_3344_5566_7788)
            .unwrap();
        assert!(BenchProxy::new(&client).fail(13).is_err());
    }
    client.help().unwrap();
    client.close();
    [Towards::Server, Towards::Client].map(|towards| middle.record(towards))
}

fn contains(record: &[u8], needle: &[u8]) -> bool {
    record.windows(needle.len()).any(|part| part == needle)
}

#[test]
fn nothing_of_what_is_said_is_in_the_traffic() {
    // `MEGABYTES=1024` for the full count.
    let megabytes = std::env::var("MEGABYTES").map_or(2, |count| count.parse().unwrap());
    for record in conversation(Way::Secret, megabytes * 25) {
        assert!(record.len() > 100_000, "{}", record.len());
        let secret = SECRET.as_bytes();
        for needle in SAID.into_iter().chain([secret, &secret[..8]]) {
            let text = String::from_utf8_lossy(needle);
            assert!(!contains(&record, needle), "{text}");
        }
    }
    // The same search finds every one of them where there is no secret.
    let records = conversation(Way::Plain, 1);
    for needle in SAID {
        let found = records.iter().any(|record| contains(record, needle));
        assert!(found, "{}", String::from_utf8_lossy(needle));
    }
}

#[test]
fn recorded_traffic_is_of_no_use() {
    let bench = Bench::new();
    let entered = bench.entered();
    let server = Way::Secret.server().access_limits(quick()).device(bench);
    let server = server.spawn().unwrap();
    let middle = Middle::new(server.local_addr());
    let client = Way::Secret
        .client_at(&middle.address().to_string())
        .connect()
        .unwrap();
    for _ in 0..5 {
        BenchProxy::new(&client).step().unwrap();
    }
    client.close();
    until("the server is free", || server.holder().is_none());
    assert_eq!(entered.load(Ordering::SeqCst), 5);
    let [said, heard] = [Towards::Server, Towards::Client].map(|towards| middle.record(towards));
    let address = server.local_addr();
    for _ in 0..3 {
        // The preamble and the half of a key at most, never a record.
        assert!(answer_to(address, &said).len() <= 56);
        assert!(answer_to(address, &heard).len() <= 56);
    }
    // A mirror: what the server says is said back to it.
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream.write_all(&said[..56]).unwrap();
    let mut answer = [0; 56];
    stream.read_exact(&mut answer).unwrap();
    let _ = stream.write_all(&answer);
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert_eq!(rest, b"", "it is not taken in by its own words");
    // A mirror in the place of the server.
    let mirror = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mirror_address = mirror.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in mirror.incoming().map_while(Result::ok) {
            let mut other = stream.try_clone().unwrap();
            let _ = std::io::copy(&mut stream, &mut other);
        }
    });
    let client = Client::builder(mirror_address.to_string()).secret(SECRET);
    assert!(client.retry(Retry::never()).connect().is_err());
    assert_eq!(entered.load(Ordering::SeqCst), 5, "no call came in");
}

/// A server behind a proxy that flips one bit in one direction of every connection.
struct Flipper {
    server: ServerHandle,
    entered: Arc<AtomicU64>,
    middle: Middle,
    /// Which byte and what to do to it; none is touched at first.
    flip: Arc<Mutex<Option<(Towards, usize, u8)>>>,
}

impl Flipper {
    fn new() -> Self {
        let bench = Bench::new();
        let entered = bench.entered();
        let mut limits = quick();
        limits
            // If the flip made a record longer, the receiver waits for the rest of it.
            .hello_within(PATIENCE);
        let server = Way::Secret.server().access_limits(limits).device(bench);
        // The next client need not wait for the one whose connection was lost.
        let server = server.grace(Duration::ZERO).spawn().unwrap();
        let flip: Arc<Mutex<Option<(Towards, usize, u8)>>> = Arc::default();
        let planned = Arc::clone(&flip);
        let middle = Middle::with_edit(server.local_addr(), move |towards, start, bytes| {
            if let Some((direction, at, bits)) = *planned.lock().unwrap()
                && direction == towards
                && let Some(byte) = at.checked_sub(start).and_then(|at| bytes.get_mut(at))
            {
                *byte ^= bits;
            }
        });
        Self {
            server,
            entered,
            middle,
            flip,
        }
    }

    /// Connects and makes one step. Returns whether that went well, and how many calls came in.
    fn try_step(&self, flip: Option<(Towards, usize, u8)>) -> (bool, u64) {
        *self.flip.lock().unwrap() = flip;
        until("the server is free", || self.server.holder().is_none());
        let before = self.entered.load(Ordering::SeqCst);
        let address = self.middle.address().to_string();
        let client = Way::Secret.client_at(&address).retry(Retry::never());
        // Not the process's own, so that all hellos are of the same length.
        let went_well = client.name("flipped").connect().is_ok_and(|client| {
            let client = client.timeout(PATIENCE);
            BenchProxy::new(&client).step().is_ok()
        });
        (went_well, self.entered.load(Ordering::SeqCst) - before)
    }
}

/// Where the records of a direction begin, behind the handshake: each has its length before it.
fn records(stream: &[u8]) -> Vec<Range<usize>> {
    let mut records = Vec::new();
    let mut start = HANDSHAKE;
    while let Some(length) = stream.get(start..start + 2) {
        let end = start + 2 + usize::from(u16::from_le_bytes([length[0], length[1]]));
        records.push(start..end);
        start = end;
    }
    assert_eq!(start, stream.len(), "whole records");
    records
}

#[test]
fn a_flipped_bit_in_any_byte_of_the_handshake_lets_nobody_in() {
    let flipper = Flipper::new();
    for at in 0..HANDSHAKE {
        for towards in [Towards::Server, Towards::Client] {
            let flip = (towards, at, 1 << (at % 8));
            assert_eq!(flipper.try_step(Some(flip)), (false, 0), "{flip:?}");
        }
    }
    assert_eq!(flipper.try_step(None), (true, 1), "nothing else was wrong");
}

#[test]
fn a_flipped_bit_in_a_record_ends_the_connection_and_nothing_of_it_is_used() {
    let flipper = Flipper::new();
    assert_eq!(flipper.try_step(None), (true, 1));
    until("the server is free", || flipper.server.holder().is_none());
    let [said, heard] =
        [Towards::Server, Towards::Client].map(|towards| flipper.middle.record(towards));
    let (said, heard) = (records(&said), records(&heard));
    // What must not run, in which record of which direction; once the answer is on its way, the call has run.
    let cases = [
        ("hello", Towards::Server, &said[0], 0),
        ("call", Towards::Server, &said[1], 0),
        ("welcome", Towards::Client, &heard[0], 0),
        ("answer", Towards::Client, &heard[1], 1),
    ];
    for (name, towards, record, runs) in cases {
        // Of the length the bits that are set, so that nobody waits for more; of the rest any.
        let shorter = (record.start, lowest_bit((record.len() - 2) as u8));
        let content = record.clone().skip(2).step_by(7);
        let any = content
            .chain([record.end - 1])
            .map(|at| (at, 1 << (at % 8)));
        for (at, bits) in any.chain([shorter]) {
            let outcome = flipper.try_step(Some((towards, at, bits)));
            assert_eq!(outcome, (false, runs), "{name}, byte {}", at - record.start);
        }
    }
    // A record that has become longer is waited for, until time is up.
    for (record, name) in [(&said[0], "hello"), (&said[1], "call")] {
        let longer = (Towards::Server, record.start + 1, 1);
        assert_eq!(flipper.try_step(Some(longer)), (false, 0), "{name}");
    }
    assert_eq!(flipper.try_step(None), (true, 1), "nothing else was wrong");
}

fn lowest_bit(byte: u8) -> u8 {
    byte & byte.wrapping_neg()
}

/// Number of bytes that each end has sent when the other has proven that it knows the secret.
const HANDSHAKE: usize = 56 + 64;
/// Used up only if an end waits for the rest of a record that has become longer.
const PATIENCE: Duration = Duration::from_secs(5);
