//! One client at a time; the others wait in order and know the holder.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ipc_client::{
    CallError, CancellationToken, Client, ClientBuilder, ConnectError, ConnectionState, NotSent,
    QueueStatus,
};
use ipc_server::ServerHandle;
use tests::raw::{Raw, hello};
use tests::{Bench, BenchProxy, Way, both_ways, log, until};

both_ways!(
    many_wait_and_are_served_in_order,
    those_who_wait_know_their_place_and_the_holder,
    a_call_that_waited_too_long_names_the_holder,
    a_waiter_with_nothing_left_to_call_leaves_the_queue,
    a_full_queue_sends_away_in_words,
    a_holder_that_vanished_keeps_its_place_for_the_grace,
    a_holder_that_is_disconnected_is_told_why,
    any_number_of_silent_clients_keep_the_next_one_waiting_once,
    silent_clients_near_the_front_leave_before_their_turn,
);

fn server(way: Way) -> ServerHandle {
    way.server()
        .idle_handover(None)
        .device(Bench::new())
        .spawn()
        .unwrap()
}

/// A client, and what it has been told about the queue.
fn watched(builder: ClientBuilder) -> (Client, Arc<Mutex<Vec<QueueStatus>>>) {
    let told: Arc<Mutex<Vec<QueueStatus>>> = Arc::default();
    let tell = Arc::clone(&told);
    let builder = builder.on_state(move |state| {
        if let ConnectionState::Queued(status) = state {
            tell.lock().unwrap().push(status.clone());
        }
    });
    (builder.connect_lazy(), told)
}

fn many_wait_and_are_served_in_order(way: Way) {
    const WAITERS: usize = 64;
    let server = server(way);
    let holder = way.client(&server).name("holder").connect().unwrap();
    let served: Arc<Mutex<Vec<usize>>> = Arc::default();
    let mut waiters = Vec::new();
    for n in 0..WAITERS {
        let (client, _) = watched(way.client(&server).name(format!("waiter {n}")));
        let served = Arc::clone(&served);
        waiters.push(thread::spawn(move || {
            BenchProxy::new(&client).step().unwrap();
            served.lock().unwrap().push(n);
            client.close();
        }));
        until("it has joined the queue", || server.waiting() == n + 1);
    }
    let start = Instant::now();
    holder.close();
    for waiter in waiters {
        waiter.join().unwrap();
    }
    let in_order: Vec<usize> = (0..WAITERS).collect();
    assert_eq!(*served.lock().unwrap(), in_order);
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
}

fn those_who_wait_know_their_place_and_the_holder(way: Way) {
    let server = server(way);
    let holders = ["first", "second", "third"].map(|name| {
        let (client, told) = watched(way.client(&server).name(name));
        let order = server.waiting();
        let waiting = client.clone();
        let connect = thread::spawn(move || BenchProxy::new(&waiting).step().unwrap());
        match name {
            "first" => until("it holds the server", || server.holder().is_some()),
            _ => until("it waits", || server.waiting() == order + 1),
        }
        (client, told, connect)
    });
    let [
        (first, told_first, a),
        (second, told_second, b),
        (third, told_third, c),
    ] = holders;
    a.join().unwrap();
    assert_eq!(server.holder().unwrap().name, "first");
    assert!(told_first.lock().unwrap().is_empty());
    until("the third knows", || {
        told_third
            .lock()
            .unwrap()
            .iter()
            .any(|status| status.place == 2 && status.waiting == 2)
    });
    first.close();
    b.join().unwrap();
    until("the third knows better", || {
        told_third
            .lock()
            .unwrap()
            .iter()
            .any(|status| status.place == 1 && status.holder == "second")
    });
    second.close();
    c.join().unwrap();
    third.close();
    for status in told_second
        .lock()
        .unwrap()
        .iter()
        .chain(&*told_third.lock().unwrap())
    {
        assert!(
            ["first", "second"].contains(&status.holder.as_str()),
            "{status}"
        );
        assert!(status.holder_address.starts_with("127.0.0.1:"), "{status}");
    }
}

fn a_call_that_waited_too_long_names_the_holder(way: Way) {
    let server = server(way);
    let holder = way
        .client(&server)
        .name("the night shift")
        .connect()
        .unwrap();
    let builder = way
        .client(&server)
        .connect_timeout(Duration::from_millis(300));
    let start = Instant::now();
    let error = builder.connect().unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(3));
    assert!(matches!(error, ConnectError::Busy { .. }), "{error}");
    for word in ["busy", "the night shift", "127.0.0.1"] {
        assert!(error.to_string().contains(word), "{error}");
    }
    until("it has left the queue", || server.waiting() == 0);

    let waiter = way.client(&server).connect_lazy();
    let start = Instant::now();
    let call = BenchProxy::new(&waiter.timeout(Duration::from_millis(300))).step();
    let error = call.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(3));
    let busy = |reason: &NotSent| matches!(reason, NotSent::Busy { .. });
    assert!(
        matches!(&error, CallError::NotSent { reason, .. } if busy(reason)),
        "{error}"
    );
    assert!(error.to_string().contains("the night shift"), "{error}");
    holder.close();
    assert_eq!(
        BenchProxy::new(&waiter).step().unwrap(),
        1,
        "the first was never run"
    );
}

/// Regression test: a client that had given up kept its place until its turn came, and then all others waited for it.
fn a_waiter_with_nothing_left_to_call_leaves_the_queue(way: Way) {
    let server = server(way);
    let holder = way.client(&server).name("holder").connect().unwrap();
    let (waiter, told) = watched(way.client(&server).name("in a hurry"));
    let token = CancellationToken::new();
    let calls = [0, 1].map(|n| {
        let handle = match n {
            0 => waiter.cancel_with(&token),
            _ => waiter.clone(),
        };
        thread::spawn(move || BenchProxy::new(&handle).step())
    });
    until("it waits", || server.waiting() == 1);
    until("it knows", || !told.lock().unwrap().is_empty());
    let hurried = BenchProxy::new(&waiter.timeout(Duration::from_millis(50)));
    assert!(hurried.step().unwrap_err().is_not_executed());
    token.cancel();
    let [given_up, patient] = calls;
    assert!(given_up.join().unwrap().is_err());
    assert_eq!(server.waiting(), 1, "another call of it waits");
    holder.close();
    assert_eq!(patient.join().unwrap().unwrap(), 1);
    // Now it holds the server, and the other way round.
    let (other, told) = watched(way.client(&server).name("in a hurry, too"));
    let token = CancellationToken::new();
    let handle = other.cancel_with(&token);
    let call = thread::spawn(move || BenchProxy::new(&handle).step());
    until("it knows", || !told.lock().unwrap().is_empty());
    token.cancel();
    assert!(call.join().unwrap().is_err());
    until("it has left the queue", || server.waiting() == 0);
    assert_eq!(server.holder().unwrap().name, "in a hurry");
    waiter.close();
    assert_eq!(BenchProxy::new(&other).step().unwrap(), 2, "it comes back");
}

fn a_full_queue_sends_away_in_words(way: Way) {
    let server = way.server().queue(1).device(Bench::new()).spawn().unwrap();
    let holder = way.client(&server).connect().unwrap();
    let (waiter, _) = watched(way.client(&server));
    let waiting = thread::spawn(move || BenchProxy::new(&waiter).step().unwrap());
    until("one waits", || server.waiting() == 1);
    let one_more = way
        .client(&server)
        .connect_timeout(Duration::from_millis(300));
    let error = one_more.connect().unwrap_err();
    assert!(
        error.to_string().contains("1 clients wait already"),
        "{error}"
    );
    // It reconnects by itself and is accepted when the queue has space.
    let patient = thread::spawn({
        let client = way.client(&server).connect_lazy();
        move || BenchProxy::new(&client).step().unwrap()
    });
    holder.close();
    assert_eq!(waiting.join().unwrap(), 1);
    assert_eq!(patient.join().unwrap(), 2);
}

fn a_holder_that_vanished_keeps_its_place_for_the_grace(way: Way) {
    // No client waits: the place is kept, and the same session continues.
    let server = way
        .server()
        .grace(Duration::from_secs(60))
        .device(Bench::new())
        .spawn()
        .unwrap();
    let middle = tests::middle::Middle::new(server.local_addr());
    let client = way
        .client_at(&middle.address().to_string())
        .name("cut")
        .connect()
        .unwrap();
    let bench = BenchProxy::new(&client);
    assert_eq!(bench.step().unwrap(), 1);
    middle.cut();
    assert_eq!(server.holder().unwrap().name, "cut");
    assert_eq!(bench.step().unwrap(), 2);
    assert_eq!(client.handovers(), 0, "nobody else was there");
    // Another client waits: a disconnected holder loses its place at once, and learns of it when it returns.
    middle.cut();
    let start = Instant::now();
    let next = way.client(&server).connect().unwrap();
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(BenchProxy::new(&next).step().unwrap(), 3);
    next.close();
    assert_eq!(bench.step().unwrap(), 4);
    assert_eq!(client.handovers(), 1);
}

fn a_holder_that_is_disconnected_is_told_why(way: Way) {
    log::capture();
    let bench = Bench::new();
    let gate = bench.gate();
    let server = way.server().device(bench).spawn().unwrap();
    assert!(!server.disconnect(1, "nobody is there"));
    let client = way.client(&server).connect().unwrap();
    let call = thread::spawn({
        let client = client.clone();
        move || BenchProxy::new(&client).pass().unwrap()
    });
    gate.wait_for_call();
    let holder = server.holder().unwrap().id;
    assert!(server.disconnect(holder, "the laser needs service"));
    gate.open(1);
    assert_eq!(call.join().unwrap(), 1, "a running call finishes");
    until("the server is free", || server.holder().is_none());
    // It finds out with its next call at the latest, and comes back if it is called again: in a session that knows nothing of
    // the earlier one.
    let bench = BenchProxy::new(&client);
    let mut errors = Vec::new();
    let steps = loop {
        match bench.step() {
            Ok(steps) => break steps,
            Err(error) => errors.push(error.to_string()),
        }
    };
    assert_eq!(steps, 2);
    let (last, before) = errors.split_last().unwrap();
    assert!(
        last.contains("the instruments may have changed"),
        "{errors:?}"
    );
    let is_told = |error: &String| error.contains("the laser needs service");
    assert!(before.iter().all(is_told) && before.len() < 2, "{errors:?}");
    log::expect(&["lost the connection", "the laser needs service"]);
    assert_eq!(client.handovers(), 1);
}

/// Clients that have sent `Hello` and do not reply from then on.
fn silent_clients(way: Way, server: &ServerHandle, count: usize) -> Vec<Raw> {
    let before = server.waiting();
    let silent = (1..=count).map(|n| {
        let mut raw = Raw::connect(way, server.local_addr());
        raw.say(&hello("silent"));
        until("it waits", || server.waiting() == before + n);
        raw
    });
    silent.collect()
}

/// Regression test: the server waited for each of them in turn, for 5 s.
fn any_number_of_silent_clients_keep_the_next_one_waiting_once(way: Way) {
    let server = server(way);
    let holder = way.client(&server).name("holder").connect().unwrap();
    let silent = silent_clients(way, &server, 10);
    let client = way.client(&server).connect_lazy();
    let call = thread::spawn(move || BenchProxy::new(&client).step().unwrap());
    until("the next one waits", || server.waiting() == 11);
    let start = Instant::now();
    holder.close();
    assert_eq!(call.join().unwrap(), 1);
    assert!(
        start.elapsed() < Duration::from_secs(15),
        "{:?}",
        start.elapsed()
    );
    drop(silent);
}

fn silent_clients_near_the_front_leave_before_their_turn(way: Way) {
    let server = server(way);
    let holder = way.client(&server).name("holder").connect().unwrap();
    let silent = silent_clients(way, &server, 3);
    let client = way.client(&server).connect_lazy();
    let call = thread::spawn(move || BenchProxy::new(&client).step().unwrap());
    until("it waits", || server.waiting() == 4);
    until("only the living one waits", || server.waiting() == 1);
    assert_eq!(server.holder().unwrap().name, "holder");
    holder.close();
    assert_eq!(call.join().unwrap(), 1);
    drop(silent);
}
