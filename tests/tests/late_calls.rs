//! Calls that outlive the stay of their client, and calls that begin late.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ipc_client::Client;
use ipc_core::{Device, Release, remote};
use ipc_server::ServerEvent;
use tests::middle::{Middle, Towards};
use tests::valve::{self, HASTY, OVERRUN, PATIENCE};
use tests::{Bench, BenchProxy, Gate, Way, both_ways, until};

both_ways!(
    a_call_that_returns_late_does_not_serve_the_client_that_came_back,
    a_call_that_hangs_behind_a_slow_answer_holds_nobody_up,
);

fn named(device: impl Into<Device>, name: &str) -> Device {
    valve::named(device, name).overrun(OVERRUN)
}

fn of(client: &Client, name: &str) -> BenchProxy<Client> {
    BenchProxy::with_prefix(client, &format!("{name}_"))
}

/// Its thread took the connection of the client that had come back, and served it for the client that had gone. Nobody
/// could disconnect the one that had come back.
fn a_call_that_returns_late_does_not_serve_the_client_that_came_back(way: Way) {
    let bench = Bench::new();
    let gate = bench.gate();
    let released: Arc<Mutex<Vec<(u64, Release)>>> = Arc::default();
    let told = Arc::clone(&released);
    let server = way
        .server()
        .grace(Duration::ZERO)
        .device(named(bench, "slow"))
        .device(named(Bench::new(), "meter"))
        .device(Key(gate))
        .on_event(move |event| {
            if let ServerEvent::Released { client, why } = event {
                told.lock().unwrap().push((*client, *why));
            }
        })
        .spawn()
        .unwrap();
    let middle = Middle::new(server.local_addr());
    let client = way.client_at(&middle.address().to_string());
    let client = client.connect().unwrap();
    of(&client.timeout(HASTY), "slow").pass().unwrap_err();
    until("it is stuck", || !server.stuck().is_empty());
    let first = server.holder().unwrap().id;
    middle.cut();
    until("the client is back", || {
        of(&client, "meter").steps().unwrap();
        server.holder().is_some_and(|holder| holder.id != first)
    });
    let second = server.holder().unwrap().id;
    KeyProxy::new(&client).turn().unwrap();
    until("the call has returned", || server.stuck().is_empty());
    assert!(server.disconnect(second, "the test is over"));
    until("it has left", || released.lock().unwrap().len() > 1);
    let expected = [(first, Release::Lost), (second, Release::HandedOver)];
    assert_eq!(*released.lock().unwrap(), expected);
}

/// Lets a call that hangs go on while its own call runs.
pub struct Key(Gate);

#[remote]
impl Key {
    pub fn turn(&mut self) {
        self.0.open(1);
        // The thread of the other call comes back before that of this call, and before the tick looks a second time.
        thread::sleep(Duration::from_millis(5));
    }
}

/// Returns much, as soon as it may.
pub struct Spectrometer(Gate);

#[remote]
impl Spectrometer {
    pub fn spectrum(&mut self) -> Vec<f64> {
        self.0.pass();
        vec![0.0; 1_800_000]
    }
}

/// The server did not look at it, so that its client kept the place for ever.
fn a_call_that_hangs_behind_a_slow_answer_holds_nobody_up(way: Way) {
    let (spectrometer, slow) = (Gate::default(), Bench::new());
    let entered = slow.entered();
    let server = way
        .server()
        .device(Spectrometer(spectrometer.clone()))
        .device(named(slow, "slow"))
        .device(named(Bench::new(), "meter"))
        .spawn()
        .unwrap();
    let jam: Arc<Mutex<()>> = Arc::default();
    let jammed = Arc::clone(&jam);
    let middle = Middle::with_edit(server.local_addr(), move |towards, _, _| {
        if towards == Towards::Client {
            drop(jammed.lock().unwrap());
        }
    });
    let client = way.client_at(&middle.address().to_string());
    let client = client.connect().unwrap();
    let received = || server.holder().map_or(0, |holder| holder.bytes_received);
    let much = SpectrometerProxy::new(&client);
    let much = thread::spawn(move || much.spectrum().map(|values| values.len()));
    spectrometer.wait_for_call();
    let before = received();
    let slow = of(&client, "slow");
    thread::spawn(move || slow.pass());
    until("another thread reads", || received() > before);
    let jammed = jam.lock().unwrap();
    spectrometer.open(1);
    until("an answer is being written", || {
        server.holder().unwrap().running.is_none()
    });
    // Meanwhile nothing runs, and the server no longer watches.
    thread::sleep(Duration::from_millis(2500));
    assert_eq!(entered.load(Ordering::SeqCst), 0, "the answer is not slow");
    drop(jammed);
    let is_inside = || entered.load(Ordering::SeqCst) == 1;
    until("the second call is inside", is_inside);
    assert_eq!(much.join().unwrap().unwrap(), 1_800_000);
    middle.close();
    let next = way.client(&server).connect_timeout(PATIENCE);
    let next = next.connect().unwrap();
    assert_eq!(of(&next, "meter").step().unwrap(), 1);
}
