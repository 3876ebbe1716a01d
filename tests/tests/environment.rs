//! A secret from the environment, in a process of its own: it is taken as it is.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;
use std::time::Duration;

use ipc_client::{Client, ConnectError, Retry};
use tests::child::Peer;
use tests::{Bench, BenchProxy, Way};

/// A server whose secret is in its environment.
fn server(secret: Option<&[u8]>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peer"));
    command.args(["serve", "env", "0"]).env_remove("IPC_SECRET");
    if let Some(secret) = secret {
        command.env("IPC_SECRET", OsStr::from_bytes(secret));
    }
    command
}

#[test]
fn blanks_line_ends_and_marks_are_part_of_it() {
    for secret in [" waktu ", "waktu\n", "\u{feff}waktu"] {
        let (_server, address) = Peer::server_by(server(Some(secret.as_bytes())));
        let client = |secret: &str| {
            let client = Client::builder(&address).secret(secret);
            client.retry(Retry::never()).connect()
        };
        let right = client(secret).unwrap();
        assert_eq!(BenchProxy::new(&right).step().unwrap(), 1);
        let error = client("waktu").unwrap_err();
        assert!(matches!(error, ConnectError::WrongSecret { .. }), "{error}");
    }
}

#[test]
fn what_cannot_be_a_secret_is_refused_and_nothing_of_it_shown() {
    let too_long = [b'x'; 70_000];
    let cases: [(Option<&[u8]>, &str); 4] = [
        (None, "is not set"),
        (Some(b""), "is empty"),
        // The true place of the wrong byte.
        (Some(b"waktu\xff"), "first invalid byte at offset 5"),
        (Some(&too_long), "is longer than"),
    ];
    for (secret, complaint) in cases {
        let mut peer = Peer::start(server(secret));
        assert!(!peer.await_exit(Duration::from_secs(20)).success());
        peer.expect(complaint);
        let said = peer.said();
        assert!(!said.contains("waktu") && !said.contains("xxx"), "{said}");
        assert!(!said.contains("Serving on"), "{said}");
    }
    // Servers with another source of secrets ignore the variable.
    assert!(Way::Plain.server().device(Bench::new()).spawn().is_ok());
}
