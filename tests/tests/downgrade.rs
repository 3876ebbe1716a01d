//! A client that has lost its server does not accept weaker security from the next one at the same address.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use ipc_client::{Client, Retry};
use ipc_core::wire::preamble::{Preamble, Role, Suite};
use ipc_server::ServerHandle;
use tests::{Bench, BenchProxy, SECRET, Way, until};

/// Returns a client whose server has just gone during its work, and the address of that server.
fn bereft(way: Way) -> (Client, SocketAddr) {
    let server = way.server().device(Bench::new()).spawn().unwrap();
    let client = way.client(&server);
    let client = client.retry(Retry::up_to(Duration::from_secs(10)));
    let client = client.connect().unwrap();
    assert_eq!(BenchProxy::new(&client).step().unwrap(), 1);
    let address = server.local_addr();
    server.stop();
    (client, address)
}

/// Starts another server at the same address.
fn successor(way: Way, bench: Bench, address: SocketAddr) -> ServerHandle {
    let port = address.port();
    let mut server = None;
    let mut bench = Some(bench);
    until("the port is free", || {
        if TcpListener::bind(address).is_ok()
            && let Some(bench) = bench.take()
        {
            server = way.server().port(port).device(bench).spawn().ok();
        }
        server.is_some()
    });
    server.unwrap()
}

#[test]
fn a_server_without_a_secret_gets_no_call_from_a_client_with_one() {
    let (client, address) = bereft(Way::Secret);
    let bench = Bench::new();
    let entered = bench.entered();
    let successor = successor(Way::Plain, bench, address);
    let error = BenchProxy::new(&client).step().unwrap_err();
    assert!(error.to_string().contains("secret"), "{error}");
    assert_eq!(entered.load(Ordering::SeqCst), 0);
    assert_eq!(successor.holder(), None);
}

#[test]
fn a_server_with_a_secret_is_not_taken_for_the_one_without() {
    let (client, address) = bereft(Way::Plain);
    let bench = Bench::new();
    let entered = bench.entered();
    let successor = successor(Way::Secret, bench, address);
    let error = BenchProxy::new(&client).step().unwrap_err();
    assert!(error.to_string().contains("secret"), "{error}");
    assert_eq!(entered.load(Ordering::SeqCst), 0);
    assert_eq!(successor.holder(), None);
}

/// A false server that requests plain text, whatever the client sends.
#[test]
fn who_asks_for_plain_text_hears_nothing_in_the_clear() {
    let (client, address) = bereft(Way::Secret);
    let listener = TcpListener::bind(address).unwrap();
    let impostor = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (suite, role) = (Suite::Plain, Role::Server);
        stream
            .write_all(&Preamble::new(suite, role).encode())
            .unwrap();
        let bound = Some(Duration::from_secs(20));
        stream.set_read_timeout(bound).unwrap();
        let mut heard = Vec::new();
        // Any end will do.
        let _ = stream.read_to_end(&mut heard);
        heard
    });
    let error = BenchProxy::new(&client).step().unwrap_err();
    assert!(error.to_string().contains("secret"), "{error}");
    let heard = impostor.join().unwrap();
    assert!(heard.len() <= 56, "no more than a preamble and a share");
    assert!(heard.starts_with(b"LIPC\x01\x01C"), "{heard:?}");
    let contains = |word: &[u8]| heard.windows(word.len()).any(|part| part == word);
    assert!(!contains(b"step") && !contains(&SECRET.as_bytes()[..8]));
}
