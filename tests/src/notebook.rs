//! A device that notes what is done to it, for tests with clients that take it away from each other.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipc_client::{CallError, Client, Lease, Refusal};
use ipc_core::{CallContext, Device, Shared, remote};
use ipc_server::{ServerBuilder, ServerHandle};

/// The device. Clones share their notes.
#[derive(Clone, Default)]
pub struct Notebook {
    notes: Arc<Mutex<Vec<String>>>,
}

#[remote]
impl Notebook {
    /// Notes `what`, and who says so: `sweep: what`.
    pub fn note(&mut self, ctx: &CallContext, what: String) {
        self.write(format!("{}: {what}", name(ctx)));
    }

    /// Notes who calls, and takes `ms` milliseconds.
    pub fn work(&mut self, ctx: &CallContext, ms: u64) {
        self.write(name(ctx).to_string());
        std::thread::sleep(Duration::from_millis(ms));
    }

    /// Number of notes.
    #[remote(get)]
    pub fn count(&self) -> usize {
        self.notes().len()
    }
}

impl Notebook {
    /// Returns all notes, from the first on.
    pub fn notes(&self) -> Vec<String> {
        self.hold().clone()
    }

    /// Keeps everybody from writing notes, and reading them, for as long as the guard lives.
    pub fn hold(&self) -> MutexGuard<'_, Vec<String>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, note: String) {
        self.hold().push(note);
    }

    /// Returns the device `name`, with its name as a prefix. Its release hook notes `name off`.
    pub fn device(&self, name: &'static str) -> Device {
        let noting = self.clone();
        let device = Shared::new(self.clone());
        let device = device.on_release(move |_, why| noting.write(format!("{name} off: {why:?}")));
        device.name(name).prefix(format!("{name}_"))
    }
}

/// Starts a server with these devices, which share their notes.
pub fn serve<const N: usize>(
    server: ServerBuilder,
    devices: [&'static str; N],
) -> (ServerHandle, Notebook) {
    let notebook = Notebook::default();
    let devices = devices.into_iter().map(|name| notebook.device(name));
    let server = devices.fold(server, ServerBuilder::device);
    (server.spawn().expect("a server"), notebook)
}

/// Returns a proxy of the device.
pub fn device(client: &Client, device: &str) -> NotebookProxy<Client> {
    NotebookProxy::with_prefix(client, &format!("{device}_"))
}

/// Uses the device, which then has a note such as `sweep: laser`.
pub fn touch(client: &Client, name: &str) -> Result<(), CallError> {
    device(client, name).note(name.to_string())
}

/// Waits for a lease of the devices.
pub fn lease(client: &Client, devices: &[&str]) -> Lease {
    let lease = client.lease(devices.to_vec()).wait(Duration::from_secs(20));
    lease.acquire().expect("the devices become free")
}

/// Returns why a call was refused.
pub fn refusal<T: std::fmt::Debug>(result: Result<T, CallError>) -> Refusal {
    match result {
        Err(CallError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

/// What the client calls itself, without its address.
fn name(ctx: &CallContext) -> &str {
    let client = ctx.client();
    client.split_once(" at ").map_or(client, |(name, _)| name)
}
