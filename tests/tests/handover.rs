//! An idle holder is asked to leave if other clients wait; a busy one is not.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ipc_client::ConnectError;
use tests::child::Peer;
use tests::{Bench, BenchProxy, Way, both_ways, until, within};

both_ways!(
    an_idle_holder_makes_room_and_queues_again_by_itself,
    a_holder_in_mid_call_is_not_idle,
    calls_that_enter_no_driver_keep_no_place,
    a_holder_that_has_just_called_is_heard_before_it_is_sent_away,
    a_frozen_holder_is_handed_over,
    a_client_that_was_handed_over_is_waited_for_again,
);

const PEER: &str = env!("CARGO_BIN_EXE_peer");

fn an_idle_holder_makes_room_and_queues_again_by_itself(way: Way) {
    let idle = Duration::from_millis(300);
    let server = way
        .server()
        .idle_handover(idle)
        .device(Bench::new())
        .spawn()
        .unwrap();
    let noticed = Arc::new(AtomicU64::new(0));
    let notice = Arc::clone(&noticed);
    let first = way
        .client(&server)
        .name("first")
        .on_handover(move || {
            notice.fetch_add(1, Ordering::SeqCst);
        })
        .connect()
        .unwrap();
    assert_eq!(BenchProxy::new(&first).step().unwrap(), 1);
    let start = Instant::now();
    let second = way.client(&server).name("second").connect().unwrap();
    let waited = start.elapsed();
    assert!(waited < Duration::from_secs(5), "{waited:?}");
    assert_eq!(BenchProxy::new(&second).step().unwrap(), 2);
    assert_eq!(first.handovers(), 0, "nothing has been called");
    // Now the second is idle, and the first comes back.
    assert_eq!(BenchProxy::new(&first).step().unwrap(), 3);
    assert_eq!((first.handovers(), noticed.load(Ordering::SeqCst)), (1, 1));
    assert_eq!(BenchProxy::new(&second).step().unwrap(), 4);
    assert_eq!(second.handovers(), 1);
    // No client waits, so the holder stays.
    let second_again = BenchProxy::new(&second);
    within(Duration::from_secs(5), "idle for longer", || {
        server.holder().unwrap().idle > idle * 2
    });
    assert_eq!(second_again.step().unwrap(), 5);
    assert_eq!(second.handovers(), 1);
}

fn a_holder_in_mid_call_is_not_idle(way: Way) {
    let bench = Bench::new();
    let gate = bench.gate();
    let idle = Duration::from_millis(100);
    let server = way
        .server()
        .idle_handover(idle)
        .device(bench)
        .spawn()
        .unwrap();
    let first = way.client(&server).name("first").connect().unwrap();
    let call = thread::spawn(move || BenchProxy::new(&first).pass().unwrap());
    gate.wait_for_call();
    let second = way
        .client(&server)
        .connect_timeout(Duration::from_millis(700));
    let busy = second.connect().unwrap_err();
    assert!(matches!(busy, ConnectError::Busy { .. }), "{busy}");
    // The call is named, and not mistaken for idleness.
    let text = busy.to_string();
    assert!(text.contains("and `pass` has run for"), "{text}");
    assert!(!text.contains("idle"), "{text}");
    let holder = server.holder().unwrap();
    assert_eq!((holder.name.as_str(), holder.calls), ("first", 1));
    assert_eq!(holder.idle, Duration::ZERO);
    let running = holder.running.unwrap();
    assert_eq!(running.method, "pass");
    assert!(
        running.runs_for >= Duration::from_millis(700),
        "{running:?}"
    );
    gate.open(1);
    assert_eq!(call.join().unwrap(), 1);
    assert!(
        server
            .holder()
            .is_none_or(|holder| holder.running.is_none())
    );
}

/// Regression test: calls of unknown methods, and requests for the description, counted as work.
fn calls_that_enter_no_driver_keep_no_place(way: Way) {
    let idle = Duration::from_millis(300);
    let server = way.server().idle_handover(idle).device(Bench::new());
    let server = server.spawn().unwrap();
    let first = way.client(&server).name("first").connect().unwrap();
    let is_over = Arc::new(AtomicU64::new(0));
    let chatter = thread::spawn({
        let is_over = Arc::clone(&is_over);
        move || {
            while is_over.load(Ordering::SeqCst) == 0 {
                assert!(first.call::<u64>("nothing", ()).is_err());
                first.describe().unwrap();
            }
        }
    });
    let second = way.client(&server).name("second").connect().unwrap();
    assert_eq!(BenchProxy::new(&second).step().unwrap(), 1);
    is_over.store(1, Ordering::SeqCst);
    second.close();
    chatter.join().unwrap();
}

/// A new client arrives while the holder looks idle, possibly only because the server had no time to read its call.
fn a_holder_that_has_just_called_is_heard_before_it_is_sent_away(way: Way) {
    let idle = Duration::from_secs(1);
    let server = way.server().idle_handover(idle).device(Bench::new());
    let server = server.spawn().unwrap();
    let first = way.client(&server).name("first").connect().unwrap();
    until("the first is idle", || server.holder().unwrap().idle > idle);
    let start = Instant::now();
    let second = way.client(&server).name("second").connect().unwrap();
    assert!(start.elapsed() >= Duration::from_millis(900));
    assert_eq!(BenchProxy::new(&second).step().unwrap(), 1);
    drop(first);
}

fn a_frozen_holder_is_handed_over(way: Way) {
    let idle = Duration::from_millis(300);
    let server = way
        .server()
        .idle_handover(idle)
        .device(Bench::new())
        .spawn()
        .unwrap();
    let address = server.local_addr().to_string();
    let mut frozen = Peer::client(PEER, way, &address, "frozen");
    frozen.tell("step");
    frozen.expect("ok 1");
    frozen.signal("STOP");
    let start = Instant::now();
    let next = way.client(&server).connect().unwrap();
    assert_eq!(BenchProxy::new(&next).step().unwrap(), 2);
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    frozen.signal("CONT");
    frozen.tell("step");
    next.close();
    frozen.expect("ok 3");
}

/// Regression test: once a client had made room and had come back, its calls counted as given up.
fn a_client_that_was_handed_over_is_waited_for_again(way: Way) {
    let idle = Duration::from_millis(100);
    let server = way.server().idle_handover(idle).device(Bench::new());
    let server = server.spawn().unwrap();
    let first = way.client(&server).name("first").connect().unwrap();
    let bench = BenchProxy::new(&first);
    assert_eq!(bench.step().unwrap(), 1);
    way.client(&server).connect().unwrap().close();
    bench.scan(50).unwrap();
    assert_eq!(first.handovers(), 1, "it has been away");
    assert_eq!(bench.steps().unwrap(), 1, "the scan was not cancelled");
}
