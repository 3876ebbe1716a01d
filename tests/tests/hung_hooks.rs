//! Release hooks that use other devices, hang there, or remove them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ipc_client::{CallError, Client};
use ipc_core::{Device, Refusal, Release, Shared};
use ipc_server::{ServerEvent, ServerHandle};
use tests::valve::{self, OVERRUN, PATIENCE};
use tests::{Bench, BenchProxy, Way, both_ways, until};

both_ways!(
    a_hook_that_hangs_in_another_device_takes_that_one_too,
    so_does_the_hook_of_a_driver_on_its_own_thread,
    so_does_a_hook_that_was_left_to_a_call_that_hung,
    a_hook_can_remove_another_device,
);

fn named(device: impl Into<Device>, name: &str) -> Device {
    valve::named(device, name).overrun(OVERRUN)
}

fn of(client: &Client, name: &str) -> BenchProxy<Client> {
    BenchProxy::with_prefix(&client.timeout(PATIENCE), &format!("{name}_"))
}

fn a_hook_that_hangs_in_another_device_takes_that_one_too(way: Way) {
    hangs_in_another_device(way, |other| {
        Shared::new(Bench::new()).on_release(move |_, why| pass(&other, why))
    });
}

fn so_does_the_hook_of_a_driver_on_its_own_thread(way: Way) {
    hangs_in_another_device(way, |other| {
        let open = || Ok::<_, String>(Bench::new());
        Device::on_thread_with_release(open, move |_, why| pass(&other, why)).unwrap()
    });
}

/// Hangs in the other device when the first client leaves.
fn pass(other: &Shared<Bench>, why: Release) {
    if why == Release::Finished {
        other.lock().pass();
    }
}

/// The device that `hooked` makes has a hook that hangs in another one. That one let its callers wait.
fn hangs_in_another_device(way: Way, hooked: impl FnOnce(Shared<Bench>) -> Device) {
    let bench = Bench::new();
    let gate = bench.gate();
    let shutter = Shared::new(bench);
    let recovered: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = Arc::clone(&recovered);
    let server = way
        .server()
        .device(named(hooked(shutter.clone()), "laser"))
        .device(named(shutter, "shutter"))
        .device(named(Bench::new(), "meter"))
        .on_event(move |event| {
            if let ServerEvent::Recovered { device } = event {
                told.lock().unwrap().push(device.clone());
            }
        })
        .spawn()
        .unwrap();
    way.client(&server).connect().unwrap().close();
    let next = way.client(&server).connect_timeout(PATIENCE);
    let next = next.connect().unwrap();
    assert_eq!(of(&next, "meter").step().unwrap(), 1);
    let running = ["laser", "shutter"].map(|name| match of(&next, name).steps() {
        Err(CallError::Refused(Refusal::Stuck { running, by, .. })) => (running, by),
        other => (format!("{other:?}"), String::new()),
    });
    let expected = ["on_release", "on_release of laser"];
    assert_eq!(
        running,
        expected.map(|method| (method.into(), "the server".into()))
    );
    assert_eq!(server.stuck().len(), 2);
    gate.open(1);
    until("both come back", || {
        let mut recovered = recovered.lock().unwrap().clone();
        recovered.sort();
        recovered == ["laser", "shutter"]
    });
    assert_eq!(of(&next, "shutter").steps().unwrap(), 1);
    assert_eq!(of(&next, "laser").steps().unwrap(), 0);
}

/// Nobody watched such a hook: callers of the other device waited for ever.
fn so_does_a_hook_that_was_left_to_a_call_that_hung(way: Way) {
    let (bench, other) = (Bench::new(), Bench::new());
    let [gate, other_gate] = [bench.gate(), other.gate()];
    let shutter = Shared::new(other);
    let in_hook = shutter.clone();
    let laser = Shared::new(bench).on_release(move |_, why| pass(&in_hook, why));
    let recovered: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = Arc::clone(&recovered);
    let server = way
        .server()
        .device(named(laser, "laser"))
        .device(named(shutter, "shutter"))
        .on_event(move |event| {
            if let ServerEvent::Recovered { device } = event {
                told.lock().unwrap().push(device.clone());
            }
        })
        .spawn()
        .unwrap();
    let client = way.client(&server).connect().unwrap();
    let short = client.timeout(Duration::from_millis(50));
    assert!(BenchProxy::with_prefix(&short, "laser_").pass().is_err());
    client.close();
    until("the call counts as stuck", || !server.stuck().is_empty());
    let next = way.client(&server).connect_timeout(PATIENCE);
    let next = next.connect().unwrap();
    assert_eq!(of(&next, "shutter").steps().unwrap(), 0);

    // The call returns, and leaves its hook to hang in the other device.
    gate.open(1);
    until("the other device counts as stuck", || {
        server.stuck().len() == 2
    });
    match of(&next, "shutter").steps() {
        Err(CallError::Refused(Refusal::Stuck { running, .. })) => {
            assert_eq!(running, "on_release of laser");
        }
        other => panic!("{other:?}"),
    }
    other_gate.open(1);
    until("both come back", || {
        let mut recovered = recovered.lock().unwrap().clone();
        recovered.sort();
        recovered == ["laser", "shutter"]
    });
    assert_eq!(of(&next, "shutter").steps().unwrap(), 1);
    assert_eq!(of(&next, "laser").steps().unwrap(), 1);
}

/// The removed device was kept for its turn: both hung for a while, and the hook of the removed one ran twice.
fn a_hook_can_remove_another_device(way: Way) {
    let handle: Arc<Mutex<Option<Arc<ServerHandle>>>> = Arc::default();
    let in_hook = Arc::clone(&handle);
    let log: Arc<Mutex<Vec<String>>> = Arc::default();
    let [by_laser, by_shutter, by_server] = [&log; 3].map(Arc::clone);
    let laser = Shared::new(Bench::new()).on_release(move |_, why| {
        let server = in_hook.lock().unwrap().clone();
        if let Some(server) = server.filter(|_| why == Release::Finished) {
            server.remove("shutter").unwrap();
        }
        by_laser.lock().unwrap().push(format!("laser {why:?}"));
    });
    let shutter = Shared::new(Bench::new()).on_release(move |_, why| {
        by_shutter.lock().unwrap().push(format!("shutter {why:?}"));
    });
    let in_time = |device: Device, name| named(device, name).overrun(Duration::from_secs(5));
    let server = way
        .server()
        .device(in_time(laser, "laser"))
        .device(in_time(shutter, "shutter"))
        .on_event(move |event| {
            if let ServerEvent::Stuck(stuck) = event {
                by_server
                    .lock()
                    .unwrap()
                    .push(format!("stuck {}", stuck.device));
            }
        })
        .spawn()
        .unwrap();
    let server = Arc::new(server);
    *handle.lock().unwrap() = Some(Arc::clone(&server));
    way.client(&server).connect().unwrap().close();
    until("all are released", || server.holder().is_none());
    // The hook has it no longer, so that the test stops the server.
    handle.lock().unwrap().take();
    assert_eq!(*log.lock().unwrap(), ["shutter Removed", "laser Finished"]);
}
