//! A driver that hangs takes its own device with it, and nothing else.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ipc_client::{CallError, Client, Retry};
use ipc_core::{Device, Shared};
use ipc_server::{ServerEvent, ServerHandle};
use tests::bench::Gate;
use tests::middle::Middle;
use tests::{Bench, BenchProxy, Way, both_ways, until};

both_ways!(
    the_other_devices_answer_at_once,
    a_stuck_device_is_refused_by_name_until_it_comes_back,
    the_next_client_uses_the_other_devices,
    a_patient_caller_is_never_disturbed,
    a_sweep_whose_client_died_keeps_its_device_only,
    calls_that_wait_do_not_hold_up_a_cancel,
    calls_that_a_dead_client_has_left_give_its_place_up,
    a_disconnected_client_learns_that_its_call_still_runs,
    a_stop_over_a_hung_call_runs_nothing_twice,
    a_hook_that_hangs_takes_its_own_device,
);

const OVERRUN: Duration = Duration::from_millis(300);
/// Much less than a hung call takes, much more than a busy machine.
const AT_ONCE: Duration = Duration::from_secs(5);

struct Lab {
    server: ServerHandle,
    gate: Gate,
    events: Arc<Mutex<Vec<String>>>,
}

impl Lab {
    fn has_seen(&self, event: &str) -> bool {
        self.events.lock().unwrap().iter().any(|seen| seen == event)
    }
}

/// A server with the devices `a`, whose `pass` hangs until the gate is opened, and `b`.
fn lab(way: Way) -> Lab {
    let bench = Bench::new();
    let gate = bench.gate();
    let events = Arc::new(Mutex::new(Vec::new()));
    let (released, told) = (Arc::clone(&events), Arc::clone(&events));
    let hung = Shared::new(bench)
        .on_release(move |_, _| released.lock().unwrap().push("hook of a".into()));
    let server = way
        .server()
        .device(hung.name("a").prefix("a_").overrun(OVERRUN))
        .device(Device::new(Bench::new()).name("b").prefix("b_"))
        .on_event(move |event| match event {
            ServerEvent::Stuck(stuck) => {
                told.lock().unwrap().push(format!("stuck {}", stuck.device))
            }
            ServerEvent::Recovered { device } => {
                told.lock().unwrap().push(format!("recovered {device}"))
            }
            _ => {}
        })
        .spawn()
        .unwrap();
    Lab {
        server,
        gate,
        events,
    }
}

fn a(client: &Client) -> BenchProxy<Client> {
    BenchProxy::with_prefix(client, "a_")
}

fn b(client: &Client) -> BenchProxy<Client> {
    BenchProxy::with_prefix(client, "b_")
}

/// Calls `a_pass`, which hangs, and gives it up.
fn hang(client: &Client) {
    let hasty = client.timeout(Duration::from_millis(100));
    let error = a(&hasty).pass().unwrap_err();
    assert!(matches!(error, CallError::TimedOut { .. }), "{error}");
}

fn the_other_devices_answer_at_once(way: Way) {
    let lab = lab(way);
    let client = way.client(&lab.server).connect().unwrap();
    hang(&client);
    let start = Instant::now();
    for n in 1..=100 {
        assert_eq!(b(&client).step().unwrap(), n);
    }
    assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
    lab.gate.open(1);
    until("the device comes back", || {
        a(&client.timeout(AT_ONCE))
            .steps()
            .is_ok_and(|steps| steps == 1)
    });
}

fn a_stuck_device_is_refused_by_name_until_it_comes_back(way: Way) {
    let lab = lab(way);
    let client = way.client(&lab.server).name("sweep.rs").connect().unwrap();
    hang(&client);
    until("it is stuck", || lab.has_seen("stuck a"));
    let start = Instant::now();
    let error = a(&client).step().unwrap_err();
    assert!(start.elapsed() < AT_ONCE);
    assert!(error.is_not_executed(), "{error}");
    let text = error.to_string();
    for named in ["`a`", "a_pass", "sweep.rs"] {
        assert!(text.contains(named), "{text}");
    }
    let stuck = lab.server.stuck();
    let [stuck] = &stuck[..] else {
        panic!("{stuck:?}");
    };
    assert_eq!(
        (stuck.device.as_str(), stuck.method.as_str()),
        ("a", "a_pass")
    );
    assert!(stuck.by.contains("sweep.rs"), "{stuck:?}");
    let running = lab.server.holder().unwrap().running.unwrap();
    assert_eq!(running.method, "a_pass");
    assert_eq!(b(&client).step().unwrap(), 1);

    lab.gate.open(1);
    until("it comes back", || lab.has_seen("recovered a"));
    assert_eq!(lab.server.stuck(), []);
    assert_eq!(a(&client).step().unwrap(), 2);
    assert!(!lab.has_seen("hook of a"), "its client has kept the server");
}

fn the_next_client_uses_the_other_devices(way: Way) {
    let lab = lab(way);
    let first = way.client(&lab.server).name("first").connect().unwrap();
    hang(&first);
    first.close();
    let next = way.client(&lab.server).connect().unwrap();
    assert_eq!(b(&next).step().unwrap(), 1);
    let error = a(&next).step().unwrap_err();
    assert!(
        error.is_not_executed() && error.to_string().contains("first"),
        "{error}"
    );
    assert!(!lab.has_seen("hook of a"), "the driver is in use");

    lab.gate.open(1);
    until("it comes back", || lab.has_seen("recovered a"));
    assert!(
        lab.has_seen("hook of a"),
        "before anybody else could use it"
    );
    assert_eq!(a(&next).step().unwrap(), 2);
}

fn a_patient_caller_is_never_disturbed(way: Way) {
    let lab = lab(way);
    let client = way.client(&lab.server).connect().unwrap();
    let call = thread::spawn(move || a(&client).pass());
    lab.gate.wait_for_call();
    let start = Instant::now();
    let waiter = {
        let waiting = way
            .client(&lab.server)
            .connect_timeout(Duration::from_secs(1));
        thread::spawn(move || waiting.connect().map(drop))
    };
    assert!(waiter.join().unwrap().is_err(), "the server is held");
    until("it has run for long", || start.elapsed() > 5 * OVERRUN);
    assert_eq!(lab.server.stuck(), []);
    let running = lab.server.holder().unwrap().running.unwrap();
    assert_eq!(running.method, "a_pass");
    lab.gate.open(1);
    assert_eq!(call.join().unwrap().unwrap(), 1);
}

fn a_sweep_whose_client_died_keeps_its_device_only(way: Way) {
    let lab = lab(way);
    let middle = Middle::new(lab.server.local_addr());
    let client = way
        .client_at(&middle.address().to_string())
        .retry(Retry::never())
        .connect()
        .unwrap();
    let call = thread::spawn(move || a(&client).pass());
    lab.gate.wait_for_call();
    middle.close();
    drop(call.join().unwrap().unwrap_err());
    let next = way.client(&lab.server).connect().unwrap();
    assert_eq!(b(&next).step().unwrap(), 1);
    let error = a(&next).step().unwrap_err();
    assert!(error.is_not_executed(), "{error}");
    lab.gate.open(1);
    until("it comes back", || lab.has_seen("recovered a"));
    assert_eq!(
        a(&next).steps().unwrap(),
        1,
        "the sweep has ended as if nothing had been"
    );
}

fn calls_that_wait_do_not_hold_up_a_cancel(way: Way) {
    let lab = lab(way);
    let client = way.client(&lab.server).connect().unwrap();
    let token = ipc_client::CancellationToken::new();
    let scan = {
        let client = client.cancel_with(&token);
        thread::spawn(move || a(&client).scan(60_000))
    };
    until("it runs", || {
        lab.server
            .holder()
            .is_some_and(|holder| holder.running.is_some())
    });
    let waiting: Vec<_> = (0..200)
        .map(|_| {
            let client = client.clone();
            thread::spawn(move || b(&client).step())
        })
        .collect();
    token.cancel();
    let error = scan.join().unwrap().unwrap_err();
    assert!(matches!(error, CallError::Cancelled { .. }), "{error}");
    for call in waiting {
        call.join().unwrap().unwrap();
    }
    until("the driver has stopped", || {
        a(&client).steps().unwrap() == 1
    });
}

/// Found by random schedules: a call that began after its client was gone was given up by nobody.
fn calls_that_a_dead_client_has_left_give_its_place_up(way: Way) {
    let lab = lab(way);
    let middle = Middle::new(lab.server.local_addr());
    let client = way
        .client_at(&middle.address().to_string())
        .connect()
        .unwrap();
    let calls: Vec<_> = (0..2)
        .map(|_| {
            let client = client.timeout(Duration::from_secs(20));
            thread::spawn(move || a(&client).pass())
        })
        .collect();
    lab.gate.wait_for_call();
    let both = || {
        lab.server
            .holder()
            .is_some_and(|it| it.bytes_received > 100)
    };
    until("the second call has arrived", both);
    middle.close();
    middle.cut();
    let next = way.client(&lab.server).connect_lazy();
    let waits = thread::spawn(move || b(&next).step());
    until("the next client waits", || lab.server.waiting() == 1);
    let is_given_up = || lab.server.holder().is_none_or(|it| it.running.is_none());
    until("the first call is given up", is_given_up);
    lab.gate.open(1);
    // The second call of the dead client hangs as well.
    assert_eq!(waits.join().unwrap().unwrap(), 1);
    lab.gate.open(1);
    drop(calls);
}

fn a_disconnected_client_learns_that_its_call_still_runs(way: Way) {
    let lab = lab(way);
    let client = way.client(&lab.server).connect().unwrap();
    hang(&client);
    let id = lab.server.holder().unwrap().id;
    assert!(lab.server.disconnect(id, "make room"));
    until("it has gone", || {
        lab.server.holder().is_none_or(|holder| holder.id != id)
    });
    let error = b(&client).step().unwrap_err();
    assert!(error.is_not_executed(), "{error}");
    let next = way.client(&lab.server).connect().unwrap();
    assert_eq!(b(&next).step().unwrap(), 1);
    lab.gate.open(1);
}

/// A goodbye over a call that runs made the client send it again to the next server.
fn a_stop_over_a_hung_call_runs_nothing_twice(way: Way) {
    let stop_timeout = Duration::from_millis(300);
    let bench = Bench::new();
    let (gate, entered) = (bench.gate(), bench.entered());
    let server = way
        .server()
        .stop_timeout(stop_timeout)
        .device(bench)
        .spawn()
        .unwrap();
    let address = server.local_addr();
    let client = way.client(&server).connect().unwrap();
    let call = thread::spawn(move || BenchProxy::new(&client).pass());
    gate.wait_for_call();
    let start = Instant::now();
    server.stop();
    assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
    let second = Bench::new();
    let again = second.entered();
    second.gate().open(100);
    let _server = way
        .server()
        .port(address.port())
        .device(second)
        .spawn()
        .unwrap();
    let error = call.join().unwrap().unwrap_err();
    assert!(matches!(error, CallError::OutcomeUnknown { .. }), "{error}");
    gate.open(1);
    assert_eq!(
        entered.load(Ordering::SeqCst) + again.load(Ordering::SeqCst),
        1
    );
}

fn a_hook_that_hangs_takes_its_own_device(way: Way) {
    let bench = Bench::new();
    let gate = bench.gate();
    let released = Arc::new(Mutex::new(0));
    let count = Arc::clone(&released);
    let hangs = Shared::new(bench).on_release(|bench, _| {
        bench.pass();
    });
    let works = Shared::new(Bench::new()).on_release(move |_, _| *count.lock().unwrap() += 1);
    let server = way
        .server()
        .device(hangs.name("a").prefix("a_").overrun(OVERRUN))
        .device(works.name("b").prefix("b_"))
        .spawn()
        .unwrap();
    let first = way.client(&server).connect().unwrap();
    assert_eq!(b(&first).step().unwrap(), 1);
    first.close();
    let next = way.client(&server).connect().unwrap();
    assert_eq!(*released.lock().unwrap(), 1, "the hook behind it has run");
    assert_eq!(b(&next).step().unwrap(), 2);
    let error = a(&next).steps().unwrap_err();
    assert!(error.to_string().contains("on_release"), "{error}");
    gate.open(100);
    until("it comes back", || a(&next).steps().is_ok());
}
