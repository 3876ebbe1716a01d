//! The call or release hook that the current thread runs, for what a driver does without its `CallContext`, such as locking
//! another driver.

use std::cell::{Cell, RefCell};
use std::panic;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::blocked::{Blocked, GateWait};
use super::context::{self, CallContext, CallHost};
use super::gate::{CLOSED, Entry, Gate, LocalName, Place};
use super::waits::{self, ActsAs};
use crate::wire::failure::Refusal;

thread_local! {
    static HOST: RefCell<Option<Arc<dyn CallHost>>> = const { RefCell::new(None) };
    static INSIDE: Cell<Inner> = const { Cell::new(Inner::of(&Entry::LOCAL)) };
    /// True while this library unwinds a call on purpose.
    static UNWINDS: Cell<bool> = const { Cell::new(false) };
}

/// What the thread runs, in few words: it is kept and restored around each call.
#[derive(Clone, Copy)]
struct Inner {
    id: u64,
    /// Twice the party, and 1 more if it only reads.
    party_and_reads: u64,
}

impl Inner {
    #[inline]
    const fn of(entry: &Entry) -> Self {
        Self {
            id: entry.id,
            party_and_reads: entry.party << 1 | entry.reads as u64,
        }
    }

    fn entry(self) -> Entry {
        Entry {
            id: self.id,
            method: Entry::LOCAL.method,
            party: self.party_and_reads >> 1,
            reads: self.party_and_reads & 1 != 0,
        }
    }
}

/// Marks a thread as one that runs calls or release hooks for `host`, until dropped.
#[derive(Debug)]
#[must_use = "the thread is no longer marked when this is dropped"]
pub struct Serves(());

impl Serves {
    /// Marks the calling thread.
    pub fn calls_of(host: Arc<dyn CallHost>) -> Self {
        HOST.set(Some(host));
        Self(())
    }
}

impl Drop for Serves {
    fn drop(&mut self) {
        let host = HOST.take();
        drop(host);
    }
}

/// Marks the calling thread as being inside a call or a release hook, until dropped.
pub(super) struct Inside(Inner);

impl Inside {
    #[inline]
    pub(super) fn call(entry: &Entry) -> Self {
        // `set` is not always inlined, and this runs for every call.
        UNWINDS.replace(false);
        Self(INSIDE.replace(Inner::of(entry)))
    }

    /// A release hook, although a call may run around it. It waits for other drivers as local code does, but is known where
    /// it hangs.
    pub(super) fn hook(id: u64) -> Self {
        Self(INSIDE.replace(Inner::of(&Entry::hook(id))))
    }
}

impl Drop for Inside {
    #[inline]
    fn drop(&mut self) {
        INSIDE.set(self.0);
    }
}

/// The call or release hook that a thread runs, for another thread that runs a part of it.
pub(super) struct Running {
    host: Option<Arc<dyn CallHost>>,
    entry: Entry,
    /// The thread, as the detection of deadlocks numbers it.
    thread: u64,
}

impl Running {
    /// The call with this context, which the calling thread runs.
    pub(super) fn call(context: &CallContext) -> Self {
        Self {
            host: Some(Arc::clone(context.host())),
            ..Self::here()
        }
    }

    /// A release hook, which the calling thread runs or leaves to another one.
    pub(super) fn hook(id: u64) -> Self {
        Self {
            entry: Entry::hook(id),
            ..Self::here()
        }
    }

    /// What the calling thread runs.
    pub(super) fn here() -> Self {
        Self {
            host: host(),
            entry: entry(),
            thread: waits::this_thread(),
        }
    }

    /// Runs this release hook later, by `run`, on the thread of another call.
    pub(super) fn run_late(&self, run: &mut dyn FnMut()) {
        match &self.host {
            Some(host) => host.run_late_hook(self.entry.id, run),
            None => run(),
        }
    }

    /// Runs `part` on the calling thread, in the environment of the host, while the other thread waits for it.
    pub(super) fn run(&self, part: &mut dyn FnMut()) {
        let _thread = ActsAs::thread(self.thread);
        let _inside = Inside::call(&self.entry);
        let Some(host) = &self.host else {
            return part();
        };
        let _calls = Serves::calls_of(Arc::clone(host));
        host.run_elsewhere(part);
    }
}

fn host() -> Option<Arc<dyn CallHost>> {
    HOST.with_borrow(Clone::clone)
}

/// Returns what enters the gate if the current thread locks a driver: the call or release hook that it runs, or local
/// code.
pub(super) fn entry() -> Entry {
    INSIDE.get().entry()
}

/// Waits for a moment for a driver that another call has locked.
///
/// Local code and release hooks wait for as long as it takes. A call does not wait for a device that hangs.
pub(super) fn pause(place: &Place<'_>) -> Result<(), Blocked> {
    let entry = entry();
    if entry.is_call() {
        if let Some(stuck) = place.stuck() {
            return Err(Blocked::Stuck(stuck));
        }
        check_right();
        let gate = place.gate();
        // Another device may change hands together with this one, and wait for the call to leave it.
        if gate.owner() == CLOSED {
            let device = gate.name().to_string();
            return Err(Blocked::ChangesHands { device });
        }
        if let Some(host) = host() {
            let wait = GateWait {
                device: gate.name(),
                place: place.number(),
                inside: gate.occupant(|_| None),
            };
            host.waits(context::call_of(entry.id), &wait);
        }
    }
    park();
    Ok(())
}

/// Does what is due when the current thread has locked a driver as `entry`. Local code is called `name`.
pub(super) fn has_locked(gate: &Gate, entry: &Entry, name: impl FnOnce() -> LocalName) {
    // A call that is left behind from now on is found in this device, too.
    check_right();
    if entry.is_call() {
        gate.readings().begin_change(entry.party);
    }
    if entry.is_call() && gate.is_first_use(entry) {
        let known = host().map_or(Ok(()), |host| ask_host(gate, entry, host.as_ref(), "lock"));
        if let Err(refusal) = known {
            unwind(refusal.to_string());
        }
    } else if *entry == Entry::LOCAL {
        gate.set_local_name(name());
    }
}

/// Asks the host whether the first call of a session may enter. A call for which the gate is reserved was asked about when it began,
/// and goes on to its end.
#[cold]
pub(super) fn ask_host(
    gate: &Gate,
    entry: &Entry,
    host: &dyn CallHost,
    method: &str,
) -> Result<(), Refusal> {
    let is_reserved = gate.reserved_for() == Some(entry.id);
    let known = match is_reserved {
        true => Ok(()),
        false => host.first_use(context::call_of(entry.id), gate.name(), method),
    };
    if is_reserved || known.is_err() {
        gate.forget_user();
    }
    known
}

/// Ends the call that could not lock a driver, by unwinding. In local code and release hooks, panics.
pub(super) fn unwind_blocked(gate: &Gate, blocked: &Blocked) -> ! {
    let refusal = match (blocked, host()) {
        (Blocked::Held { owner }, Some(host)) => {
            Some(host.refusal_of_owner(context::call_of(entry().id), "lock", gate.name(), *owner))
        }
        _ => None,
    };
    unwind(refusal.map_or_else(|| blocked.to_string(), |refusal| refusal.to_string()))
}

/// Waits for a moment, or until the thread is woken.
pub(super) fn park() {
    thread::park_timeout(MOMENT);
}

/// Ends the call that the thread is in, if it must not enter another device. Its client may no longer hold them: whatever
/// the call would do next, it would do in the time of another client. Or it was left behind because it hangs: nobody
/// would notice that it hangs in yet another device.
pub(super) fn check_right() {
    let entry = entry();
    if !entry.is_call() {
        return;
    }
    if host().is_some_and(|host| host.is_revoked(entry.id)) {
        unwind("stopped: its client has left it behind, or no longer holds the devices".into());
    }
}

/// Ends the call that the thread runs, by unwinding. In local code and release hooks, panics.
#[allow(
    clippy::panic,
    reason = "a deadlock is an error of the program, and waiting would never end"
)]
pub(super) fn unwind(message: String) -> ! {
    if !entry().is_call() {
        panic::panic_any(message);
    }
    UNWINDS.set(true);
    // No message on standard error: the driver is not at fault.
    panic::resume_unwind(Box::new(message))
}

/// Continues to unwind on another thread than the one that caught it. `is_ours` says whether [`unwind`] began it.
pub(super) fn resume(message: String, is_ours: bool) -> ! {
    UNWINDS.set(is_ours);
    panic::resume_unwind(Box::new(message))
}

/// Returns true if [`unwind`] began the unwinding that has just been caught.
pub(super) fn has_unwound() -> bool {
    UNWINDS.take()
}

/// How long a caller waits before it checks whether to go on waiting. It is woken when its turn comes.
const MOMENT: Duration = Duration::from_millis(20);
