//! The release hooks of the devices, when a client no longer holds them.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Instant;

use ipc_core::interface::registry::Released;
use ipc_core::{Release, Stuck};

use crate::hosted::Hosted;
use crate::info::ServerEvent;
use crate::log::{self, About};
use crate::state::ServerState;

/// Runs the release hooks of all devices that have one. Returns true if there is one. Blocks, but not for a hook that hangs:
/// its device is then stuck, and those behind it are released all the same.
pub(super) fn release_all(state: &Arc<ServerState>, hosted: &Arc<Hosted>, why: Release) -> bool {
    let hooked = hosted.registry.with_release_hook();
    let mut left = &hooked[..];
    while !left.is_empty() {
        left = match start(state, hosted, left, why) {
            Ok(ended) => await_hooks(state, hosted, left, &ended),
            Err(error) => {
                log::error(
                    About::server(),
                    format_args!(
                        "no thread for the release hooks, which run without a time limit: {error}"
                    ),
                );
                for index in left {
                    note(hosted, *index, hosted.registry.release_device(*index, why));
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
    hosted: &Arc<Hosted>,
    devices: &[usize],
    why: Release,
) -> io::Result<Receiver<Option<Released>>> {
    let (done, ended) = channel();
    let (state, hosted, devices) = (Arc::clone(state), Arc::clone(hosted), devices.to_vec());
    let run = move || {
        let _runtime = state.runtime.enter();
        let _inside = state.enter();
        for index in devices {
            if done
                .send(hosted.registry.release_device(index, why))
                .is_err()
            {
                return;
            }
        }
        // In this order: when the receiver hears that the thread has ended, it has let go of the drivers.
        drop(hosted);
        drop(done);
    };
    let thread = thread::Builder::new().name("ipc release".into());
    thread.spawn(run).map(|_| ended)
}

/// Waits for the hooks of `devices` that run. Returns those behind one that hangs.
fn await_hooks<'a>(
    state: &Arc<ServerState>,
    hosted: &Hosted,
    devices: &'a [usize],
    ended: &Receiver<Option<Released>>,
) -> &'a [usize] {
    for (at, index) in devices.iter().enumerate() {
        let began = Instant::now();
        match ended.recv_timeout(hosted.registry.device_overrun(*index)) {
            Ok(released) => note(hosted, *index, released),
            Err(RecvTimeoutError::Timeout) => {
                if let Some(stuck) = hosted.registry.mark_hook_stuck(*index, began) {
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

fn note(hosted: &Hosted, index: usize, released: Option<Released>) {
    let device = hosted.registry.description().devices.get(index);
    let name = device.map_or("", |device| &device.name);
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
