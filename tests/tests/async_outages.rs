//! The async client during failures of network and server: every call runs once, or its caller gets an error.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::{Duration, Instant};

use ipc_client::{AsyncClient, CallError, ConnectError, ConnectionState, Retry};
use tests::child::Peer;
use tests::middle::{Middle, Towards};
use tests::{Bench, BenchProxy, Way, both_ways_async, until};

both_ways_async!(
    a_cut_in_mid_call_does_not_run_it_twice,
    a_loss_between_calls_is_noticed_and_bridged,
    a_killed_server_that_is_back_is_found_again,
    a_call_in_a_killed_server_is_unknown_unless_it_may_be_repeated,
    who_never_retries_is_told_at_once,
);

const PEER: &str = env!("CARGO_BIN_EXE_peer");
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// Minimum length of a call on the wire, in bytes.
const CALL: usize = 40;

fn port(address: &str) -> u16 {
    address.rsplit_once(':').unwrap().1.parse().unwrap()
}

async fn through(way: Way, middle: &Middle) -> AsyncClient {
    let builder = way.async_client_at(&middle.address().to_string());
    builder.connect().await.unwrap()
}

async fn a_cut_in_mid_call_does_not_run_it_twice(way: Way) {
    let bench = Bench::new();
    let gate = bench.gate();
    let server = way.server().device(bench).start().await.unwrap();
    let middle = Middle::new(server.local_addr());
    let client = through(way, &middle).await;
    for n in 1..=3 {
        let call = tokio::spawn(BenchProxy::new(&client).pass());
        gate.wait_for_call();
        middle.cut();
        gate.open(1);
        assert_eq!(call.await.unwrap().unwrap(), n);
    }
    assert_eq!(BenchProxy::new(&client).steps().await.unwrap(), 3);
    assert_eq!(client.handovers(), 0, "nobody else was there");
}

async fn a_loss_between_calls_is_noticed_and_bridged(way: Way) {
    let server = way.server().device(Bench::new()).start().await.unwrap();
    let middle = Middle::new(server.local_addr());
    let client = through(way, &middle).await;
    assert_eq!(BenchProxy::new(&client).step().await.unwrap(), 1);
    middle.cut();
    until("it is noticed without a call", || {
        client.state() == ConnectionState::Disconnected
    });
    assert_eq!(BenchProxy::new(&client).step().await.unwrap(), 2);
    let resumed = match client.state() {
        ConnectionState::Connected { resumed, .. } => resumed,
        other => panic!("{other}"),
    };
    assert!(resumed);
}

async fn a_killed_server_that_is_back_is_found_again(way: Way) {
    let (mut server, address) = Peer::server(PEER, way, 0, STOP_TIMEOUT);
    let client = way
        .async_client_at(&address)
        .resume_silently()
        .connect()
        .await
        .unwrap();
    let bench = BenchProxy::new(&client);
    for n in 1..=3 {
        assert_eq!(bench.step().await.unwrap(), 1, "a new one each time");
        server.kill();
        (server, _) = Peer::server(PEER, way, port(&address), STOP_TIMEOUT);
        assert_eq!(bench.steps().await.unwrap(), 0);
        assert_eq!(client.handovers(), n);
    }
}

async fn a_call_in_a_killed_server_is_unknown_unless_it_may_be_repeated(way: Way) {
    let (mut server, address) = Peer::server(PEER, way, 0, STOP_TIMEOUT);
    let middle = Middle::new(address.parse().unwrap());
    let client = way.async_client_at(&middle.address().to_string());
    let client = client.resume_silently().connect().await.unwrap();
    let said = || middle.record(Towards::Server).len();
    let before = said();
    let repeated = tokio::spawn(BenchProxy::new(&client.idempotent()).sleep(700));
    let unknown = tokio::spawn(BenchProxy::new(&client).sleep(700));
    // One of the two calls runs, or will soon; the other waits behind it.
    server.expect("sleeps for");
    until("both calls are sent", || said() >= before + 2 * CALL);
    server.kill();
    let (_server, _) = Peer::server(PEER, way, port(&address), STOP_TIMEOUT);
    assert_eq!(repeated.await.unwrap().unwrap(), 700);
    let unknown = unknown.await.unwrap().unwrap_err();
    assert!(
        matches!(unknown, CallError::OutcomeUnknown { .. }),
        "{unknown}"
    );
    for word in ["`sleep`", "restarted", "check the state"] {
        assert!(unknown.to_string().contains(word), "{unknown}");
    }
    assert_eq!(BenchProxy::new(&client).step().await.unwrap(), 1);
}

async fn who_never_retries_is_told_at_once(way: Way) {
    let server = way.server().device(Bench::new()).start().await.unwrap();
    let builder = way.async_client(&server).retry(Retry::never());
    let client = builder.clone().connect().await.unwrap();
    assert_eq!(BenchProxy::new(&client).step().await.unwrap(), 1);
    server.stop_async().await;
    let start = Instant::now();
    until("the goodbye has come", || {
        client.state() == ConnectionState::Disconnected
    });
    let error = BenchProxy::new(&client).step().await.unwrap_err();
    assert!(error.is_not_executed(), "{error}");
    let error = builder.connect().await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(5), "not for 10 s");
}

#[test]
fn a_wrong_secret_is_said_at_once_and_runs_nothing() {
    let server = Way::Secret.server().device(Bench::new()).spawn().unwrap();
    tests::way::run(async {
        let address = server.local_addr().to_string();
        let start = Instant::now();
        let wrong = AsyncClient::builder(&address).secret("another one");
        let error = wrong.clone().connect().await.unwrap_err();
        assert!(matches!(error, ConnectError::WrongSecret { .. }), "{error}");
        let none = AsyncClient::connect(&address).await.unwrap_err();
        assert!(
            matches!(none, ConnectError::SecretRequired { .. }),
            "{none}"
        );
        assert!(start.elapsed() < Duration::from_secs(10));
        let lazy = wrong.retry(Retry::never()).connect_lazy().unwrap();
        let error = BenchProxy::new(&lazy).step().await.unwrap_err();
        assert!(error.is_not_executed(), "{error}");
        assert!(error.to_string().contains("secret"), "{error}");
        let right = Way::Secret.async_client(&server).connect().await.unwrap();
        assert_eq!(BenchProxy::new(&right).step().await.unwrap(), 1);
    });
}
