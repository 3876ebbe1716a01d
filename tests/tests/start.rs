//! Starting a server: errors are returned at once, and nothing listens then. Runtimes around the server and inside it.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests"
)]

use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use ipc_client::{Client, Retry};
use ipc_core::session::server::SessionLimits;
use ipc_core::session::table::TableLimits;
use ipc_core::{Device, RegisterError, remote};
use ipc_server::{AccessLimits, Server, ServerBuilder, StartError};
use tests::{Bench, BenchProxy, Way, both_ways};

both_ways!(
    a_port_in_use_is_named,
    an_unknown_host_is_named,
    an_address_of_another_computer_is_named,
    a_clash_of_names_is_told_before_anything_listens,
    a_server_starts_in_a_runtime_at_hand,
    a_server_of_another_thread_can_be_dropped_inside_a_runtime,
    plain_methods_find_the_runtime,
);

/// Checks that a start fails at once with these words.
fn fails(way: Way, address: &str, port: u16, words: &[&str]) -> StartError {
    let start = Instant::now();
    let server = way.server().bind(address).port(port).device(Bench::new());
    let error = server.spawn().map(drop).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(5), "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "`{word}` in: {error}");
    }
    error
}

fn a_port_in_use_is_named(way: Way) {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let error = fails(way, "127.0.0.1", port, &[&address, "in use", "choose"]);
    assert!(matches!(error, StartError::Bind { .. }));
    // The same if the port belongs to a server of this project.
    let server = way.server().spawn().unwrap();
    let port = server.local_addr().port();
    fails(way, "127.0.0.1", port, &[&port.to_string(), "in use"]);
}

fn an_unknown_host_is_named(way: Way) {
    let error = fails(way, "no-such-host.invalid", 0, &["no-such-host.invalid"]);
    assert!(matches!(error, StartError::Address { .. }));
}

fn an_address_of_another_computer_is_named(way: Way) {
    // From the address block for documentation, which no computer has.
    fails(way, "192.0.2.7", 0, &["192.0.2.7", "no such address"]);
}

#[test]
fn a_port_without_permission_is_named() {
    // Root is permitted to, and in containers possibly every user.
    let free = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    let free = free.map_or(1024, |text| text.trim().parse().unwrap_or(1024));
    if free <= 1 || TcpListener::bind("127.0.0.1:1").is_ok() {
        return;
    }
    fails(Way::Plain, "127.0.0.1", 1, &["127.0.0.1:1", "1024"]);
}

#[test]
fn a_server_open_to_everybody_needs_a_secret_or_plain_words() {
    let error = Server::builder().bind("*:0").spawn().map(drop).unwrap_err();
    assert!(matches!(error, StartError::Exposed { .. }));
    for word in ["0.0.0.0", "secret", "loopback", "insecure_without_secret"] {
        assert!(error.to_string().contains(word), "`{word}` in: {error}");
    }
    let secret = Server::builder().bind("*:0").secret("some longer word");
    assert!(secret.spawn().is_ok());
    let insecure = Server::builder().bind("*:0").insecure_without_secret();
    assert!(insecure.spawn().is_ok());
}

#[test]
fn an_empty_secret_is_none_and_is_refused() {
    let server = Server::builder().port(0).secret("");
    let error = server.spawn().map(drop).unwrap_err();
    assert!(matches!(error, StartError::Secret(_)), "{error}");
    assert!(error.to_string().contains("empty"), "{error}");
}

#[test]
fn a_limit_of_zero_that_keeps_all_clients_out_is_refused() {
    let refused = |name: &str, server: ServerBuilder| {
        let error = server.port(0).spawn().map(drop).unwrap_err();
        assert!(matches!(error, StartError::LimitIsZero { .. }), "{error}");
        assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
    };
    let access = |name: &str, zero: &dyn Fn(&mut AccessLimits)| {
        let mut limits = AccessLimits::default();
        zero(&mut limits);
        refused(name, Server::builder().access_limits(limits));
    };
    access("hello_within", &|limits| {
        limits.hello_within(Duration::ZERO);
    });
    access("unidentified", &|limits| {
        limits.unidentified(0);
    });
    access("unidentified_per_source", &|limits| {
        limits.unidentified_per_source(0);
    });
    access("guesses_per_minute", &|limits| {
        limits.guesses_per_minute(0);
    });
    let mut session = SessionLimits::default();
    session.waiting_calls(0);
    let mut limits = TableLimits::default();
    limits.session(session);
    refused("waiting_calls", Server::builder().session_limits(limits));
    let mut limits = TableLimits::default();
    limits.sessions(0);
    refused("sessions", Server::builder().session_limits(limits));
}

/// Regression test: the later of the two settings discarded the earlier one.
#[test]
fn the_longest_call_does_not_depend_on_the_order_of_settings() {
    let mut limits = TableLimits::default();
    limits.sessions(1);
    let server = || Way::Plain.server().device(Bench::new());
    for server in [
        server().max_call(100_000).session_limits(limits.clone()),
        server().session_limits(limits.clone()).max_call(100_000),
    ] {
        let server = server.spawn().unwrap();
        let client = Way::Plain.client(&server).connect().unwrap();
        let bench = BenchProxy::new(&client);
        assert!(bench.reverse(vec![0.0; 100_000]).is_err());
        assert_eq!(bench.reverse(vec![0.0; 1000]).unwrap().len(), 1000);
        let other = Way::Plain.client(&server).retry(Retry::never());
        assert!(other.connect().is_err(), "one session is allowed");
    }
}

pub struct Other;

#[remote]
impl Other {
    pub fn step(&mut self) {}
}

fn a_clash_of_names_is_told_before_anything_listens(way: Way) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let two_devices = way.server().port(address.port()).device(Bench::new());
    let error = two_devices.device(Other).spawn().map(drop).unwrap_err();
    let StartError::Register(RegisterError::NameTaken { name, .. }) = &error else {
        panic!("{error}");
    };
    assert_eq!(name, "step");
    for word in [
        "`step`",
        "device `bench` (Bench)",
        "device `other` (Other)",
        "prefix",
    ] {
        assert!(error.to_string().contains(word), "`{word}` in: {error}");
    }
    assert!(TcpStream::connect(address).is_err(), "nothing listens");

    let pump = Device::new(Bench::new()).prefix("pump_");
    let function = way.server().device(pump).function("pump_step", || 1);
    let error = function.spawn().map(drop).unwrap_err().to_string();
    for word in ["`pump_step`", "prefix `pump_`", "function"] {
        assert!(error.contains(word), "`{word}` in: {error}");
    }
    let two = way.server().function("add", |a: u8, b: u8| a + b);
    let two = two.function("add", |a: f64, b: f64| a + b);
    let error = two.spawn().map(drop).unwrap_err().to_string();
    for words in ["`add` is offered by two functions", "another name"] {
        assert!(error.contains(words), "`{words}` in: {error}");
    }
    let twins = way.server().device(Other).device(Other);
    let error = twins.spawn().map(drop).unwrap_err().to_string();
    for words in [
        "device `other` (Other)",
        "device `other_2` (Other)",
        "one of the devices another prefix",
    ] {
        assert!(error.contains(words), "`{words}` in: {error}");
    }
    // With a prefix each, all is well.
    let both = way.server().device(Device::new(Bench::new()).prefix("a_"));
    assert!(both.device(Device::new(Other).prefix("b_")).spawn().is_ok());
}

fn a_server_starts_in_a_runtime_at_hand(way: Way) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let start = Instant::now();
    let address = runtime.block_on(async {
        let blocking = way.server().spawn().map(drop).unwrap_err();
        assert!(matches!(blocking, StartError::InsideRuntime), "{blocking}");
        assert!(blocking.to_string().contains("start().await"), "{blocking}");
        let blocking = way.server().run().unwrap_err();
        assert!(matches!(blocking, StartError::InsideRuntime), "{blocking}");

        let server = way.server().device(Bench::new()).start().await.unwrap();
        let client = way.client(&server);
        let steps = tokio::task::spawn_blocking(move || {
            let client = client.connect().unwrap();
            BenchProxy::new(&client).step().unwrap()
        });
        assert_eq!(steps.await.unwrap(), 1);
        let address = server.local_addr();
        server.stop_async().await;
        assert!(TcpStream::connect(address).is_err(), "the port is free");

        // Dropping the handle stops the server, too.
        let server = way.server().start().await.unwrap();
        server.local_addr()
    });
    tests::until("the port is free", || TcpListener::bind(address).is_ok());
    assert!(start.elapsed() < Duration::from_secs(7));
}

/// A server cannot reply in a runtime whose only thread waits for it.
#[tokio::test]
async fn a_blocking_client_says_that_it_may_hold_its_own_server_up() {
    let server = Server::builder().port(0).device(Bench::new());
    let server = server.start().await.unwrap();
    let client = Client::builder(server.local_addr().to_string());
    let client = client.connect_timeout(Duration::from_millis(500));
    let error = client.connect().map(drop).unwrap_err();
    assert!(!error.is_permanent());
    for word in ["single-threaded", "AsyncClient", "spawn_blocking"] {
        assert!(error.to_string().contains(word), "`{word}` in: {error}");
    }
}

#[test]
fn a_server_without_anything_to_call_warns() {
    tests::log::capture();
    let server = Server::builder().port(0).spawn().unwrap();
    tests::log::expect(&["WARN", "nothing to call", "`device`"]);
    drop(server);
}

/// Regression test: the handle of a server with its own runtime panicked when it was dropped inside another runtime.
fn a_server_of_another_thread_can_be_dropped_inside_a_runtime(way: Way) {
    let server = way.server().device(Bench::new()).spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    assert_eq!(BenchProxy::new(&client).step().unwrap(), 1);
    let address = server.local_addr();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async move { drop(server) });
    tests::until("the port is free", || TcpListener::bind(address).is_ok());
    let server = way.server().device(Bench::new()).spawn().unwrap();
    runtime.block_on(async move { server.stop_async().await });
}

pub struct Plain;

#[remote]
impl Plain {
    /// What `tokio_serial` and its like need to open a port.
    pub fn spawns(&mut self) -> bool {
        let task = tokio::spawn(async { true });
        tokio::runtime::Handle::current().block_on(task).unwrap()
    }

    /// A runtime of its own is still allowed.
    pub fn own(&mut self) -> bool {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async { true })
    }
}

fn plain_methods_find_the_runtime(way: Way) {
    let check = |address: &str| {
        let client = way.client_at(address).connect().unwrap();
        let plain = PlainProxy::new(&client);
        assert!(plain.spawns().unwrap() && plain.own().unwrap());
    };
    let server = way.server().device(Plain).spawn().unwrap();
    check(&server.local_addr().to_string());
    server.stop();
    tests::way::run(async {
        let server = way.server().device(Plain).start().await.unwrap();
        let address = server.local_addr().to_string();
        tokio::task::block_in_place(|| check(&address));
        server.stop_async().await;
    });
}
