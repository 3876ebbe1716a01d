//! The secret is never visible: not in the process list, the environment, the output or the log.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::process::Command;
use std::time::Duration;

use ipc_client::{Client, Retry};
use ipc_server::Server;
use tests::child::Peer;
use tests::{Bench, BenchProxy, SECRET, Way, log};

const PEER: &str = env!("CARGO_BIN_EXE_peer");

/// A secret that can be searched for.
const SHORT: &str = "waktu";

/// Any part of it that would give it away, and how it might be written.
fn betrays(text: &[u8]) -> bool {
    shows(text, &SECRET[..11], &SECRET[12..])
}

/// Whether it has one of two words in it, as it is or as numbers.
fn shows(text: &[u8], one: &str, other: &str) -> bool {
    let hex: String = one.bytes().map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{:?}", one.as_bytes());
    let needles = [one, other, &hex, &list[1..list.len() - 1]];
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
    for betrayal in ["xwaktuy", "[119, 97, 107, 116, 117]", "77616b7475"] {
        assert!(shows(betrayal.as_bytes(), SHORT, SHORT));
    }
}

/// Returns the command for the process `peer` with the short secret and full backtraces.
fn peer(words: &[&str]) -> Command {
    let file = std::env::temp_dir().join(format!("e2e-short-word-{}", std::process::id()));
    std::fs::write(&file, SHORT).unwrap();
    let (role, rest) = words.split_first().unwrap();
    let mut command = Command::new(PEER);
    command.arg(role).arg(file).args(rest);
    command.env("RUST_BACKTRACE", "full");
    command
}

/// The terminal of the server shows a warning about the short secret, with and without a log. The secret itself is
/// never shown, not even if the driver or the client's program panics.
#[test]
fn a_short_secret_is_warned_of_and_not_shown() {
    let (mut server, address) = Peer::server_by(peer(&["serve", "0"]));
    server.expect("WARNING: the secret has fewer than 12 characters");
    let said = server.said();
    let logged =
        |line: &str| line.contains("ipc_server") && line.contains("fewer than 12 characters");
    assert!(said.lines().any(logged), "{said}");

    let mut client = Peer::start(peer(&["client", &address, "client"]));
    client.tell("step");
    client.expect("ok 1");
    client.tell("panic there");
    server.expect("the mirror fell off");
    client.expect("error ");
    client.tell("panic here");
    client.expect("the telescope fell over");
    assert!(!client.await_exit(Duration::from_secs(20)).success());
    let wrong = Client::builder(&address).secret("waktus");
    assert!(wrong.retry(Retry::never()).connect().is_err());
    for file in ["cmdline", "environ"] {
        let text = std::fs::read(format!("/proc/{}/{file}", server.id())).unwrap();
        assert!(!shows(&text, SHORT, SHORT), "{file}");
    }
    server.signal("INT");
    server.await_exit(Duration::from_secs(20));
    for said in [server.said(), client.said()] {
        assert!(said.contains("stack backtrace"), "{said}");
        assert!(!shows(said.as_bytes(), SHORT, SHORT), "{said}");
    }
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
