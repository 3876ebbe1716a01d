//! Connections that a secret keeps out.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use ipc_client::{Client, ConnectError, Retry};
use ipc_core::wire::preamble::{Ciphers, Preamble, Role, Suite};
use ipc_server::{AccessLimits, ServerHandle};
use tests::middle::{Middle, Towards};
use tests::probe::answer_to;
use tests::{Bench, BenchProxy, Gate, SECRET, Way, log};

/// A server with a secret whose holder is in the middle of a call.
struct Lab {
    server: ServerHandle,
    gate: Gate,
    holder: thread::JoinHandle<u64>,
}

impl Lab {
    fn new(limits: AccessLimits) -> Self {
        log::capture();
        let bench = Bench::new();
        let gate = bench.gate();
        let server = Way::Secret.server().access_limits(limits).device(bench);
        let server = server.spawn().unwrap();
        let client = Way::Secret.client(&server).connect().unwrap();
        let holder = thread::spawn(move || BenchProxy::new(&client).pass().unwrap());
        gate.wait_for_call();
        Self {
            server,
            gate,
            holder,
        }
    }

    fn client(&self) -> ipc_client::ClientBuilder {
        let address = self.server.local_addr().to_string();
        Client::builder(address).retry(Retry::never())
    }

    fn ends_unharmed(self) {
        self.gate.open(1);
        assert_eq!(self.holder.join().unwrap(), 1);
        let client = Way::Secret.client(&self.server).connect().unwrap();
        assert_eq!(BenchProxy::new(&client).step().unwrap(), 2);
    }
}

fn patient() -> AccessLimits {
    let mut limits = AccessLimits::default();
    limits.free_guesses(u32::MAX).guesses_per_minute(usize::MAX);
    limits
}

#[test]
fn a_wrong_secret_is_told_to_both_ends_after_always_the_same_time() {
    let lab = Lab::new(patient());
    for wrong in [
        "wrong",
        &SECRET[1..],
        &SECRET.to_uppercase(),
        &format!("{SECRET} "),
    ] {
        let start = Instant::now();
        let error = lab.client().secret(wrong).connect().unwrap_err();
        let took = start.elapsed().as_millis();
        assert!((1000..2500).contains(&took), "{took} ms");
        assert!(
            matches!(error, ConnectError::WrongSecret { .. }),
            "{error:?}"
        );
        let address = lab.server.local_addr().to_string();
        for word in ["secret", address.as_str()] {
            assert!(error.to_string().contains(word), "{error}");
        }
    }
    log::expect(&["WARN", "peer=127.0.0.1", "did not prove"]);
    lab.ends_unharmed();
}

/// Closes the connection before the server's proof has arrived, as often as given.
fn cut_in_the_handshake(server: &ServerHandle, often: usize) -> Middle {
    let cut = Arc::new(OnceLock::<Middle>::new());
    let (this, count) = (Arc::clone(&cut), AtomicUsize::new(0));
    let middle = Middle::with_edit(server.local_addr(), move |towards, position, _| {
        let is_proof = towards == Towards::Client && position == 56;
        if is_proof && count.fetch_add(1, Ordering::SeqCst) < often {
            this.wait().cut();
        }
    });
    assert!(cut.set(middle.clone()).is_ok());
    middle
}

/// Regression test: the client reported a wrong secret as a fact.
#[test]
fn a_first_connection_that_is_cut_in_the_handshake_is_made_again() {
    let server = Way::Secret.server().device(Bench::new()).spawn().unwrap();
    let connect = |middle: &Middle, retry| {
        let client = Way::Secret.client_at(&middle.address().to_string());
        client.retry(retry).connect()
    };
    let middle = cut_in_the_handshake(&server, 1);
    let client = connect(&middle, Retry::default()).unwrap();
    assert_eq!(BenchProxy::new(&client).step().unwrap(), 1);
    client.close();
    // The error says only what is known.
    for (retry, often, permanent) in [
        (Retry::never(), "handshake, which means", false),
        (Retry::default(), "2 times in a row, which means", true),
    ] {
        let middle = cut_in_the_handshake(&server, 2);
        let error = connect(&middle, retry).unwrap_err();
        let text = error.to_string();
        assert!(
            matches!(error, ConnectError::WrongSecret { certain: false, .. }),
            "{text}"
        );
        for word in [often, "a different secret or a lost connection"] {
            assert!(text.contains(word), "{text}");
        }
        assert_eq!(error.is_permanent(), permanent, "{text}");
    }
}

#[test]
fn a_secret_that_is_missing_at_one_end_is_named() {
    let lab = Lab::new(patient());
    let error = lab.client().connect().unwrap_err();
    assert!(
        matches!(error, ConnectError::SecretRequired { .. }),
        "{error:?}"
    );
    lab.ends_unharmed();

    let open = Way::Plain.server().device(Bench::new()).spawn().unwrap();
    let client = Client::builder(open.local_addr().to_string()).secret(SECRET);
    let error = client.retry(Retry::never()).connect().unwrap_err();
    assert!(
        matches!(error, ConnectError::ServerHasNoSecret { .. }),
        "{error:?}"
    );
    let client = Way::Plain.client(&open).connect().unwrap();
    assert_eq!(BenchProxy::new(&client).step().unwrap(), 1);
}

#[test]
fn another_service_is_refused() {
    let plain = Way::Plain.server().service("pump").spawn().unwrap();
    let client = Way::Plain
        .client(&plain)
        .service("signal")
        .retry(Retry::never());
    let error = client.connect().unwrap_err();
    assert!(
        matches!(error, ConnectError::WrongService { .. }),
        "{error:?}"
    );
    for word in ["`pump`", "`signal`"] {
        assert!(error.to_string().contains(word), "{error}");
    }
    // Under a secret, the service name is part of the key exchange: the server does not reveal the right one.
    let secret = Way::Secret.server().service("pump").spawn().unwrap();
    let client = Way::Secret
        .client(&secret)
        .service("signal")
        .retry(Retry::never());
    let error = client.connect().unwrap_err();
    assert!(
        matches!(error, ConnectError::WrongSecret { .. }),
        "{error:?}"
    );
    assert!(!error.to_string().contains("pump"), "{error}");
    for (way, server) in [(Way::Plain, plain), (Way::Secret, secret)] {
        assert!(way.client(&server).service("pump").connect().is_ok());
    }
}

#[test]
fn who_speaks_in_the_clear_gets_no_more_than_eight_bytes() {
    let mut limits = patient();
    limits.answer_after(Duration::from_millis(50));
    let lab = Lab::new(limits);
    let address = lab.server.local_addr();
    let plain = Preamble::new(Suite::Plain, Role::Client);
    let hello = [&plain.encode()[..], &[30, 0, 0, 0, 1, 0], &[0; 28]].concat();
    let own = Preamble {
        ciphers: Ciphers::NONE,
        ..Preamble::new(Suite::Secret, Role::Server)
    };
    let offered = Preamble::new(Suite::Secret, Role::Client);
    for wait in [8, 20, hello.len()] {
        let answer = answer_to(address, &hello[..wait]);
        assert!(answer.is_empty() || answer == own.encode(), "{answer:?}");
    }
    // Any version, suite, role and ciphers.
    let mut preambles = Vec::new();
    for byte in 4..8 {
        for value in (0..=255).step_by(5) {
            let mut preamble = offered.encode();
            preamble[byte] = value;
            preambles.push(preamble);
        }
    }
    let threads: Vec<_> = preambles
        .into_iter()
        // Bit 0 is a cipher that every server has.
        .filter(|preamble| !preamble.starts_with(b"LIPC\x01\x01C") || preamble[7] & 1 == 0)
        .map(|preamble| {
            thread::spawn(move || {
                let answer = answer_to(address, &[&preamble[..], &[0; 200]].concat());
                assert!(
                    answer.is_empty() || answer == own.encode(),
                    "{preamble:?}: {answer:?}"
                );
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    lab.ends_unharmed();
}
