//! The release hooks of the devices, when a client no longer holds them.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Instant;

use ipc_core::interface::registry::{Released, ServedDevice};
use ipc_core::{Release, Stuck};

use crate::hosted::Hosted;
use crate::info::ServerEvent;
use crate::log::{self, About};
use crate::state::ServerState;

/// Runs the release hooks of all devices that have one. Returns true if there is one. Blocks, but not for a hook that hangs:
/// its device is then stuck, and those behind it are released all the same.
pub(super) fn release_all(state: &Arc<ServerState>, hosted: &Hosted, why: Release) -> bool {
    let devices = hosted.registry.devices().iter();
    let hooked: Vec<_> = devices
        .filter(|device| device.has_release_hook())
        .cloned()
        .collect();
    let mut left = &hooked[..];
    while !left.is_empty() {
        left = match start(state, left, why) {
            Ok(ended) => await_hooks(state, left, &ended),
            Err(error) => {
                log::error(
                    About::server(),
                    format_args!(
                        "no thread for the release hooks, which run without a time limit: {error}"
                    ),
                );
                for device in left {
                    note(device, device.release(why));
                }
                &[]
            }
        };
    }
    !hooked.is_empty()
}

/// Starts the hooks of `devices`, one after the other, on a thread that is left behind if one of them hangs.
fn start(
    state: &Arc<ServerState>,
    devices: &[Arc<ServedDevice>],
    why: Release,
) -> io::Result<Receiver<Option<Released>>> {
    let (done, ended) = channel();
    let (state, devices) = (Arc::clone(state), devices.to_vec());
    let run = move || {
        let _runtime = state.runtime.enter();
        let _inside = state.enter();
        for device in devices {
            if done.send(device.release(why)).is_err() {
                return;
            }
        }
        // When the receiver hears that the thread has ended, it has let go of the drivers.
        drop(done);
    };
    let thread = thread::Builder::new().name("ipc release".into());
    thread.spawn(run).map(|_| ended)
}

/// Waits for the hooks of `devices` that run. Returns those behind one that hangs.
fn await_hooks<'a>(
    state: &Arc<ServerState>,
    devices: &'a [Arc<ServedDevice>],
    ended: &Receiver<Option<Released>>,
) -> &'a [Arc<ServedDevice>] {
    for (at, device) in devices.iter().enumerate() {
        let began = Instant::now();
        match ended.recv_timeout(device.overrun()) {
            Ok(released) => note(device, released),
            Err(RecvTimeoutError::Timeout) => {
                if let Some(stuck) = device.mark_hook_stuck(began) {
                    state.note_stuck(&stuck);
                }
                return devices.get(at + 1..).unwrap_or_default();
            }
            // It panicked outside of the hooks, which has been printed.
            Err(RecvTimeoutError::Disconnected) => return &[],
        }
    }
    // A stop that goes on from here finds the drivers let go of.
    let _ = ended.recv();
    &[]
}

fn note(device: &ServedDevice, released: Option<Released>) {
    let name = device.name();
    match released {
        Some(Released::Panicked(message)) => log::error(
            About::server(),
            format_args!("the release hook of `{name}` panicked: {message}"),
        ),
        Some(Released::Owed) => log::warn(
            About::server(),
            format_args!("`{name}` hangs; its release hook runs when the call returns"),
        ),
        _ => {}
    }
}

impl ServerState {
    /// Makes known that a device is stuck.
    pub(super) fn note_stuck(self: &Arc<Self>, stuck: &Stuck) {
        let Stuck {
            device, method, by, ..
        } = stuck;
        log::error(
            About::client(by),
            format_args!(
                "`{device}` is stuck: `{method}` does not return; calls to it are refused until it does"
            ),
        );
        self.tell(ServerEvent::Stuck(stuck.clone()));
    }

    /// Makes known that a device that was stuck can be used again.
    pub(super) fn note_recovered(self: &Arc<Self>, device: &str) {
        log::info(
            About::server(),
            format_args!("`{device}` is no longer stuck: the call has returned"),
        );
        self.tell(ServerEvent::Recovered {
            device: device.to_string(),
        });
    }
}
