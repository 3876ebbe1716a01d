//! User code: drivers, closures and callbacks are dropped by the time the server has stopped and never in async code,
//! and their panics do not affect the server.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use ipc_client::{CallError, FaultKind, Retry};
use ipc_core::{Device, Release, Shared, remote};
use ipc_server::{ServerHandle, StartError};
use tests::{Bench, BenchProxy, Way, both_ways, log, until, way};

both_ways!(
    whatever_stops_a_server_drops_its_drivers_first,
    a_device_can_be_opened_again_after_each_stop,
    a_stop_that_leaves_one_driver_behind_drops_all_others,
    a_driver_that_owns_a_runtime_ends_well,
    a_callback_that_panics_keeps_nobody_out,
    what_panics_when_it_is_dropped_still_gets_an_answer,
    a_driver_that_looks_ends_its_call_in_time_for_its_hook,
    a_call_that_stops_its_server_is_answered,
    a_callback_can_stop_its_server,
);

/// Counts its instances, like a serial port that can be opened only once.
pub struct Port(Arc<AtomicUsize>);

impl Port {
    fn open(ports: &Arc<AtomicUsize>) -> Self {
        let open = ports.fetch_add(1, Ordering::SeqCst);
        assert_eq!(open, 0, "the port is in use");
        Self(Arc::clone(ports))
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[remote]
impl Port {
    pub fn volts(&mut self) -> f64 {
        1.5
    }
}

/// Number of attempts at a race.
fn rounds(few: usize) -> usize {
    let asked = std::env::var("ROUNDS").ok();
    asked.map_or(few, |rounds| rounds.parse().unwrap())
}

/// A server with every kind of user value; `held` counts those that have not been dropped.
fn hosting(way: Way, held: &Arc<AtomicUsize>) -> ipc_server::ServerBuilder {
    let count = |held: &Arc<AtomicUsize>| {
        held.fetch_add(1, Ordering::SeqCst);
        Held(Arc::clone(held))
    };
    let (hook, closure, callback) = (count(held), count(held), count(held));
    let bench = Shared::new(Holding(Bench::new(), count(held)));
    way.server()
        .device(bench.on_release(move |_, _| hook.touch()))
        .function("touch", move || closure.touch())
        .on_event(move |_| callback.touch())
}

struct Held(Arc<AtomicUsize>);

impl Held {
    fn touch(&self) {
        assert!(self.0.load(Ordering::SeqCst) > 0);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Long enough for a stop that does not wait to return first.
        thread::yield_now();
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

pub struct Holding(Bench, Held);

#[remote]
impl Holding {
    pub fn step(&mut self) -> u64 {
        self.1.touch();
        self.0.step()
    }
}

/// Regression test: in a third of all stops, a driver whose `Drop` switches its laser off was still alive when `stop`
/// returned.
fn whatever_stops_a_server_drops_its_drivers_first(way: Way) {
    let held = Arc::new(AtomicUsize::new(0));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stops: [(&str, &dyn Fn(ServerHandle)); 3] = [
        ("stop", &|server| server.stop()),
        ("drop", &|server| drop(server)),
        ("stop_async", &|server| {
            runtime.block_on(server.stop_async())
        }),
    ];
    for round in 0..rounds(40) {
        for (name, stop) in stops {
            let server = hosting(way, &held).spawn().unwrap();
            let client = way.client(&server).retry(Retry::never()).connect().unwrap();
            assert_eq!(HoldingProxy::new(&client).step().unwrap(), 1);
            assert_eq!(held.load(Ordering::SeqCst), 4);
            stop(server);
            assert_eq!(held.load(Ordering::SeqCst), 0, "{name}, round {round}");
        }
    }
}

fn a_device_can_be_opened_again_after_each_stop(way: Way) {
    let ports = Arc::new(AtomicUsize::new(0));
    for _ in 0..rounds(100) {
        let server = way.server().device(Port::open(&ports)).spawn().unwrap();
        let client = way.client(&server).retry(Retry::never()).connect().unwrap();
        assert_eq!(PortProxy::new(&client).volts().unwrap(), 1.5);
        server.stop();
    }
}

fn a_stop_that_leaves_one_driver_behind_drops_all_others(way: Way) {
    let held = Arc::new(AtomicUsize::new(0));
    let bench = Bench::new();
    let gate = bench.gate();
    let server = hosting(way, &held)
        .stop_timeout(Duration::from_millis(50))
        .device(Device::new(bench).prefix("slow_"));
    let server = server.spawn().unwrap();
    let client = way.client(&server).retry(Retry::never()).connect().unwrap();
    let call = thread::spawn(move || BenchProxy::with_prefix(&client, "slow_").pass());
    gate.wait_for_call();
    server.stop();
    assert_eq!(held.load(Ordering::SeqCst), 0, "the call uses none of them");
    gate.open(1);
    assert!(call.join().unwrap().is_err());
}

/// A wrapper around an async library.
pub struct Bridge(tokio::runtime::Runtime);

impl Bridge {
    fn open() -> Self {
        Self(tokio::runtime::Runtime::new().unwrap())
    }
}

#[remote]
impl Bridge {
    pub fn read(&mut self) -> u32 {
        self.0.block_on(async { 7 })
    }

    /// Makes a runtime and drops it.
    pub fn fetch(&mut self) -> u32 {
        tokio::runtime::Runtime::new()
            .unwrap()
            .block_on(async { 8 })
    }
}

/// Dropping such a driver in async code is a panic, at the end of `stop_async` as well as instead of a `StartError`.
fn a_driver_that_owns_a_runtime_ends_well(way: Way) {
    way::run(async {
        let bridge = Shared::new(Bridge::open());
        let server = way.server().device(bridge).start().await.unwrap();
        let address = server.local_addr().to_string();
        let read = tokio::task::spawn_blocking(move || {
            let client = way.client_at(&address).connect().unwrap();
            let bridge = BridgeProxy::new(&client);
            (bridge.read().unwrap(), bridge.fetch().unwrap())
        });
        assert_eq!(read.await.unwrap(), (7, 8));
        server.stop_async().await;

        let server = way.server().device(Bridge::open()).start().await.unwrap();
        drop(server);

        // From the address block for documentation, which no computer has.
        let elsewhere = way.server().bind("192.0.2.7").device(Bridge::open());
        let error = elsewhere.start().await.map(drop).unwrap_err();
        assert!(matches!(error, StartError::Bind { .. }), "{error}");

        let twice = way.server().device(Bridge::open()).device(Bridge::open());
        let error = twice.start().await.map(drop).unwrap_err();
        assert!(matches!(error, StartError::Register(_)), "{error}");

        // Never started at all.
        drop(way.server().device(Bridge::open()));
    });
}

fn a_callback_that_panics_keeps_nobody_out(way: Way) {
    log::capture();
    let server = way
        .server()
        .device(Bench::new())
        .on_event(|_| panic!("the display is full"))
        .spawn()
        .unwrap();
    for n in 1..=3 {
        let client = way.client(&server).connect().unwrap();
        assert_eq!(BenchProxy::new(&client).step().unwrap(), n);
        client.close();
    }
    log::expect(&["on_event", "the display is full"]);
    server.stop();
}

/// Panics when it is dropped at the driver's end of the connection.
#[remote]
#[derive(Clone, Debug, PartialEq)]
pub struct Fragile {
    pub armed: bool,
}

impl Drop for Fragile {
    fn drop(&mut self) {
        if self.armed {
            panic!("broken by being dropped");
        }
    }
}

pub struct Shelf {
    breaks: bool,
}

#[remote]
impl Shelf {
    pub fn take(&mut self, fragile: Fragile) -> bool {
        fragile.armed
    }

    pub fn panic_with_a_bomb(&mut self) -> u32 {
        std::panic::panic_any(Fragile { armed: true })
    }

    pub fn still_there(&mut self) -> bool {
        true
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        if self.breaks {
            panic!("the shelf came down");
        }
    }
}

fn what_panics_when_it_is_dropped_still_gets_an_answer(way: Way) {
    log::capture();
    let hook = Fragile { armed: true };
    let shelf = Shared::new(Shelf { breaks: true }).on_release(move |_, _| {
        let whole = &hook;
        assert!(whole.armed);
    });
    let other = Device::new(Shelf { breaks: true }).prefix("other_");
    let server = way.server().device(shelf).device(other).spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    let shelf = ShelfProxy::new(&client);
    let sent: Result<bool, _> = client.call("take", ([("armed", true)],));
    assert!(sent.is_err(), "a list is no struct");
    let named = std::collections::BTreeMap::from([("armed", true)]);
    for result in [
        client.call::<bool>("take", (named,)).map(u32::from),
        shelf.panic_with_a_bomb(),
    ] {
        let error = result.unwrap_err();
        let fault = error.fault().unwrap_or_else(|| panic!("{error}"));
        assert_eq!(fault.kind, FaultKind::Panic, "{error}");
    }
    assert!(shelf.still_there().unwrap());
    server.stop();
    log::expect(&["dropped", "the shelf came down"]);
    log::expect(&["dropped", "broken by being dropped"]);
}

/// Regression test: the laser stayed on if a long call ran during a stop, although the driver would have ended the
/// call.
fn a_driver_that_looks_ends_its_call_in_time_for_its_hook(way: Way) {
    let released = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&released);
    let bench = Bench::new();
    let entered = bench.entered();
    let bench = Shared::new(bench).on_release(move |_, why| note.lock().unwrap().push(why));
    let server = way.server().stop_timeout(Duration::from_secs(4));
    let server = server.device(bench).spawn().unwrap();
    let client = way.client(&server).retry(Retry::never()).connect().unwrap();
    let caller = client.clone();
    let call = thread::spawn(move || BenchProxy::new(&caller).scan(60_000));
    until("it scans", || entered.load(Ordering::SeqCst) == 1);
    server.stop();
    assert_eq!(*released.lock().unwrap(), [Release::Stopping]);
    assert!(call.join().unwrap().unwrap() > 0, "it is answered");
}

/// Stops its own server.
pub struct Switch(Arc<OnceLock<Mutex<Option<ServerHandle>>>>);

#[remote]
impl Switch {
    pub fn off(&mut self) -> u32 {
        let server = self.0.get().unwrap().lock().unwrap().take();
        server.unwrap().stop();
        42
    }

    pub async fn off_softly(&mut self) -> u32 {
        let server = self.0.get().unwrap().lock().unwrap().take();
        server.unwrap().stop_async().await;
        43
    }
}

/// Regression test: a stop inside a call waited for that call until the stop timeout, and the result was lost.
fn a_call_that_stops_its_server_is_answered(way: Way) {
    for softly in [false, true] {
        let handle = Arc::new(OnceLock::new());
        let released = Arc::new(AtomicBool::new(false));
        let note = Arc::clone(&released);
        let switch = Shared::new(Switch(Arc::clone(&handle)))
            .on_release(move |_, why| note.store(why == Release::Stopping, Ordering::SeqCst));
        let server = way.server().device(switch).spawn().unwrap();
        let client = way.client(&server).retry(Retry::never()).connect().unwrap();
        assert!(handle.set(Mutex::new(Some(server))).is_ok());
        let start = Instant::now();
        let answer = match softly {
            false => SwitchProxy::new(&client).off(),
            true => SwitchProxy::new(&client).off_softly(),
        };
        assert_eq!(answer.unwrap(), if softly { 43 } else { 42 });
        assert!(start.elapsed() < Duration::from_secs(4), "it did not wait");
        until("it is released", || released.load(Ordering::SeqCst));
        until("the driver is dropped", || Arc::strong_count(&handle) == 1);
        let error = SwitchProxy::new(&client).off().unwrap_err();
        assert!(matches!(error, CallError::NotSent { .. }), "{error}");
    }
}

fn a_callback_can_stop_its_server(way: Way) {
    let handle: Arc<OnceLock<Mutex<Option<ServerHandle>>>> = Arc::default();
    let stopped = Arc::new(Mutex::new(None));
    let (at_hand, took) = (Arc::clone(&handle), Arc::clone(&stopped));
    let server = way.server().device(Bench::new()).on_event(move |_| {
        let server = at_hand.get().and_then(|slot| slot.lock().unwrap().take());
        if let Some(server) = server {
            let start = Instant::now();
            server.stop();
            *took.lock().unwrap() = Some(start.elapsed());
        }
    });
    let server = server.spawn().unwrap();
    let client = way.client(&server).retry(Retry::never()).connect_lazy();
    assert!(handle.set(Mutex::new(Some(server))).is_ok());
    // It may come before the server has stopped, or not.
    let _ = BenchProxy::new(&client).step();
    until("it has stopped", || stopped.lock().unwrap().is_some());
    let took = stopped.lock().unwrap().unwrap();
    assert!(
        took < Duration::from_secs(4),
        "{took:?}: it waited for itself"
    );
}
