//! Devices that are removed while they are in use, and drivers that remove themselves or stop their server.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::io;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use ipc_core::{Device, Release, Shared, remote};
use ipc_server::ServerHandle;
use tests::valve::{HASTY, Log, OVERRUN, PATIENCE, has, hooked, named, of, valve, write_down};
use tests::{Way, both_ways, until};

both_ways!(
    a_device_that_is_removed_while_it_hangs_holds_nobody_up,
    a_driver_on_a_thread_can_stop_its_server,
    a_device_that_removes_itself_waits_for_nobody,
);

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
