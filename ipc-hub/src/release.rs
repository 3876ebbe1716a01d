//! The release hooks of the devices, when a client no longer holds them or they are removed.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use std::{io, mem, thread};

use ipc_core::Release;
use ipc_core::interface::context::CallHost;
use ipc_core::interface::current::Serves;
use ipc_core::interface::registry::{Released, ServedDevice};

use crate::hosted::{drop_contained, report_left};
use crate::hub::Hub;
use crate::log::{self, About};
use crate::time::later;
use crate::user_thread::UserThread;
use crate::work::Work;

/// A device that is released on a thread, which is left behind if the hook hangs.
struct Releasing {
    thread: UserThread,
    /// The number of the hook.
    hook: u64,
    label: String,
    overrun: Duration,
    began: Instant,
    shared: Arc<Mutex<ReleasingState>>,
}

#[derive(Default)]
struct ReleasingState {
    /// Devices that are stuck because of the hook.
    stuck: Vec<String>,
    /// True once the hook has run and the thread drops the device.
    is_dropping: bool,
    /// Makes a stopping server wait for the thread, unless it was left behind.
    work: Option<Work>,
}

impl Hub {
    /// Runs the release hooks of `devices` by `release`, one after the other. Blocks, but not for a hook that hangs: its device is then
    /// stuck, and those behind it are released all the same.
    pub(crate) fn release(
        self: &Arc<Self>,
        devices: &[Weak<ServedDevice>],
        release: impl Fn(&Arc<ServedDevice>) -> Option<Released> + Copy + Send + 'static,
    ) {
        let (mut idle, mut late) = (None, Vec::new());
        for device in devices.iter().filter_map(Weak::upgrade) {
            let report = move |hub: &Arc<Self>, device: &Arc<ServedDevice>| {
                hub.report_released(device, release(device));
            };
            match self.start_release(idle.take(), Arc::clone(&device), None, report) {
                Ok(releasing) if self.await_release(&releasing, 2) => idle = Some(releasing.thread),
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
                    self.report_released(&device, release(&device));
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
        let release = |hub: &Arc<Self>, device: &Arc<ServedDevice>| {
            match device.has_release_hook() {
                true => {
                    hub.report_released(device, device.release(Release::Removed));
                    hub.count_removal();
                }
                false => device.wait_until_free(),
            }
            hub.forget(&Arc::downgrade(device));
            device.wait_until_unused();
        };
        let work = self.begin_removal(device.name());
        let (removed, is_own) = (Arc::downgrade(&device), device.is_used_by_caller());
        match self.start_release(None, device, Some(work), release) {
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

    /// Starts `release` on the thread `idle`, or on a new one, which then lets go of the device.
    fn start_release(
        self: &Arc<Self>,
        idle: Option<UserThread>,
        device: Arc<ServedDevice>,
        work: Option<Work>,
        release: impl FnOnce(&Arc<Self>, &Arc<ServedDevice>) + Send + 'static,
    ) -> io::Result<Releasing> {
        let thread = match idle {
            Some(thread) => thread,
            None => UserThread::start("ipc release", Some(self.runtime().clone()))?,
        };
        let (hook, overrun) = (device.hook_id(), device.overrun());
        let label = format!("`{}`", device.name());
        let shared = Arc::new(Mutex::new(ReleasingState {
            work,
            ..ReleasingState::default()
        }));
        let began = thread.begin({
            let (hub, shared, label) = (Arc::clone(self), Arc::clone(&shared), label.clone());
            move || {
                let _inside = hub.enter();
                let _hooks = Serves::calls_of(Arc::clone(&hub) as Arc<dyn CallHost>);
                release(&hub, &device);
                let mut state = lock(&shared);
                for device in mem::take(&mut state.stuck) {
                    hub.report_recovered(&device);
                }
                state.is_dropping = true;
                drop(state);
                drop_contained(&label, Box::new(device));
            }
        });
        Ok(Releasing {
            thread,
            hook,
            label,
            overrun,
            began,
            shared,
        })
    }

    /// Waits for the overrun of the device, or of another one that the hook is inside of, and long enough for the thread
    /// to reach the gate, but in a stop only for one part in `parts` of the time that it leaves. Returns false if the
    /// thread has not finished by then.
    fn await_release(&self, releasing: &Releasing, parts: u32) -> bool {
        let Releasing { began, hook, .. } = releasing;
        loop {
            let overrun = self.hook_overrun(*hook).unwrap_or(releasing.overrun);
            let mut until = later(*began, AT_LEAST.max(overrun));
            if let Some(end) = self.hooks_end() {
                until = until.min(*began + end.saturating_duration_since(*began) / parts);
            }
            let now = Instant::now();
            if releasing.thread.wait(until.min(now + LOOK_AGAIN)) {
                return true;
            }
            if until <= now {
                return false;
            }
        }
    }

    /// Logs which devices a stop leaves behind because something hangs in them.
    pub fn report_stuck_at_stop(&self) {
        let devices = self.devices();
        for stuck in self.stuck() {
            let is_it = |device: &&Arc<ServedDevice>| device.name() == stuck.device;
            let device = devices.iter().find(is_it);
            let hook = match device.is_some_and(|device| device.has_release_hook()) {
                true if stuck.method.starts_with("on_release") => "",
                true => ", and its release hook has not run",
                false => "",
            };
            log::error(
                About::client(&stuck.by),
                format_args!(
                    "`{}` is left behind: `{}` still hangs in it{hook}; check the instrument",
                    stuck.device, stuck.method
                ),
            );
        }
    }

    /// Runs a hook on the calling thread, that of a call that hung. Another thread notices if the hook hangs as well: its
    /// own device is stuck until it is over, but it may have locked others.
    pub(crate) fn watch_late_hook(&self, hook: u64, run: &mut dyn FnMut()) {
        let began = Instant::now();
        let (end, ended) = channel::<()>();
        let watch = move || {
            loop {
                let overrun = self.hook_overrun(hook).unwrap_or(AT_LEAST);
                if ended.recv_timeout(LOOK_AGAIN) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
                if began.elapsed() >= overrun {
                    break;
                }
            }
            let before = self.stuck();
            let mut stuck = self.mark_stuck(hook, "the server", began);
            stuck.retain(|stuck| !before.iter().any(|other| other.device == stuck.device));
            stuck.iter().for_each(|stuck| self.report_stuck(stuck));
            // Fails when the hook has ended.
            let _ = ended.recv();
            for stuck in stuck {
                self.report_recovered(&stuck.device);
            }
        };
        thread::scope(|scope| {
            let watcher = thread::Builder::new().name("ipc release".into());
            if let Err(error) = watcher.spawn_scoped(scope, watch) {
                log::error(
                    About::server(),
                    format_args!("no thread to watch a release hook: {error}"),
                );
            }
            run();
            drop(end);
        });
    }

    /// Refuses the devices that the hook is inside of to others while it runs, and no longer waits for that.
    fn leave_release(&self, releasing: &Releasing) {
        let mut state = lock(&releasing.shared);
        if state.is_dropping {
            state.work = None;
            return report_left(&releasing.label);
        }
        for stuck in self.mark_stuck(releasing.hook, "the server", releasing.began) {
            self.report_stuck(&stuck);
            state.stuck.push(stuck.device);
            state.work = None;
        }
    }

    fn report_released(&self, device: &ServedDevice, released: Option<Released>) {
        let name = device.name();
        match released {
            Some(Released::Panicked(message)) => log::error(
                About::server(),
                format_args!("the release hook of `{name}` panicked: {message}"),
            ),
            Some(Released::Owed) => {
                let hook = match self.hooks_end() {
                    // The server is stopping.
                    Some(_) => {
                        "has not run, and runs only if the call returns before the program ends"
                    }
                    None => "runs when the call returns",
                };
                log::warn(
                    About::server(),
                    format_args!("`{name}` hangs; its release hook {hook}"),
                );
            }
            _ => {}
        }
    }
}

fn lock(state: &Mutex<ReleasingState>) -> MutexGuard<'_, ReleasingState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// In this time a thread reaches the gate of a device. If the next client were let in before, it could be there first.
const AT_LEAST: Duration = Duration::from_millis(100);
/// How long a wait for a hook does not notice that the server is stopping.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
