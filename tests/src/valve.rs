//! A driver that a test lets hang, and a log of what becomes of it.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ipc_client::Client;
use ipc_core::{Device, Release, Shared, remote};
use ipc_server::ServerEvent;

/// The overrun of the devices, so that a call that hangs counts as stuck soon.
pub const OVERRUN: Duration = Duration::from_millis(300);
/// The timeout of a caller that gives a hanging call up.
pub const HASTY: Duration = Duration::from_millis(500);
/// Much less than something that hangs takes, much more than a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Lines that a test reads, in the order in which they were written.
pub type Log = Arc<Mutex<Vec<String>>>;

/// Returns true if `line` was written down.
pub fn has(log: &Log, line: &str) -> bool {
    log.lock().unwrap().iter().any(|seen| seen == line)
}

/// A driver with a method that hangs, which notes in a log when it is dropped.
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

/// Returns a driver whose `turn` returns once for each message.
pub fn valve(name: &'static str, log: &Log) -> (Shared<Valve>, Sender<()>) {
    let (sender, go_on) = channel();
    let log = Arc::clone(log);
    (Shared::new(Valve { name, go_on, log }), sender)
}

/// Returns the device with this name and a prefix like it.
pub fn named(device: impl Into<Device>, name: &str) -> Device {
    device.into().name(name).prefix(format!("{name}_"))
}

/// Returns a device that writes down when it is released.
pub fn hooked(name: &'static str, log: &Log) -> Device {
    let hooked = Arc::clone(log);
    let hook = move |_: &mut Valve, why: Release| {
        hooked.lock().unwrap().push(format!("{name} {why:?}"));
    };
    named(valve(name, log).0.on_release(hook), name)
}

/// Returns a callback for events that writes down which devices are stuck, and which have recovered: in two words, and as
/// the event says it.
pub fn write_down(log: &Log) -> impl Fn(&ServerEvent) + Send + Sync + 'static {
    let log = Arc::clone(log);
    move |event| {
        let line = match event {
            ServerEvent::Stuck(stuck) => format!("stuck {}", stuck.device),
            ServerEvent::Recovered { device } => format!("recovered {device}"),
            _ => return,
        };
        log.lock().unwrap().extend([line, event.to_string()]);
    }
}

/// Returns a proxy for the device with this prefix.
pub fn of(client: &Client, prefix: &str) -> ValveProxy<Client> {
    ValveProxy::with_prefix(client, prefix)
}
