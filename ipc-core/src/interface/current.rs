//! The call that the current thread runs, for what a driver does without its `CallContext`, such as locking another
//! driver.

use std::cell::{Cell, RefCell};
use std::panic;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::blocked::{Blocked, Stuck};
use super::context::CallHost;
use super::slot::Entry;

thread_local! {
    static HOST: RefCell<Option<Arc<dyn CallHost>>> = const { RefCell::new(None) };
    /// The call, as gates know it; 0 for none.
    static CALL: Cell<u64> = const { Cell::new(0) };
    /// True while this library unwinds a call on purpose.
    static UNWINDS: Cell<bool> = const { Cell::new(false) };
}

/// Marks a thread as one that runs calls for `host`, until dropped.
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

/// Marks the calling thread as being inside the call `id`, until dropped.
pub(super) struct Inside(u64);

impl Inside {
    #[inline]
    pub(super) fn call(id: u64) -> Self {
        UNWINDS.set(false);
        Self(CALL.replace(id))
    }

    /// As local code, although a call runs around it.
    pub(super) fn nothing() -> Self {
        Self(CALL.replace(0))
    }
}

impl Drop for Inside {
    #[inline]
    fn drop(&mut self) {
        CALL.set(self.0);
    }
}

/// Returns what enters the gate if the current thread locks a driver: the call that it runs, or local code.
pub(super) fn entry() -> Entry {
    match CALL.get() {
        0 => Entry::LOCAL,
        id => Entry {
            id,
            method: usize::MAX,
        },
    }
}

/// Waits for a moment for a driver that another call has locked.
///
/// Local code waits for as long as it takes. A call does not wait for a device that hangs.
pub(super) fn pause(stuck: Option<Arc<Stuck>>) -> Result<(), Blocked> {
    if let Some(stuck) = stuck.filter(|_| CALL.get() != 0) {
        return Err(Blocked::Stuck(stuck));
    }
    check_right();
    park();
    Ok(())
}

/// Waits for a moment, or until the thread is woken.
pub(super) fn park() {
    thread::park_timeout(MOMENT);
}

/// Ends the call that the thread is in, if it must not enter another device. Its client may no longer hold them: whatever
/// the call would do next, it would do in the time of another client. Or it was left behind because it hangs: nobody
/// would notice that it hangs in yet another device.
pub(super) fn check_right() {
    let id = CALL.get();
    if id == 0 {
        return;
    }
    let host = HOST.with_borrow(Clone::clone);
    if host.is_some_and(|host| host.is_revoked(id)) {
        unwind("stopped: its client has left it behind, or no longer holds the devices".into());
    }
}

/// Ends the call that the thread runs, by unwinding. In local code, panics.
#[allow(
    clippy::panic,
    reason = "a deadlock is an error of the program, and waiting would never end"
)]
pub(super) fn unwind(message: String) -> ! {
    match CALL.get() {
        0 => panic::panic_any(message),
        _ => {
            UNWINDS.set(true);
            // No message on standard error: the driver is not at fault.
            panic::resume_unwind(Box::new(message))
        }
    }
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
