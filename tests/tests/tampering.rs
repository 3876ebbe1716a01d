//! What somebody in the middle can do to a connection with a secret: cut it, and no more.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use ipc_client::{Client, ConnectError, Retry};
use ipc_server::AccessLimits;
use tests::middle::{Middle, Towards};
use tests::probe::answer_to;
use tests::{Bench, BenchProxy, SECRET, Way, until};

/// Answers at once, and takes any number of wrong secrets.
fn quick() -> AccessLimits {
    AccessLimits {
        answer_after: Duration::ZERO,
        free_guesses: u32::MAX,
        guesses_per_minute: usize::MAX,
        ..AccessLimits::default()
    }
}

#[test]
fn nothing_of_what_is_said_is_in_the_traffic() {
    let server = Way::Secret
        .server()
        .device(Bench::new())
        .function("mark", |text: String| format!("{text}{text}"))
        .spawn()
        .unwrap();
    let middle = Middle::new(server.local_addr());
    let client = Way::Secret
        .client_at(&middle.address().to_string())
        .name("PLAINTEXTNAME")
        .connect()
        .unwrap();
    // `MEGABYTES=1024` for the full count.
    let megabytes = std::env::var("MEGABYTES").map_or(2, |count| count.parse().unwrap());
    for _ in 0..megabytes * 25 {
        let mark = "PLAINTEXTMARK".repeat(1000);
        let doubled: String = client.call_by_name("mark", mark).unwrap();
        assert_eq!(doubled.len(), 26_000);
        BenchProxy::new(&client)
            .echo(0x1122_3344_5566_7788)
            .unwrap();
        assert!(BenchProxy::new(&client).fail(13).is_err());
    }
    client.help().unwrap();
    client.close();
    for towards in [Towards::Server, Towards::Client] {
        let record = middle.record(towards);
        assert!(record.len() > 100_000, "{towards:?}: {}", record.len());
        let contains = |needle: &[u8]| record.windows(needle.len()).any(|part| part == needle);
        for needle in [
            &b"PLAINTEXT"[..],
            b"mark",
            b"echo",
            b"unlucky",
            b"Bench",
            SECRET.as_bytes(),
            &SECRET.as_bytes()[..8],
            &0x1122_3344_5566_7788_u64.to_le_bytes(),
        ] {
            assert!(!contains(needle), "{}", String::from_utf8_lossy(needle));
        }
    }
    // The same search finds it where there is no secret.
    let server = Way::Plain.server().device(Bench::new()).spawn().unwrap();
    let middle = Middle::new(server.local_addr());
    let client = Way::Plain
        .client_at(&middle.address().to_string())
        .connect()
        .unwrap();
    BenchProxy::new(&client).echo(1).unwrap();
    let record = middle.record(Towards::Server);
    assert!(record.windows(4).any(|part| part == b"echo"));
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

#[test]
fn a_flipped_bit_anywhere_ends_the_connection() {
    let bench = Bench::new();
    let entered = bench.entered();
    let server = Way::Secret.server().access_limits(quick()).device(bench);
    let server = server.spawn().unwrap();
    let at = Arc::new(AtomicUsize::new(0));
    let towards_client = Arc::new(AtomicBool::new(false));
    let (position, direction) = (Arc::clone(&at), Arc::clone(&towards_client));
    let middle = Middle::with_edit(server.local_addr(), move |towards, start, bytes| {
        let flip = position.load(Ordering::SeqCst);
        let wanted = direction.load(Ordering::SeqCst) == (towards == Towards::Client);
        if wanted && let Some(byte) = flip.checked_sub(start).and_then(|at| bytes.get_mut(at)) {
            *byte ^= 1 << (flip % 8);
        }
    });
    let address = middle.address().to_string();
    let connect = || {
        let client = Way::Secret.client_at(&address).retry(Retry::never());
        let client = client.connect_timeout(Duration::from_millis(1)).connect()?;
        Ok::<_, ConnectError>(client)
    };
    // All of the handshake in steps, then the records behind it.
    for flip in (0..120).step_by(7).chain([121, 130, 150, 200]) {
        for client in [false, true] {
            at.store(flip, Ordering::SeqCst);
            towards_client.store(client, Ordering::SeqCst);
            let before = entered.load(Ordering::SeqCst);
            if let Ok(client) = connect() {
                let timeout = client.timeout(Duration::from_millis(300));
                let step = BenchProxy::new(&timeout).step();
                assert!(step.is_err() || flip > 120, "{flip}: {step:?}");
            }
            let after = entered.load(Ordering::SeqCst);
            assert!(after == before || flip > 120, "{flip}");
        }
    }
    at.store(usize::MAX, Ordering::SeqCst);
    let client = Way::Secret.client_at(&address).connect().unwrap();
    assert!(BenchProxy::new(&client).steps().is_ok());
}
