//! Two clients of one server in one program: the second waits for the first, and says so.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use ipc_client::{AsyncClient, CallError, Client, ConnectError, NotSent};
use tests::child::Peer;
use tests::{Bench, BenchProxy, Way, until};

const WORDS: &str = "this very program: share one `Client`";
const SHORT: Duration = Duration::from_millis(300);

/// Regression test: the program was told of the holder as if it were another program.
#[test]
fn a_second_client_is_told_that_it_waits_for_the_first() {
    let server = Way::Plain.server().device(Bench::new()).spawn().unwrap();
    let port = server.local_addr().port();
    let first = Client::builder("localhost").port(port).name("scan");
    let first = first.connect().unwrap();
    let second = || Way::Plain.client(&server).connect_timeout(SHORT);
    let error = second().connect().unwrap_err();
    assert!(matches!(error, ConnectError::Busy { .. }), "{error}");
    assert_eq!(error.to_string().matches(WORDS).count(), 1, "{error}");
    let lazy = second().connect_lazy();
    let error = BenchProxy::new(&lazy.timeout(SHORT)).step().unwrap_err();
    let is_busy = |reason: &NotSent| matches!(reason, NotSent::Busy { .. });
    assert!(matches!(&error, CallError::NotSent { reason, .. } if is_busy(reason)));
    assert_eq!(error.to_string().matches(WORDS).count(), 1, "{error}");
    // A client of this program that is gone does not count.
    first.close();
    second().connect().unwrap().close();
}

#[test]
fn so_is_an_async_one() {
    let server = Way::Secret.server().device(Bench::new()).spawn().unwrap();
    let address = server.local_addr().to_string();
    tests::way::run(async {
        let builder = || AsyncClient::builder(&address).secret(tests::SECRET);
        let _first = builder().connect().await.unwrap();
        let second = builder().connect_lazy().unwrap();
        let proxy = BenchProxy::new(&second);
        let call = tokio::spawn(async move { proxy.step().await });
        until("it is queued", || {
            second.state().to_string().contains(WORDS)
        });
        call.abort();
    });
}

#[test]
fn the_client_of_another_program_is_not_taken_for_one_of_ours() {
    let program = env!("CARGO_BIN_EXE_peer");
    let server = Way::Plain.server().device(Bench::new()).spawn().unwrap();
    let address = server.local_addr().to_string();
    let mut other = Peer::client(program, Way::Plain, &address, "scan");
    other.tell("step");
    other.expect("ok 1");
    let second = Way::Plain
        .client(&server)
        .connect_timeout(SHORT)
        .name("scan");
    let error = second.connect().unwrap_err();
    assert!(matches!(error, ConnectError::Busy { .. }), "{error}");
    assert!(!error.to_string().contains("this very program"), "{error}");
}
