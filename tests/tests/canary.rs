//! The secret shows nowhere: not in the process list, not in the environment, not in what is printed or logged.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use ipc_client::{Client, Retry};
use ipc_server::Server;
use tests::child::Peer;
use tests::{Bench, BenchProxy, SECRET, Way, log};

const PEER: &str = env!("CARGO_BIN_EXE_peer");

/// Any part of it that would give it away, and how it might be written.
fn betrays(text: &[u8]) -> bool {
    let hex: String = SECRET.bytes().map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{:?}", SECRET.as_bytes());
    let needles = [&SECRET[..11], &SECRET[12..], &hex[..22], &list[1..30]];
    needles.iter().any(|needle| {
        text.windows(needle.len())
            .any(|part| part == needle.as_bytes())
    })
}

#[test]
fn the_search_finds_what_it_looks_for() {
    assert!(betrays(format!("x{SECRET}y").as_bytes()));
    assert!(betrays(format!("{:?}", SECRET.as_bytes()).as_bytes()));
    assert!(!betrays(b"nothing"));
}

#[test]
fn a_running_pair_betrays_nothing() {
    let (mut server, address) = Peer::server(PEER, Way::Secret, 0, Duration::from_secs(5));
    let mut client = Peer::client(PEER, Way::Secret, &address, "client");
    client.tell("step");
    client.expect("ok 1");
    let wrong = Client::builder(&address)
        .secret("wrong")
        .retry(Retry::never());
    assert!(wrong.connect().is_err());
    assert!(
        Client::builder(&address)
            .retry(Retry::never())
            .connect()
            .is_err()
    );
    for id in [server.id(), client.id()] {
        for file in ["cmdline", "environ"] {
            let text = std::fs::read(format!("/proc/{id}/{file}")).unwrap();
            assert!(!text.is_empty());
            assert!(!betrays(&text), "{file}");
        }
    }
    client.tell("close");
    client.await_exit(Duration::from_secs(10));
    server.signal("INT");
    server.await_exit(Duration::from_secs(10));
    for (who, said) in [("server", server.said()), ("client", client.said())] {
        assert!(said.contains(&address), "{who}: {said}");
        assert!(!betrays(said.as_bytes()), "{who}: {said}");
    }
}

#[test]
fn logs_errors_and_debug_output_betray_nothing() {
    log::capture();
    let builder = Server::builder()
        .port(0)
        .secret(SECRET)
        .device(Bench::new());
    let mut shown = format!("{builder:?}");
    let server = builder.spawn().unwrap();
    let builder = Way::Secret.client(&server);
    shown += &format!("{builder:?}");
    let client = builder.connect().unwrap();
    BenchProxy::new(&client).step().unwrap();
    shown += &format!("{server:?} {client:?} {:?}", client.state());
    let other = Client::builder(server.local_addr().to_string()).secret("another");
    let error = other.retry(Retry::never()).connect().unwrap_err();
    shown += &format!("{error} {error:?}");
    let closed = Client::builder("127.0.0.1:1")
        .secret(SECRET)
        .retry(Retry::never());
    let error = closed
        .connect_timeout(Duration::ZERO)
        .connect()
        .unwrap_err();
    shown += &format!("{error} {error:?}");
    client.close();
    server.stop();
    let logged = log::lines(&[]);
    assert!(logged.len() > 3);
    shown += &logged.join("\n");
    assert!(!betrays(shown.as_bytes()), "{shown}");
}
