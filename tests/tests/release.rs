//! Devices are put into a safe state when their holder is gone: once, for the right reason, before the next holder.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ipc_client::{CallError, Client, Refusal};
use ipc_core::{Release, Shared};
use ipc_server::{ServerBuilder, ServerHandle};
use tests::child::Peer;
use tests::middle::Middle;
use tests::{Bench, BenchProxy, Way, both_ways, log, until};

both_ways!(
    a_goodbye_releases,
    a_killed_client_is_released_when_the_grace_is_over,
    a_killed_client_is_released_before_the_next_holder,
    a_killed_client_is_released_after_its_call,
    a_handover_releases,
    a_stop_releases,
    a_client_that_comes_back_in_time_is_not_released,
    a_client_that_comes_back_too_late_is_told,
    a_hook_that_panics_keeps_nothing_from_going_on,
);

const PEER: &str = env!("CARGO_BIN_EXE_peer");

#[derive(Clone, Default)]
struct Released(Arc<Mutex<Vec<Release>>>);

impl Released {
    fn all(&self) -> Vec<Release> {
        self.0.lock().unwrap().clone()
    }
}

/// A server whose device notes its releases, and makes a step in each.
fn noting(server: ServerBuilder) -> (ServerHandle, Released) {
    let released = Released::default();
    let note = released.clone();
    let device = Shared::new(Bench::new()).on_release(move |bench, why| {
        bench.step();
        note.0.lock().unwrap().push(why);
    });
    (server.device(device).spawn().unwrap(), released)
}

fn a_goodbye_releases(way: Way) {
    let (server, released) = noting(way.server());
    for n in 1..=3 {
        let client = way.client(&server).connect().unwrap();
        // One step for each call, one for each release before.
        assert_eq!(BenchProxy::new(&client).step().unwrap(), 2 * n - 1);
        assert_eq!(client.handovers(), 0);
        client.close();
        let expected = vec![Release::Finished; usize::try_from(n).unwrap()];
        until("it is released", || released.all() == expected);
    }
}

fn a_killed_client_is_released_when_the_grace_is_over(way: Way) {
    let (server, released) = noting(way.server().grace(Duration::from_millis(500)));
    let address = server.local_addr().to_string();
    let mut client = Peer::client(PEER, way, &address, "killed");
    client.tell("step");
    client.expect("ok 1");
    assert!(released.all().is_empty());
    client.kill();
    until("it is released", || released.all() == [Release::Lost]);
    until("the server is free", || server.holder().is_none());
}

fn a_killed_client_is_released_before_the_next_holder(way: Way) {
    let (server, released) = noting(way.server().grace(Duration::from_secs(60)));
    let address = server.local_addr().to_string();
    let mut client = Peer::client(PEER, way, &address, "killed");
    client.tell("step");
    client.expect("ok 1");
    client.kill();
    let next = way.client(&server).connect().unwrap();
    assert_eq!(released.all(), [Release::Lost]);
    assert_eq!(BenchProxy::new(&next).steps().unwrap(), 2);
}

fn a_killed_client_is_released_after_its_call(way: Way) {
    let bench = Bench::new();
    let gate = bench.gate();
    let released = Released::default();
    let note = released.clone();
    let device = Shared::new(bench).on_release(move |_, why| note.0.lock().unwrap().push(why));
    let server = way.server().grace(Duration::ZERO).device(device);
    let server = server.spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    let middle = Middle::new(server.local_addr());
    client.close();
    until("it is released", || released.all() == [Release::Finished]);
    let client = way.client_at(&middle.address().to_string()).connect_lazy();
    let call = thread::spawn(move || BenchProxy::new(&client).pass());
    gate.wait_for_call();
    middle.cut();
    assert_eq!(released.all().len(), 1, "the call still runs");
    gate.open(1);
    // Disconnected, not gone: it returns for its reply.
    assert_eq!(call.join().unwrap().unwrap(), 1);
}

/// Makes a call that is refused because the device was released since the last one.
fn is_told(client: &Client) {
    let error = BenchProxy::new(client).step().unwrap_err();
    let CallError::Refused(Refusal::Interrupted { why, .. }) = &error else {
        panic!("{error:?}");
    };
    assert!(why.starts_with("`bench` was released"), "{why}");
}

fn a_handover_releases(way: Way) {
    let idle = Duration::from_millis(200);
    let (server, released) = noting(way.server().idle_handover(idle));
    let first = way.client(&server).connect().unwrap();
    assert_eq!(BenchProxy::new(&first).step().unwrap(), 1);
    let second = way.client(&server).connect().unwrap();
    assert_eq!(released.all(), [Release::HandedOver]);
    assert_eq!(BenchProxy::new(&second).step().unwrap(), 3);
    is_told(&first);
    assert_eq!(BenchProxy::new(&first).step().unwrap(), 5);
    assert_eq!(released.all(), [Release::HandedOver; 2]);
    assert_eq!(first.handovers(), 1);
}

fn a_stop_releases(way: Way) {
    let (server, released) = noting(way.server());
    let client = way.client(&server).connect().unwrap();
    assert_eq!(BenchProxy::new(&client).step().unwrap(), 1);
    server.stop();
    assert_eq!(released.all(), [Release::Stopping]);
    let (server, released) = noting(way.server());
    server.stop();
    assert!(released.all().is_empty(), "nobody held it");
}

fn a_client_that_comes_back_in_time_is_not_released(way: Way) {
    let (server, released) = noting(way.server().grace(Duration::from_secs(60)));
    let middle = Middle::new(server.local_addr());
    let client = way
        .client_at(&middle.address().to_string())
        .connect()
        .unwrap();
    for n in 1..=5 {
        assert_eq!(BenchProxy::new(&client).step().unwrap(), n);
        middle.cut();
    }
    assert!(released.all().is_empty());
    assert_eq!(client.handovers(), 0);
}

fn a_client_that_comes_back_too_late_is_told(way: Way) {
    let (server, released) = noting(way.server().grace(Duration::ZERO));
    let middle = Middle::new(server.local_addr());
    let client = way
        .client_at(&middle.address().to_string())
        .connect()
        .unwrap();
    assert_eq!(BenchProxy::new(&client).step().unwrap(), 1);
    middle.cut();
    until("it is released", || released.all() == [Release::Lost]);
    is_told(&client);
    assert_eq!(BenchProxy::new(&client).step().unwrap(), 3);
    assert_eq!(
        client.handovers(),
        1,
        "nobody else was there, but the hook was"
    );
}

fn a_hook_that_panics_keeps_nothing_from_going_on(way: Way) {
    log::capture();
    let released = Released::default();
    let note = released.clone();
    let bad = Shared::new(Bench::new()).on_release(|_, _| panic!("the shutter is stuck"));
    let good = Shared::new(Bench::new())
        .on_release(move |_, why| note.0.lock().unwrap().push(why))
        .prefix("good_");
    let server = way.server().device(bad).device(good).spawn().unwrap();
    for n in 1..=3 {
        let client = way.client(&server).connect().unwrap();
        assert_eq!(BenchProxy::new(&client).step().unwrap(), n);
        client.close();
    }
    until("all are released", || {
        released.all() == [Release::Finished; 3]
    });
    log::expect(&["hook", "the shutter is stuck"]);
    server.stop();
}
