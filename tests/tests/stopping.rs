//! A stopping server notifies all clients, waits for none of them for ever, and frees its port.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::net::{TcpListener, TcpStream};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use ipc_client::{CallError, Client, ConnectionState, Retry};
use ipc_core::Shared;
use ipc_server::{AccessLimits, ServerEvent, ServerHandle};
use tests::middle::Middle;
use tests::{Bench, BenchProxy, Way, both_ways, log, until};

both_ways!(
    an_idle_server_stops_at_once,
    a_server_with_an_idle_holder_stops_at_once,
    settings_without_end_are_taken_at_their_word,
    a_running_call_may_finish,
    a_call_that_does_not_end_is_left_behind,
    those_who_wait_are_told,
    a_lost_holder_is_not_waited_for,
    a_handle_that_is_dropped_stops,
    strangers_do_not_hold_a_stop_up,
    a_stop_inside_a_runtime_is_bounded,
    a_stop_names_the_event_whose_callback_hangs,
    a_stop_names_a_device_that_was_stuck_before,
);

const STOP_TIMEOUT: Duration = Duration::from_secs(2);
const SLACK: Duration = Duration::from_secs(2);

/// Stops the server, and expects the port to be free afterwards. Returns how long it took.
fn stop(server: ServerHandle) -> Duration {
    let address = server.local_addr();
    let start = Instant::now();
    server.stop();
    let took = start.elapsed();
    assert!(took < STOP_TIMEOUT + SLACK, "{took:?}");
    assert!(TcpListener::bind(address).is_ok(), "the port is free");
    took
}

fn server(way: Way, bench: Bench) -> ServerHandle {
    let server = way.server().stop_timeout(STOP_TIMEOUT).device(bench);
    server.spawn().unwrap()
}

fn an_idle_server_stops_at_once(way: Way) {
    assert!(stop(server(way, Bench::new())) < Duration::from_secs(1));
}

fn a_server_with_an_idle_holder_stops_at_once(way: Way) {
    let server = server(way, Bench::new());
    let client = way.client(&server).retry(Retry::never()).connect().unwrap();
    assert_eq!(BenchProxy::new(&client).step().unwrap(), 1);
    assert!(stop(server) < Duration::from_secs(1));
    // If the client wrote before it read the goodbye, all it knows is that the outcome is unknown.
    assert!(BenchProxy::new(&client).step().is_err());
    let error = BenchProxy::new(&client).step().unwrap_err();
    assert!(error.is_not_executed(), "{error}");
}

/// Regression test: settings that mean "for ever" made the threads that use them panic.
fn settings_without_end_are_taken_at_their_word(way: Way) {
    let mut limits = AccessLimits::default();
    limits
        .hello_within(Duration::MAX)
        .unidentified(usize::MAX)
        .unidentified_per_source(usize::MAX)
        .answer_after(Duration::ZERO)
        .free_guesses(u32::MAX)
        .longest_bar(Duration::MAX)
        .guesses_per_minute(usize::MAX)
        .first_bar(Duration::MAX)
        .known_for(Duration::MAX)
        .sources(usize::MAX);
    let server = way
        .server()
        .access_limits(limits)
        .grace(Duration::MAX)
        .idle_handover(Duration::MAX)
        .stop_timeout(Duration::MAX)
        .queue(usize::MAX)
        .device(Bench::new())
        .spawn()
        .unwrap();
    let middle = Middle::new(server.local_addr());
    let client = way
        .client_at(&middle.address().to_string())
        .connect()
        .unwrap();
    for n in 1..=3 {
        assert_eq!(BenchProxy::new(&client).step().unwrap(), n);
        middle.cut();
    }
    assert_eq!(client.handovers(), 0);
    let wrong = Client::builder(server.local_addr().to_string()).secret("wrong");
    assert!(wrong.retry(Retry::never()).connect().is_err());
    let next = way.client(&server).connect().unwrap();
    assert_eq!(BenchProxy::new(&next).step().unwrap(), 4);
    assert!(stop(server) < Duration::from_secs(1) + SLACK);
}

fn a_running_call_may_finish(way: Way) {
    let bench = Bench::new();
    let gate = bench.gate();
    let server = server(way, bench);
    let client = way.client(&server).retry(Retry::never()).connect().unwrap();
    let calls = [0, 1].map(|n| {
        let client = client.clone();
        let call = thread::spawn(move || BenchProxy::new(&client).pass());
        if n == 0 {
            gate.wait_for_call();
        }
        call
    });
    let address = server.local_addr();
    let stopping = thread::spawn(move || stop(server));
    until("the server takes nobody in any more", || {
        TcpStream::connect(address).is_err()
    });
    assert!(!stopping.is_finished(), "the call is waited for");
    gate.open(2);
    stopping.join().unwrap();
    let [running, behind] = calls.map(|call| call.join().unwrap());
    assert_eq!(running.unwrap(), 1);
    // The one behind it was refused by the server, or never got there.
    assert!(behind.unwrap_err().is_not_executed());
}

/// Regression test: the client waited for as long as the driver took, although the server was gone.
fn a_call_that_does_not_end_is_left_behind(way: Way) {
    let bench = Bench::new();
    let gate = bench.gate();
    let server = server(way, bench);
    let client = way.client(&server).retry(Retry::never()).connect().unwrap();
    assert_eq!(BenchProxy::new(&client).steps().unwrap(), 0);
    let (ended, end) = mpsc::channel();
    let call = thread::spawn(move || drop(ended.send(BenchProxy::new(&client).pass())));
    gate.wait_for_call();
    assert!(stop(server) >= STOP_TIMEOUT);
    let error = end
        .recv_timeout(Duration::from_secs(5))
        .unwrap()
        .unwrap_err();
    assert!(matches!(error, CallError::OutcomeUnknown { .. }), "{error}");
    gate.open(1);
    call.join().unwrap();
}

fn those_who_wait_are_told(way: Way) {
    let bench = Bench::new();
    let gate = bench.gate();
    let server = server(way, bench);
    let holder = way.client(&server).retry(Retry::never()).connect().unwrap();
    let call = thread::spawn(move || BenchProxy::new(&holder).pass());
    gate.wait_for_call();
    let waiters: Vec<_> = (0..3)
        .map(|n| {
            let (told, tells) = mpsc::channel();
            let client = way
                .client(&server)
                .retry(Retry::never())
                .on_state(move |state| drop(told.send(state.clone())))
                .connect_lazy();
            let call = thread::spawn(move || BenchProxy::new(&client).step());
            until("it waits", || server.waiting() == n + 1);
            (call, tells)
        })
        .collect();
    let address = server.local_addr();
    let stopping = thread::spawn(move || stop(server));
    // From here on nobody else gets the server.
    until("the stop has begun", || TcpListener::bind(address).is_ok());
    gate.open(1);
    stopping.join().unwrap();
    assert_eq!(call.join().unwrap().unwrap(), 1);
    for (call, tells) in waiters {
        let error = call.join().unwrap().unwrap_err();
        assert!(error.is_not_executed(), "{error}");
        let states: Vec<ConnectionState> = tells.try_iter().collect();
        let queued = states
            .iter()
            .any(|state| matches!(state, ConnectionState::Queued(_)));
        assert!(queued, "{states:?}");
    }
}

fn a_lost_holder_is_not_waited_for(way: Way) {
    let server = way
        .server()
        .stop_timeout(STOP_TIMEOUT)
        .grace(Duration::from_secs(60))
        .device(Bench::new())
        .spawn()
        .unwrap();
    let middle = Middle::new(server.local_addr());
    let client = way
        .client_at(&middle.address().to_string())
        .connect()
        .unwrap();
    assert_eq!(BenchProxy::new(&client).step().unwrap(), 1);
    middle.cut();
    assert!(server.holder().is_some());
    assert!(stop(server) < Duration::from_secs(1));
}

fn a_handle_that_is_dropped_stops(way: Way) {
    let server = server(way, Bench::new());
    let address = server.local_addr();
    let client = way.client(&server).connect().unwrap();
    assert_eq!(BenchProxy::new(&client).step().unwrap(), 1);
    let start = Instant::now();
    drop(server);
    assert!(start.elapsed() < STOP_TIMEOUT + SLACK);
    assert!(TcpListener::bind(address).is_ok(), "the port is free");
}

fn strangers_do_not_hold_a_stop_up(way: Way) {
    let server = server(way, Bench::new());
    let address = server.local_addr();
    let strangers: Vec<_> = (0..50)
        .map(|_| std::net::TcpStream::connect(address).unwrap())
        .collect();
    assert!(stop(server) < Duration::from_secs(1) + SLACK);
    drop(strangers);
}

fn a_stop_inside_a_runtime_is_bounded(way: Way) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let bench = Bench::new();
    let gate = bench.gate();
    let server = way.server().stop_timeout(STOP_TIMEOUT).device(bench);
    let server = runtime.block_on(server.start()).unwrap();
    let address = server.local_addr();
    let holder = way.client(&server).retry(Retry::never()).connect().unwrap();
    let call = thread::spawn(move || BenchProxy::new(&holder).pass());
    gate.wait_for_call();
    let waiter = way.client(&server).retry(Retry::never()).connect_lazy();
    let waiter = thread::spawn(move || BenchProxy::new(&waiter).step());
    until("it waits", || server.waiting() == 1);
    let start = Instant::now();
    runtime.block_on(server.stop_async());
    let took = start.elapsed();
    assert!(took < STOP_TIMEOUT + SLACK, "{took:?}");
    assert!(TcpListener::bind(address).is_ok(), "the port is free");
    assert!(waiter.join().unwrap().unwrap_err().is_not_executed());
    gate.open(1);
    assert!(call.join().unwrap().is_err());
}

/// The log did not say what the stop had waited for.
fn a_stop_names_the_event_whose_callback_hangs(way: Way) {
    log::capture();
    let name = format!("granted_{way:?}");
    let (entered, enters) = mpsc::channel();
    let (_held, hangs) = mpsc::channel::<()>();
    let hangs = Mutex::new(hangs);
    let server = way
        .server()
        .stop_timeout(Duration::from_millis(200))
        .device(Bench::new())
        .on_event(move |event| {
            if matches!(event, ServerEvent::Granted(_)) {
                entered.send(()).unwrap();
                // Until the test is over.
                let _ = hangs.lock().unwrap().recv();
            }
        })
        .spawn()
        .unwrap();
    let client = way.client(&server).name(&name).connect().unwrap();
    enters.recv_timeout(Duration::from_secs(20)).unwrap();
    client.close();
    stop(server);
    log::expect(&["ERROR", "`on_event` does not return", "Granted", &name]);
}

/// A stop that found a device stuck said nothing of it, and took no time.
fn a_stop_names_a_device_that_was_stuck_before(way: Way) {
    log::capture();
    let name = format!("jammed_{way:?}").to_lowercase();
    let bench = Bench::new();
    let gate = bench.gate();
    let device = Shared::new(bench).on_release(|_, _| {});
    let server = way
        .server()
        .device(device.name(&name).overrun(Duration::from_millis(100)))
        .spawn()
        .unwrap();
    let client = way.client(&server).connect().unwrap();
    let hasty = BenchProxy::new(&client.timeout(Duration::from_millis(50)));
    assert!(hasty.pass().is_err());
    until("the device counts as stuck", || !server.stuck().is_empty());
    stop(server);
    let left = format!("`{name}` is left behind: `pass` still hangs in it");
    log::expect(&["ERROR", &left, "its release hook has not run"]);
    gate.open(1);
}
