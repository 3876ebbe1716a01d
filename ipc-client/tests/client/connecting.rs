//! The first connection: servers that start late, are busy, refuse the client, or speak another protocol.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use ipc_client::{
    ByeReason, CallError, CancellationToken, Client, ClientBuilder, ConnectError, ConnectionState,
    NotSent, Retry,
};

use crate::support::{Admission, FakeServer, behind_alice};

fn quickly(address: impl ToString) -> ClientBuilder {
    Client::builder(address.to_string()).connect_timeout(Duration::from_millis(150))
}

#[test]
fn a_lazy_client_waits_for_a_server_that_comes_late() {
    let address = FakeServer::start().address();
    let client = Client::builder(address.to_string()).connect_lazy();
    assert_eq!(client.state(), ConnectionState::Disconnected);
    let call = thread::spawn({
        let client = client.clone();
        move || client.call::<u64>("echo", 1)
    });
    let has_failed = || match client.state() {
        ConnectionState::Connecting {
            attempts,
            last_error,
            ..
        } => attempts > 0 && last_error.is_some(),
        _ => false,
    };
    while !has_failed() {
        thread::yield_now();
    }
    let _server = FakeServer::start_at(address);
    assert_eq!(call.join().unwrap(), Ok(1));
}

#[test]
fn the_error_for_an_absent_server_has_a_hint() {
    let address = FakeServer::start().address();
    let begun = Instant::now();
    let error = quickly(address).connect().unwrap_err();
    assert!(begun.elapsed() >= Duration::from_millis(150));
    let text = error.to_string();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{text}");
    for part in [address.to_string().as_str(), "is the server running"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn without_retries_an_absent_server_is_an_error_at_once() {
    let address = FakeServer::start().address();
    let begun = Instant::now();
    let builder = Client::builder(address.to_string()).retry(Retry::never());
    let error = builder.connect().unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5), "not for 10 s");
}

#[test]
fn without_retries_the_client_still_waits_in_the_queue() {
    let server = FakeServer::start();
    server.set_admission(behind_alice());
    let builder = quickly(server.address()).retry(Retry::never());
    let error = builder.clone().connect().unwrap_err();
    assert!(matches!(error, ConnectError::Busy { .. }), "{error}");
    let connecting = thread::spawn(move || {
        let patient = builder.connect_timeout(Duration::from_secs(60));
        patient.connect().unwrap().call::<u64>("echo", 1)
    });
    server.wait_for_hellos(2);
    server.set_admission(Admission::Open);
    assert_eq!(connecting.join().unwrap(), Ok(1));
}

#[test]
fn bad_addresses_and_unknown_names_fail_at_once() {
    let bad = Client::connect("http://lab-pc").unwrap_err();
    assert!(matches!(bad, ConnectError::BadAddress { .. }), "{bad}");
    let call = Client::builder("[::1").connect_lazy().call::<()>("echo", 1);
    assert!(call.unwrap_err().to_string().contains("`]` is missing"));
    let unknown = Client::connect("no-such-computer.invalid").unwrap_err();
    assert!(
        matches!(unknown, ConnectError::Unresolvable { .. }),
        "{unknown}"
    );
}

/// Starts a listener that answers each connection with `greeting`.
fn stranger(greeting: &'static [u8]) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.write_all(greeting).unwrap();
            // Until the client has closed the connection.
            while stream.read(&mut [0; 512]).is_ok_and(|count| count > 0) {}
        }
    });
    address
}

#[test]
fn strangers_are_recognised_at_once() {
    let begun = Instant::now();
    for (greeting, expected) in [
        (&b"SSH-2.0-OpenSSH_9.2\r\n"[..], "SSH-"),
        (b"LIPC\x09\x00S\x00", "version 9"),
        (b"LIPC\x01\x01S\x00", "secret"),
        (b"LIPC\x01\x00C\x00", "not the other end"),
        (b"LIPC\x01\x00S\x00\x02\x00\x00\x00\xff\x7f", "32767"),
    ] {
        let address = stranger(greeting);
        let error = Client::connect(address.to_string()).unwrap_err();
        let text = error.to_string();
        assert!(error.is_permanent(), "{error:?}");
        for part in [expected, address.to_string().as_str()] {
            assert!(text.contains(part), "{text}");
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for_any_longer() {
    let address = stranger(b"");
    let error = quickly(address).connect().unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut { .. }), "{error}");
}

#[test]
fn a_refusal_is_passed_on() {
    let server = FakeServer::start();
    for (reason, permanent) in [
        (ByeReason::WrongService, true),
        (ByeReason::Disconnected, true),
        (ByeReason::Full, false),
        (ByeReason::Stopping, false),
    ] {
        server.set_admission(Admission::Refuse(reason, "so there".into()));
        let builder = quickly(server.address()).service("optics");
        let error = builder.connect().unwrap_err();
        assert_eq!(error.is_permanent(), permanent, "{error}");
        assert!(error.to_string().contains("so there"), "{error}");
        if reason == ByeReason::WrongService {
            assert!(error.to_string().contains("`optics`"), "{error}");
        }
    }
}

#[test]
fn a_full_server_is_tried_again() {
    let server = FakeServer::start();
    server.set_admission(Admission::Refuse(ByeReason::Full, "too many".into()));
    let client = Client::builder(server.address().to_string()).connect_lazy();
    let call = thread::spawn(move || client.call::<u64>("echo", 1));
    server.wait_for_hellos(2);
    server.set_admission(Admission::Open);
    assert_eq!(call.join().unwrap(), Ok(1));
}

#[test]
fn a_busy_server_is_waited_for_and_its_holder_named() {
    let server = FakeServer::start();
    server.set_admission(behind_alice());
    let error = quickly(server.address()).connect().unwrap_err();
    assert!(matches!(error, ConnectError::Busy { .. }), "{error}");
    assert!(error.to_string().contains("scan by alice"), "{error}");

    let client = Client::builder(server.address().to_string()).connect_lazy();
    let hurried = client.timeout(Duration::from_millis(100));
    match hurried.call::<u64>("echo", 1).unwrap_err() {
        CallError::NotSent {
            reason: NotSent::Busy { waited, queue },
            ..
        } => {
            assert!(waited >= Duration::from_millis(100));
            assert!(queue.contains("place 2 of 3"), "{queue}");
        }
        other => panic!("{other}"),
    }
    // The client leaves the queue with its last waiting call, and joins the end of it with the next one.
    assert_eq!(client.state(), ConnectionState::Disconnected);
    let call = thread::spawn({
        let client = client.clone();
        move || client.call::<u64>("echo", 2)
    });
    server.wait_for_hellos(3);
    server.set_admission(Admission::Open);
    assert_eq!(call.join().unwrap(), Ok(2));
    assert_eq!(server.ledger(), ["echo"]);
    assert!(matches!(client.state(), ConnectionState::Connected { .. }));
}

#[test]
fn a_place_in_the_queue_is_kept_as_long_as_any_call_waits() {
    let server = FakeServer::start();
    server.set_admission(behind_alice());
    let (sender, states) = channel();
    let client = Client::builder(server.address().to_string())
        .on_state(move |state| sender.send(state.clone()).unwrap())
        .connect_lazy();
    let patient = thread::spawn({
        let client = client.clone();
        move || client.call::<u64>("echo", 1)
    });
    while !matches!(states.recv().unwrap(), ConnectionState::Queued(_)) {}
    for _ in 0..3 {
        let hurried = client.timeout(Duration::from_millis(20));
        assert!(hurried.call::<u64>("echo", 2).is_err());
    }
    assert!(matches!(client.state(), ConnectionState::Queued(_)));
    server.set_admission(Admission::Open);
    assert_eq!(patient.join().unwrap(), Ok(1));
    assert_eq!(server.hellos().len(), 1);
}

#[test]
fn a_client_that_leaves_the_queue_says_goodbye() {
    let server = FakeServer::start();
    server.set_admission(behind_alice());
    let (sender, states) = channel();
    let client = Client::builder(server.address().to_string())
        .on_state(move |state| sender.send(state.clone()).unwrap())
        .connect_lazy();
    let token = CancellationToken::new();
    let handle = client.cancel_with(&token);
    let call = thread::spawn(move || handle.call::<u64>("echo", 1));
    while !matches!(states.recv().unwrap(), ConnectionState::Queued(_)) {}
    token.cancel();
    assert!(call.join().unwrap().unwrap_err().is_not_executed());
    let last = states.try_iter().last();
    assert_eq!(last, Some(ConnectionState::Disconnected));
}

#[test]
fn a_timeout_covers_the_time_without_a_connection() {
    let address = FakeServer::start().address();
    let client = Client::builder(address.to_string()).connect_lazy();
    let timeout = Duration::from_millis(80);
    let result = client.timeout(timeout).call::<u64>("echo", 1);
    let error = result.unwrap_err();
    let CallError::NotSent { reason, .. } = &error else {
        panic!("{error}");
    };
    let NotSent::NoConnection { waited, last_error } = reason else {
        panic!("{error}");
    };
    assert_eq!(*waited, timeout);
    assert!(last_error.contains(&address.to_string()), "{last_error}");
    for word in ["80ms", "refused", "is the server running"] {
        assert!(error.to_string().contains(word), "`{word}` in: {error}");
    }
    assert_eq!(client.state(), ConnectionState::Disconnected);
}

/// The client must not go on without encryption.
#[test]
fn a_client_with_an_unusable_secret_does_not_connect() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let builder = || Client::builder(&address).secret("").retry(Retry::forever());
    let error = builder().connect().unwrap_err();
    assert!(matches!(error, ConnectError::BadSecret(_)), "{error}");
    let client = builder().connect_lazy();
    for _ in 0..3 {
        let error = client.call::<u64>("echo", 1).unwrap_err();
        assert!(error.is_not_executed(), "{error}");
        assert!(error.to_string().contains("secret"), "{error}");
    }
    listener.set_nonblocking(true).unwrap();
    let knocked = listener.accept().map(|(_, peer)| peer);
    assert_eq!(knocked.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}
