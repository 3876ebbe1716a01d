//! Functions that use devices, and hang in one of them.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use ipc_client::{CallError, Client};
use ipc_core::{Device, Shared};
use tests::{Bench, BenchProxy, Way, both_ways, until};

both_ways!(
    a_function_that_lost_its_devices_stops,
    a_device_that_a_function_hangs_in_is_released_before_anybody_uses_it,
);

/// Much less than a hung call takes, much more than a busy machine.
const AT_ONCE: Duration = Duration::from_secs(5);

fn a(client: &Client) -> BenchProxy<Client> {
    BenchProxy::with_prefix(client, "a_")
}

fn b(client: &Client) -> BenchProxy<Client> {
    BenchProxy::with_prefix(client, "b_")
}

/// A function with clones of the devices went on in the time of the next client.
fn a_function_that_lost_its_devices_stops(way: Way) {
    let bench = Bench::new();
    let gate = bench.gate();
    let laser = Shared::new(Bench::new());
    let (hung, sweep_laser) = (Shared::new(bench), laser.clone());
    let sweep = move || {
        hung.lock().pass();
        sweep_laser.lock().step()
    };
    let server = way
        .server()
        .device(Device::new(laser.clone()).name("laser"))
        .function("sweep", sweep)
        .idle_handover(Duration::from_millis(100))
        .spawn()
        .unwrap();
    let first = way.client(&server).connect().unwrap();
    let error = first
        .timeout(Duration::from_millis(100))
        .call::<u64>("sweep", ())
        .unwrap_err();
    assert!(matches!(error, CallError::TimedOut { .. }), "{error}");
    first.close();
    // The function counts as stuck after 10 s, its default.
    let next = way.client(&server).connect().unwrap();
    assert_eq!(BenchProxy::new(&next).step().unwrap(), 1);
    gate.open(1);
    until("it is no longer stuck", || server.stuck().is_empty());
    assert_eq!(
        BenchProxy::new(&next).steps().unwrap(),
        1,
        "the laser was not touched"
    );
}

/// The hook of `a` uses `b` as well, which the client of the function has lost.
fn a_device_that_a_function_hangs_in_is_released_before_anybody_uses_it(way: Way) {
    let (laser, shutter) = (Shared::new(Bench::new()), Shared::new(Bench::new()));
    let gate = laser.lock().gate();
    let (inner, other) = (laser.clone(), shutter.clone());
    let hook = move |bench: &mut Bench, _| {
        bench.step();
        other.lock().step();
    };
    let server = way
        .server()
        .device(laser.on_release(hook).name("a").prefix("a_"))
        .device(Device::new(shutter).name("b").prefix("b_"))
        .function("sweep", move || inner.lock().pass())
        .spawn()
        .unwrap();
    {
        let client = way.client(&server).connect().unwrap();
        let hasty = client.timeout(Duration::from_millis(100));
        hasty.call::<()>("sweep", ()).unwrap_err();
    }
    let client = way.client(&server).connect().unwrap();
    until("the client holds the server", || b(&client).steps().is_ok());
    let stuck = server.stuck();
    assert!(stuck.iter().any(|stuck| stuck.device == "a"), "{stuck:?}");
    assert_eq!(b(&client).steps().unwrap(), 0, "the hook has not run");
    gate.open(1);
    let patient = client.timeout(AT_ONCE);
    until("the device comes back", || a(&patient).steps().is_ok());
    // One is the step of the hook.
    assert_eq!(a(&client).steps().unwrap(), 2);
    assert_eq!(b(&client).steps().unwrap(), 1);
}
