//! What hangs while devices are removed, released, or used by a call that was given up.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use ipc_client::{CallError, Client};
use ipc_core::{Device, Release, Shared, remote};
use ipc_server::{ServerEvent, ServerHandle};
use tests::{Way, both_ways, until};

both_ways!(
    a_device_that_is_removed_while_it_hangs_holds_nobody_up,
    a_hook_that_hangs_keeps_no_other_driver,
    a_hook_that_hangs_leaves_time_for_the_others_in_a_stop,
    a_call_that_is_left_behind_enters_no_other_device,
    a_driver_on_a_thread_can_stop_its_server,
    a_device_that_removes_itself_waits_for_nobody,
    each_device_of_a_driver_that_hangs_is_released,
    many_devices_may_hang_at_once,
    many_devices_may_hang_before_any_of_them_is_stuck,
);

const OVERRUN: Duration = Duration::from_millis(300);
const HASTY: Duration = Duration::from_millis(500);
/// Much less than something that hangs takes, much more than a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

type Log = Arc<Mutex<Vec<String>>>;

fn has(log: &Log, line: &str) -> bool {
    log.lock().unwrap().iter().any(|seen| seen == line)
}

/// Writes down when it is dropped.
pub struct Valve {
    name: &'static str,
    go_on: Receiver<()>,
    log: Log,
}

#[remote]
impl Valve {
    /// Hangs until it is let go on.
    pub fn turn(&mut self) {
        // The test may be over.
        let _ = self.go_on.recv();
    }

    /// The valve's own name.
    pub fn name(&self) -> String {
        self.name.into()
    }
}

impl Drop for Valve {
    fn drop(&mut self) {
        self.log
            .lock()
            .unwrap()
            .push(format!("{} dropped", self.name));
    }
}

/// A driver whose `turn` returns once for each message.
fn valve(name: &'static str, log: &Log) -> (Shared<Valve>, Sender<()>) {
    let (sender, go_on) = channel();
    let log = Arc::clone(log);
    (Shared::new(Valve { name, go_on, log }), sender)
}

fn named(device: impl Into<Device>, name: &str) -> Device {
    device.into().name(name).prefix(format!("{name}_"))
}

/// A device that writes down when it is released.
fn hooked(name: &'static str, log: &Log) -> Device {
    let hooked = Arc::clone(log);
    let hook = move |_: &mut Valve, why: Release| {
        hooked.lock().unwrap().push(format!("{name} {why:?}"));
    };
    named(valve(name, log).0.on_release(hook), name)
}

fn write_down(log: &Log) -> impl Fn(&ServerEvent) + Send + Sync + 'static {
    let log = Arc::clone(log);
    move |event| {
        let line = match event {
            ServerEvent::Stuck(stuck) => format!("stuck {}", stuck.device),
            ServerEvent::Recovered { device } => format!("recovered {device}"),
            _ => return,
        };
        log.lock().unwrap().push(line);
    }
}

fn of(client: &Client, prefix: &str) -> ValveProxy<Client> {
    ValveProxy::with_prefix(client, prefix)
}

/// Nobody found out that it hung, and no other client ever got the server.
fn a_device_that_is_removed_while_it_hangs_holds_nobody_up(way: Way) {
    let log = Log::default();
    let (slow, _gate) = valve("slow", &log);
    let server = way
        .server()
        .device(named(slow, "slow").overrun(OVERRUN))
        .device(hooked("fast", &log))
        .on_event(write_down(&log))
        .spawn()
        .unwrap();
    let client = way.client(&server).connect().unwrap();
    let hasty = client.timeout(HASTY);
    let call = thread::spawn(move || of(&hasty, "slow_").turn());
    until("the call is inside", || {
        let holder = server.holder();
        holder.is_some_and(|holder| holder.running.is_some())
    });
    server.remove("slow").unwrap();
    call.join().unwrap().unwrap_err();
    client.close();

    let next = way.client(&server).connect_timeout(PATIENCE);
    let next = next.connect().unwrap();
    assert_eq!(of(&next, "fast_").name().unwrap(), "fast");
    until("it is named", || has(&log, "stuck slow"));
    assert!(!has(&log, "slow dropped"), "it is in use");
}

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
    gate.send(()).unwrap();
    until("it has ended", || has(&log, "recovered sweep"));
    let other = of(&client.timeout(PATIENCE), "other_");
    assert_eq!(other.name().unwrap(), "other");
}

/// Stops its server.
pub struct Switch(Arc<Mutex<Option<ServerHandle>>>);

#[remote]
impl Switch {
    /// Stops the server, and returns.
    pub fn off(&mut self) {
        let server = self.0.lock().unwrap().take();
        server.unwrap().stop();
    }
}

/// The stop waited for the call that it was in.
fn a_driver_on_a_thread_can_stop_its_server(way: Way) {
    let handle: Arc<Mutex<Option<ServerHandle>>> = Arc::default();
    let inner = Arc::clone(&handle);
    let switch = Device::on_thread(move || Ok::<_, io::Error>(Switch(inner))).unwrap();
    let server = way.server().device(switch).spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    *handle.lock().unwrap() = Some(server);
    SwitchProxy::new(&client).off().unwrap();
}

/// Removes itself.
pub struct Fuse(Arc<OnceLock<ServerHandle>>);

#[remote]
impl Fuse {
    /// Removes the device with this name.
    pub fn blow(&mut self, name: String) -> bool {
        self.0.get().unwrap().remove(&name).is_ok()
    }
}

/// It waited for the call that it was in, for its overrun.
fn a_device_that_removes_itself_waits_for_nobody(way: Way) {
    let server: Arc<OnceLock<ServerHandle>> = Arc::default();
    let fuse = || Fuse(Arc::clone(&server));
    let on_thread = fuse();
    let on_thread = Device::on_thread(move || Ok::<_, io::Error>(on_thread)).unwrap();
    let hooked = Shared::new(fuse()).on_release(|fuse, why| {
        if why != Release::Removed {
            fuse.blow("hooked".into());
        }
    });
    let devices = [
        named(fuse(), "plain"),
        named(on_thread, "thread"),
        named(hooked, "hooked"),
    ];
    let mut builder = way.server();
    for device in devices {
        builder = builder.device(device.overrun(Duration::from_secs(3600)));
    }
    let started = builder.spawn().unwrap();
    let client = way.client(&started).connect().unwrap();
    server.set(started).unwrap();
    for name in ["plain", "thread"] {
        let fuse = FuseProxy::with_prefix(&client.timeout(PATIENCE), &format!("{name}_"));
        assert!(fuse.blow(name.into()).unwrap());
    }
    client.close();
    let server = server.get().unwrap();
    way.client(server)
        .connect_timeout(PATIENCE)
        .connect()
        .unwrap();
    assert_eq!(server.devices(), []);
}

/// The hook of the second took the place of that of the first.
fn each_device_of_a_driver_that_hangs_is_released(way: Way) {
    let log = Log::default();
    let (driver, gate) = valve("valve", &log);
    let hooked = |name: &'static str| {
        let log = Arc::clone(&log);
        let hook = move |_: &mut Valve, _| log.lock().unwrap().push(format!("hook of {name}"));
        named(driver.clone().on_release(hook), name).overrun(OVERRUN)
    };
    let server = way
        .server()
        .device(hooked("a"))
        .device(hooked("b"))
        .spawn()
        .unwrap();
    let client = way.client(&server).connect().unwrap();
    of(&client.timeout(HASTY), "a_").turn().unwrap_err();
    client.close();
    let next = way.client(&server).connect_timeout(PATIENCE);
    let next = next.connect().unwrap();
    gate.send(()).unwrap();
    until("it comes back", || of(&next, "b_").name().is_ok());
    assert!(has(&log, "hook of a") && has(&log, "hook of b"));
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

/// Takes a moment to close.
pub struct Port(Log);

#[remote]
impl Port {
    /// Does nothing.
    pub fn write(&mut self) {}
}

impl Drop for Port {
    fn drop(&mut self) {
        thread::sleep(Duration::from_millis(2));
        self.0.lock().unwrap().push("closed".into());
    }
}

/// A thread that had just left the driver dropped it, when `remove` had returned already.
#[test]
fn a_removed_driver_has_been_dropped() {
    let server = Way::Plain.server().spawn().unwrap();
    let client = Way::Plain.client(&server).connect().unwrap();
    let stops = ipc_client::CancellationToken::new();
    thread::scope(|scope| {
        for _ in 0..2 {
            let port = PortProxy::new(&client);
            let stops = stops.clone();
            scope.spawn(move || {
                while !stops.is_cancelled() {
                    // It is there only now and then.
                    let _ = port.write();
                }
            });
        }
        for _ in 0..500 {
            let log = Log::default();
            let port = Port(Arc::clone(&log));
            server.add_device(Device::new(port).name("port")).unwrap();
            server.remove("port").unwrap();
            let is_closed = has(&log, "closed");
            if !is_closed {
                stops.cancel();
            }
            assert!(is_closed);
        }
        stops.cancel();
    });
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
