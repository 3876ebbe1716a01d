//! Devices that are added and removed while a server runs.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ipc_client::{AsyncClient, CallError};
use ipc_core::{Device, Refusal, RegisterError, Shared, remote};
use ipc_server::{Release, ServerEvent, ServerHandle};
use tests::middle::Middle;
use tests::{Way, both_ways, until};

both_ways!(
    a_device_that_is_added_can_be_called_at_once,
    a_device_that_is_removed_is_released_and_dropped,
    what_does_not_fit_is_refused_and_changes_nothing,
    a_removed_device_whose_driver_hangs_is_dropped_when_it_returns,
    calls_go_on_while_devices_come_and_go,
    a_stop_leaves_only_the_device_that_hangs,
    a_client_that_was_away_learns_that_a_device_was_released,
);

const OVERRUN: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(10);

type Log = Arc<Mutex<Vec<String>>>;

fn log(log: &Log, line: impl Into<String>) {
    log.lock().unwrap().push(line.into());
}

/// Writes down when it is dropped.
pub struct Meter {
    name: &'static str,
    log: Log,
}

#[remote]
impl Meter {
    pub fn read(&self) -> String {
        self.name.into()
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        log(&self.log, format!("{} dropped", self.name));
    }
}

/// Hangs until it is let go on.
pub struct Slow {
    go_on: Receiver<()>,
    log: Log,
}

#[remote]
impl Slow {
    pub fn pass(&mut self) {
        self.go_on.recv().unwrap();
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        log(&self.log, "slow dropped");
    }
}

/// A device whose `pass` returns once for each message.
fn slow(to: &Log) -> (Device, Sender<()>) {
    let (sender, go_on) = channel();
    let log = Arc::clone(to);
    let device = Device::new(Slow { go_on, log });
    (device.name("slow").prefix("slow_").overrun(OVERRUN), sender)
}

fn is_inside(server: &ServerHandle) -> bool {
    let holder = server.holder();
    holder.is_some_and(|holder| holder.running.is_some())
}

fn meter(name: &'static str, to: &Log) -> Device {
    let (driver, hooked) = (
        Meter {
            name,
            log: Arc::clone(to),
        },
        Arc::clone(to),
    );
    let hook = move |meter: &mut Meter, why| log(&hooked, format!("{} {why:?}", meter.name));
    let device = Shared::new(driver).on_release(hook);
    device.name(name).prefix(format!("{name}_"))
}

fn lab(way: Way, to: &Log) -> ServerHandle {
    let told = Arc::clone(to);
    way.server()
        .device(meter("first", to))
        .on_event(move |event| match event {
            ServerEvent::DeviceAdded(device) => log(&told, format!("added {}", device.name)),
            ServerEvent::DeviceRemoved(device) => log(&told, format!("removed {}", device.name)),
            _ => {}
        })
        .spawn()
        .unwrap()
}

fn is_unknown(error: &CallError) -> bool {
    matches!(error, CallError::Refused(Refusal::UnknownMethod { .. }))
}

fn a_device_that_is_added_can_be_called_at_once(way: Way) {
    let log = Log::default();
    let server = lab(way, &log);
    let client = way.client(&server).connect().unwrap();
    let second = MeterProxy::with_prefix(&client, "second_");
    assert!(is_unknown(&second.read().unwrap_err()));

    server.add_device(meter("second", &log)).unwrap();
    assert_eq!(second.read().unwrap(), "second");
    assert_eq!(
        MeterProxy::named(&client, "second")
            .unwrap()
            .read()
            .unwrap(),
        "second"
    );
    let names: Vec<_> = server
        .devices()
        .into_iter()
        .map(|device| device.name)
        .collect();
    assert_eq!(names, ["first", "second"]);
    assert_eq!(server.offers().devices.len(), 2);
    until("the event arrives", || {
        log.lock().unwrap().contains(&"added second".into())
    });
}

fn a_device_that_is_removed_is_released_and_dropped(way: Way) {
    let log = Log::default();
    let server = lab(way, &log);
    let client = way.client(&server).connect().unwrap();
    let first = MeterProxy::with_prefix(&client, "first_");
    assert_eq!(first.read().unwrap(), "first");

    server.remove("first").unwrap();
    let seen = log.lock().unwrap().clone();
    assert_eq!(
        seen.get(..2).unwrap(),
        [
            format!("first {:?}", Release::Removed),
            "first dropped".into()
        ]
    );
    assert!(is_unknown(&first.read().unwrap_err()));
    let error = server.remove("first").unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no device called `first`; there is none"
    );

    // Its names are free again.
    server.add_device(meter("first", &log)).unwrap();
    assert_eq!(first.read().unwrap(), "first");
    until("the event arrives", || {
        log.lock().unwrap().contains(&"removed first".into())
    });
}

fn what_does_not_fit_is_refused_and_changes_nothing(way: Way) {
    let log = Log::default();
    let server = lab(way, &log);
    let error = server.add_device(meter("first", &log)).unwrap_err();
    assert!(
        matches!(error, RegisterError::DeviceNameTaken { .. }),
        "{error}"
    );
    assert_eq!(*log.lock().unwrap(), ["first dropped"]);
    let error = server
        .add_device(meter("second", &log).prefix("first_"))
        .unwrap_err();
    assert!(matches!(error, RegisterError::NameTaken { .. }), "{error}");
    assert_eq!(server.devices().len(), 1);
    let client = way.client(&server).connect().unwrap();
    assert_eq!(
        MeterProxy::with_prefix(&client, "first_").read().unwrap(),
        "first"
    );
}

fn a_removed_device_whose_driver_hangs_is_dropped_when_it_returns(way: Way) {
    let log = Log::default();
    let (slow, gate) = slow(&log);
    let server = lab(way, &log);
    server.add_device(slow).unwrap();
    let client = way.client(&server).connect().unwrap();
    let proxy = SlowProxy::with_prefix(&client, "slow_");
    let hanging = proxy.clone();
    let caller = thread::spawn(move || hanging.pass());
    until("the call is inside", || is_inside(&server));

    let began = Instant::now();
    server.remove("slow").unwrap();
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    assert_eq!(server.devices().len(), 1);
    assert!(!log.lock().unwrap().contains(&"slow dropped".into()));
    // The call that was inside keeps its answer.
    gate.send(()).unwrap();
    caller.join().unwrap().unwrap();
    until("the driver is dropped", || {
        log.lock().unwrap().contains(&"slow dropped".into())
    });
    assert!(is_unknown(&proxy.pass().unwrap_err()));
    assert_eq!(
        MeterProxy::with_prefix(&client, "first_").read().unwrap(),
        "first"
    );
}

fn calls_go_on_while_devices_come_and_go(way: Way) {
    let log = Log::default();
    let server = lab(way, &log);
    let client = way.client(&server).connect().unwrap();
    let first = MeterProxy::with_prefix(&client, "first_");
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..200 {
                server.add_device(meter("second", &log)).unwrap();
                server.remove("second").unwrap();
            }
        });
        for _ in 0..2_000 {
            assert_eq!(first.read().unwrap(), "first");
        }
    });
    let dropped = |line: &&String| *line == "second dropped";
    assert_eq!(log.lock().unwrap().iter().filter(dropped).count(), 200);
}

fn a_stop_leaves_only_the_device_that_hangs(way: Way) {
    let log = Log::default();
    let (slow, gate) = slow(&log);
    let server = way
        .server()
        .device(meter("first", &log))
        .device(slow)
        .stop_timeout(Duration::from_millis(200))
        .spawn()
        .unwrap();
    let client = way.client(&server).connect().unwrap();
    let proxy = SlowProxy::with_prefix(&client, "slow_");
    let caller = thread::spawn(move || proxy.pass());
    until("the call is inside", || is_inside(&server));
    server.stop();
    assert_eq!(log.lock().unwrap().last().unwrap(), "first dropped");
    gate.send(()).unwrap();
    until("the driver is dropped", || {
        log.lock().unwrap().contains(&"slow dropped".into())
    });
    caller.join().unwrap().unwrap_err();
}

/// Only the hooks of other releases were noticed.
fn a_client_that_was_away_learns_that_a_device_was_released(way: Way) {
    let log = Log::default();
    let server = lab(way, &log);
    server.add_device(meter("second", &log)).unwrap();
    let plain = Meter {
        name: "plain",
        log: Arc::clone(&log),
    };
    let plain = Device::new(plain).name("plain").prefix("plain_");
    server.add_device(plain).unwrap();
    let middle = Middle::new(server.local_addr());
    let client = way
        .client_at(&middle.address().to_string())
        .connect()
        .unwrap();
    let first = MeterProxy::with_prefix(&client, "first_");
    for (removed, interruptions) in [("plain", 0), ("second", 1)] {
        assert_eq!(first.read().unwrap(), "first");
        middle.cut();
        server.remove(removed).unwrap();
        assert_eq!(first.read().unwrap(), "first");
        assert_eq!(client.handovers(), interruptions, "{removed}");
    }
    middle.cut();
    assert_eq!(first.read().unwrap(), "first");
    assert_eq!(client.handovers(), 1, "it learns of one interruption");
}

#[tokio::test]
async fn an_async_program_adds_and_removes_devices() {
    let log = Log::default();
    let server = ipc_server::Server::builder().port(0).start().await.unwrap();
    server.add_device(meter("first", &log)).unwrap();
    let client = AsyncClient::connect(server.local_addr().to_string())
        .await
        .unwrap();
    let first = MeterProxy::named_async(&client, "first").await.unwrap();
    assert_eq!(first.read().await.unwrap(), "first");
    server.add_device(meter("first", &log)).unwrap_err();
    server.remove("first").unwrap();
    assert!(is_unknown(&first.read().await.unwrap_err()));
    assert_eq!(log.lock().unwrap().last().unwrap(), "first dropped");
    server.stop_async().await;
}
