//! What hangs while devices are released, or used by a call that was given up.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use ipc_client::CallError;
use ipc_core::{Shared, remote};
use ipc_server::ServerHandle;
use tests::valve::{
    HASTY, Log, OVERRUN, PATIENCE, Valve, has, hooked, named, of, valve, write_down,
};
use tests::{Way, both_ways, until};

both_ways!(
    a_hook_that_hangs_keeps_no_other_driver,
    a_hook_that_hangs_leaves_time_for_the_others_in_a_stop,
    a_call_that_is_left_behind_enters_no_other_device,
    many_devices_may_hang_at_once,
    many_devices_may_hang_before_any_of_them_is_stuck,
);

/// A server whose device `a` has a hook that hangs, and a device `b` behind it.
fn with_hook_that_hangs(way: Way, log: &Log, overrun: Duration) -> (ServerHandle, Sender<()>) {
    let (a, gate) = valve("a", log);
    let a = a.on_release(|a, _| a.turn()).overrun(overrun);
    let server = way
        .server()
        .stop_timeout(Duration::from_secs(2))
        .device(named(a, "a"))
        .device(hooked("b", log))
        .on_event(write_down(log))
        .spawn()
        .unwrap();
    (server, gate)
}

/// The thread of the hook kept all devices that it would have released.
fn a_hook_that_hangs_keeps_no_other_driver(way: Way) {
    let log = Log::default();
    let (server, gate) = with_hook_that_hangs(way, &log, OVERRUN);
    way.client(&server).connect().unwrap().close();
    until("b is released", || has(&log, "b Finished"));
    server.remove("b").unwrap();
    assert!(has(&log, "b dropped"));
    gate.send(()).unwrap();
    until("a comes back", || has(&log, "recovered a"));
    assert_eq!(server.stuck(), []);
}

/// The stop was over before the hook counted as hanging, and those behind it had not run.
fn a_hook_that_hangs_leaves_time_for_the_others_in_a_stop(way: Way) {
    let log = Log::default();
    let (server, _gate) = with_hook_that_hangs(way, &log, PATIENCE);
    let _client = way.client(&server).connect().unwrap();
    let start = Instant::now();
    server.stop();
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    for line in ["b Stopping", "b dropped"] {
        assert!(has(&log, line), "{line}");
    }
    assert!(!has(&log, "a dropped"), "it is in use");
}

/// Uses another device.
pub struct Sweep {
    own: Shared<Valve>,
    other: Shared<Valve>,
}

#[remote]
impl Sweep {
    /// Turns both valves.
    pub fn run(&mut self) {
        self.own.lock().turn();
        self.other.lock().turn();
    }
}

/// It hung in the other one as well, which nobody noticed.
fn a_call_that_is_left_behind_enters_no_other_device(way: Way) {
    let log = Log::default();
    let ((own, gate), (other, _hangs)) = (valve("own", &log), valve("other", &log));
    let sweep = Sweep {
        own,
        other: other.clone(),
    };
    let server = way
        .server()
        .device(named(sweep, "sweep").overrun(OVERRUN))
        .device(named(other, "other").overrun(OVERRUN))
        .on_event(write_down(&log))
        .spawn()
        .unwrap();
    let client = way.client(&server).connect().unwrap();
    let sweep: SweepProxy<_> = SweepProxy::with_prefix(&client.timeout(HASTY), "sweep_");
    let error = sweep.run().unwrap_err();
    assert!(matches!(error, CallError::TimedOut { .. }), "{error}");
    until("it is stuck", || has(&log, "stuck sweep"));
    let said = log.lock().unwrap().join("\n");
    assert!(
        said.contains("`sweep` is stuck: `sweep_run`, called by "),
        "{said}"
    );
    gate.send(()).unwrap();
    until("it has ended", || has(&log, "recovered sweep"));
    let other = of(&client.timeout(PATIENCE), "other_");
    assert_eq!(other.name().unwrap(), "other");
}

/// No call could begin beside eight that hung.
fn many_devices_may_hang_at_once(way: Way) {
    let log = Log::default();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let mut gates = Vec::new();
    let mut builder = way.server().device(hooked("works", &log));
    for name in names {
        let (driver, gate) = valve(name, &log);
        gates.push(gate);
        builder = builder.device(named(driver, name).overrun(OVERRUN));
    }
    let server = builder.spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    for name in names {
        let hasty = client.timeout(Duration::from_millis(100));
        of(&hasty, &format!("{name}_")).turn().unwrap_err();
    }
    until("all are stuck", || server.stuck().len() == names.len());
    let works = of(&client.timeout(PATIENCE), "works_");
    assert_eq!(works.name().unwrap(), "works");
}

/// Eight calls that hung held up the others of their client for ten seconds.
fn many_devices_may_hang_before_any_of_them_is_stuck(way: Way) {
    let log = Log::default();
    let mut gates = Vec::new();
    let mut builder = way.server().device(hooked("works", &log));
    let names: Vec<String> = (0..16).map(|number| format!("valve{number}")).collect();
    for name in &names {
        let (driver, gate) = valve("slow", &log);
        gates.push(gate);
        builder = builder.device(named(driver, name).overrun(Duration::from_secs(600)));
    }
    let server = builder.spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    for name in &names {
        let hasty = client.timeout(Duration::from_millis(100));
        of(&hasty, &format!("{name}_")).turn().unwrap_err();
    }
    let works = of(&client.timeout(PATIENCE), "works_");
    assert_eq!(works.name().unwrap(), "works");
    assert_eq!(server.stuck(), []);
    drop(gates);
}

/// The thread of the hook was slower than the next client.
#[test]
fn the_next_client_comes_after_the_hook_however_short_the_overrun() {
    for _ in 0..100 {
        let log = Log::default();
        let device = hooked("a", &log).overrun(Duration::ZERO);
        let server = Way::Plain.server().device(device).spawn().unwrap();
        Way::Plain.client(&server).connect().unwrap().close();
        let next = Way::Plain.client(&server).connect().unwrap();
        of(&next, "a_").name().unwrap();
        assert!(has(&log, "a Finished"));
    }
}
