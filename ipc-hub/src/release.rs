//! Runs the release hooks of devices that a client no longer holds, or that are removed.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Instant;

use ipc_core::Release;
use ipc_core::contain::contain_logged;
use ipc_core::interface::registry::{Released, ServedDevice};

use crate::hub::Hub;
use crate::log::{self, About};

impl Hub {
    /// Runs the release hooks of `devices`, one after the other. Blocks, but not for a hook that hangs: its device is
    /// then stuck, and the remaining hooks run nevertheless.
    pub(crate) fn release(self: &Arc<Self>, devices: &[Arc<ServedDevice>], why: Release) {
        let mut left = devices;
        while !left.is_empty() {
            left = match self.start_release(left, why) {
                Ok(ended) => self.await_hooks(left, &ended),
                Err(error) => {
                    log::error(
                        About::server(),
                        format_args!(
                            "no thread for the release hooks, which run without a time limit: {error}"
                        ),
                    );
                    for device in left {
                        report(device, device.release(why));
                    }
                    &[]
                }
            };
        }
    }

    /// Runs the release hook of a removed device and drops the device, on a thread that is left behind if a call inside
    /// the driver, or the hook, does not return in time. Blocks for at most the device's overrun.
    pub(crate) fn release_removed(self: &Arc<Self>, device: Arc<ServedDevice>) {
        let (done, ended) = channel::<()>();
        let (hub, patience) = (Arc::clone(self), device.overrun());
        let work = self.begin_work();
        let run = move || {
            let _runtime = hub.runtime().enter();
            let _inside = hub.enter();
            match device.has_release_hook() {
                true => report(&device, device.release(Release::Removed)),
                false => device.wait_until_free(),
            }
            contain_logged("a driver, while it was dropped,", || drop(device));
            drop((done, work));
        };
        let thread = thread::Builder::new().name("ipc release".into());
        match thread.spawn(run) {
            // Nothing is sent: the channel closes when the thread is done.
            Ok(_) => drop(ended.recv_timeout(patience)),
            Err(error) => log::error(
                About::server(),
                format_args!("no thread to release a device that was removed: {error}"),
            ),
        }
    }

    /// Starts a thread that runs the hooks of `devices` one after the other. It is left behind if one of them hangs.
    fn start_release(
        self: &Arc<Self>,
        devices: &[Arc<ServedDevice>],
        why: Release,
    ) -> io::Result<Receiver<Option<Released>>> {
        let (done, ended) = channel();
        let (hub, devices) = (Arc::clone(self), devices.to_vec());
        let run = move || {
            let _runtime = hub.runtime().enter();
            let _inside = hub.enter();
            for device in devices {
                if done.send(device.release(why)).is_err() {
                    return;
                }
            }
            // The channel closes only when this thread no longer keeps any driver alive.
            drop(done);
        };
        let thread = thread::Builder::new().name("ipc release".into());
        thread.spawn(run).map(|_| ended)
    }

    /// Waits for the hooks of `devices`. If one hangs, returns the devices after it.
    fn await_hooks<'a>(
        &self,
        devices: &'a [Arc<ServedDevice>],
        ended: &Receiver<Option<Released>>,
    ) -> &'a [Arc<ServedDevice>] {
        for (at, device) in devices.iter().enumerate() {
            let began = Instant::now();
            match ended.recv_timeout(device.overrun()) {
                Ok(released) => report(device, released),
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(stuck) = device.mark_hook_stuck(began) {
                        self.report_stuck(&stuck);
                    }
                    return devices.get(at + 1..).unwrap_or_default();
                }
                // The thread panicked outside of the hooks, which has been printed.
                Err(RecvTimeoutError::Disconnected) => return &[],
            }
        }
        // Wait until the thread has released the drivers: a stop must find that nothing else keeps them.
        let _ = ended.recv();
        &[]
    }
}

fn report(device: &ServedDevice, released: Option<Released>) {
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
