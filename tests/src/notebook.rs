//! A device that notes what is done to it, for tests with clients that take it away from each other.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipc_core::{CallContext, Device, Shared, remote};

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

/// What the client calls itself, without its address.
fn name(ctx: &CallContext) -> &str {
    let client = ctx.client();
    client.split_once(" at ").map_or(client, |(name, _)| name)
}
