//! The release hooks of the devices, when a client no longer holds them.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Instant;

use ipc_core::Release;
use ipc_core::interface::registry::Released;

use crate::hosted::Hosted;
use crate::info::ServerEvent;
use crate::log::{self, About};
use crate::state::ServerState;

/// Puts all devices into their safe state. Returns true if there was a hook. Blocks, but not for a hook that hangs: its
/// device is then stuck, and those behind it are released all the same.
pub(super) fn release_all(state: &Arc<ServerState>, hosted: &Arc<Hosted>, why: Release) -> bool {
    let devices = hosted.registry.description().devices.len();
    let (mut next, mut any) = (0, false);
    while next < devices {
        let (done, ended) = channel();
        let run = {
            let (state, hosted) = (Arc::clone(state), Arc::clone(hosted));
            move || {
                let _runtime = state.runtime.enter();
                let _inside = state.enter();
                for index in next..devices {
                    let released = hosted.registry.release_device(index, why);
                    if done.send(released).is_err() {
                        return;
                    }
                }
                drop(hosted);
                drop(done);
            }
        };
        let thread = thread::Builder::new().name("ipc release".into());
        if let Err(error) = thread.spawn(run) {
            log::error(
                About::server(),
                format_args!(
                    "no thread for the release hooks, which run without a time limit: {error}"
                ),
            );
            for index in next..devices {
                any |= note(hosted, index, hosted.registry.release_device(index, why));
            }
            return any;
        }
        let mut hangs = false;
        while next < devices && !hangs {
            let began = Instant::now();
            match ended.recv_timeout(hosted.registry.device_overrun(next)) {
                Ok(released) => any |= note(hosted, next, released),
                Err(RecvTimeoutError::Timeout) => {
                    any = true;
                    let stuck = hosted.registry.mark_hook_stuck(next, began);
                    stuck.iter().for_each(|stuck| state.note_stuck(stuck));
                    hangs = true;
                }
                // It panicked outside of the hooks, which has been printed.
                Err(RecvTimeoutError::Disconnected) => return any,
            }
            next += 1;
        }
        if !hangs {
            // Once the caller goes on, a stop may return: the thread must have let go of the drivers by then.
            drop(ended.recv());
        }
    }
    any
}

/// Returns true if the device has a hook.
fn note(hosted: &Hosted, index: usize, released: Option<Released>) -> bool {
    let Some(released) = released else {
        return false;
    };
    let device = hosted.registry.description().devices.get(index);
    let name = device.map_or("", |device| &device.name);
    match released {
        Released::Panicked(message) => log::error(
            About::server(),
            format_args!("the release hook of `{name}` panicked: {message}"),
        ),
        Released::Owed => log::warn(
            About::server(),
            format_args!("`{name}` hangs; its release hook runs when the call returns"),
        ),
        _ => {}
    }
    true
}

impl ServerState {
    /// Makes known that a device is stuck.
    pub(super) fn note_stuck(self: &Arc<Self>, stuck: &ipc_core::Stuck) {
        let ipc_core::Stuck {
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
