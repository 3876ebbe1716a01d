//! The release hooks of the devices, when a client no longer holds them or they are removed.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use ipc_core::Release;
use ipc_core::contain::contain_logged;
use ipc_core::interface::registry::{Released, ServedDevice};

use crate::hub::Hub;
use crate::log::{self, About};
use crate::time::later;
use crate::work::Work;

/// A device that is released on a thread of its own, which is left behind if the hook hangs.
struct Releasing {
    /// The thread may be the one to drop the driver.
    device: Weak<ServedDevice>,
    overrun: Duration,
    began: Instant,
    /// Closed when the thread no longer keeps the device alive.
    ended: Receiver<()>,
    shared: Arc<Mutex<ReleasingState>>,
}

#[derive(Default)]
struct ReleasingState {
    is_stuck: bool,
    /// Makes a stopping server wait for the thread, unless it is stuck.
    work: Option<Work>,
}

impl Hub {
    /// Runs the release hooks of `devices`, one after the other. Blocks, but not for a hook that hangs: its device is then
    /// stuck, and those behind it are released all the same.
    pub(crate) fn release(self: &Arc<Self>, devices: &[Arc<ServedDevice>], why: Release) {
        let mut late = Vec::new();
        for device in devices {
            let release = move |_: &Arc<Self>, device: Arc<ServedDevice>| {
                report(&device, device.release(why));
                contain_logged("a driver, while it was dropped,", || drop(device));
            };
            match self.start_release(Arc::clone(device), None, release) {
                Ok(releasing) if self.await_release(&releasing, 2) => {}
                // There is time left for it, but the others come first.
                Ok(releasing) if self.hooks_end().is_some() => late.push(releasing),
                Ok(releasing) => self.leave_release(&releasing),
                Err(error) => {
                    log::error(
                        About::server(),
                        format_args!(
                            "no thread for a release hook, which runs without a time limit: {error}"
                        ),
                    );
                    report(device, device.release(why));
                }
            }
        }
        for releasing in &late {
            if !self.await_release(releasing, 1) {
                self.leave_release(releasing);
            }
        }
    }

    /// Runs the release hook of a removed device and drops it, on a thread that is left behind if the call that is
    /// inside does not return in time, or is the one that asks for it.
    pub(crate) fn release_removed(self: &Arc<Self>, device: Arc<ServedDevice>) {
        let release = |hub: &Arc<Self>, device: Arc<ServedDevice>| {
            match device.has_release_hook() {
                true => report(&device, device.release(Release::Removed)),
                false => device.wait_until_free(),
            }
            hub.forget(&Arc::downgrade(&device));
            device.wait_until_unused();
            contain_logged("a driver, while it was dropped,", || drop(device));
        };
        let (removed, is_own) = (Arc::downgrade(&device), device.is_used_by_caller());
        match self.start_release(device, Some(self.begin_work()), release) {
            Ok(releasing) => {
                if !is_own && !self.await_release(&releasing, 1) {
                    self.leave_release(&releasing);
                }
            }
            Err(error) => {
                log::error(
                    About::server(),
                    format_args!("no thread to release a device that was removed: {error}"),
                );
                self.forget(&removed);
            }
        }
    }

    /// Starts `release` on a thread of its own.
    fn start_release(
        self: &Arc<Self>,
        device: Arc<ServedDevice>,
        work: Option<Work>,
        release: impl FnOnce(&Arc<Self>, Arc<ServedDevice>) + Send + 'static,
    ) -> io::Result<Releasing> {
        let (done, ended) = channel::<()>();
        let (start, started) = channel::<()>();
        let (is_stuck, overrun) = (false, device.overrun());
        let released = Arc::downgrade(&device);
        let shared = Arc::new(Mutex::new(ReleasingState { is_stuck, work }));
        let run = {
            let (hub, shared) = (Arc::clone(self), Arc::clone(&shared));
            move || {
                drop(start);
                let _runtime = hub.runtime().enter();
                let _inside = hub.enter();
                let name = device.name().to_string();
                release(&hub, device);
                let state = lock(&shared);
                if state.is_stuck {
                    hub.report_recovered(&name);
                }
                drop(state);
                // A stop that goes on from here finds that this thread keeps no driver alive.
                drop((done, shared));
            }
        };
        let thread = thread::Builder::new().name("ipc release".into());
        thread.spawn(run)?;
        // A busy machine takes its time, in which no hook can be said to hang.
        let _ = started.recv();
        Ok(Releasing {
            device: released,
            overrun,
            began: Instant::now(),
            ended,
            shared,
        })
    }

    /// Waits for the overrun of the device, and long enough for the thread to reach the gate, but in a stop only for one
    /// part in `parts` of the time that it leaves. Returns false if the thread has not ended by then.
    fn await_release(&self, releasing: &Releasing, parts: u32) -> bool {
        let Releasing { began, overrun, .. } = releasing;
        loop {
            let mut until = later(*began, AT_LEAST.max(*overrun));
            if let Some(end) = self.hooks_end() {
                until = until.min(*began + end.saturating_duration_since(*began) / parts);
            }
            let left = until.saturating_duration_since(Instant::now());
            match releasing.ended.recv_timeout(left.min(LOOK_AGAIN)) {
                Err(RecvTimeoutError::Timeout) if left.is_zero() => return false,
                Err(RecvTimeoutError::Timeout) => {}
                // Nothing is sent: the channel closes when the thread is done.
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return true,
            }
        }
    }

    /// Refuses the device to others while its hook runs, and no longer waits for that.
    fn leave_release(&self, releasing: &Releasing) {
        let mut state = lock(&releasing.shared);
        let device = releasing.device.upgrade();
        if let Some(stuck) = device.and_then(|device| device.mark_hook_stuck(releasing.began)) {
            state.is_stuck = true;
            state.work = None;
            self.report_stuck(&stuck);
        }
    }
}

fn lock(state: &Mutex<ReleasingState>) -> MutexGuard<'_, ReleasingState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
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

/// In this time a thread reaches the gate of a device. If the next client were let in before, it could be there first.
const AT_LEAST: Duration = Duration::from_millis(100);
/// How long a wait for a hook does not notice that the server is stopping.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
