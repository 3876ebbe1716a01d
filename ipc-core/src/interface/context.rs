//! What a running method can learn about its call, and report.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use super::blocked::GateWait;
use super::gate::Entry;
use crate::wire::failure::Refusal;

/// The call that a driver method runs in: whether it is cancelled, who called, and how to report progress.
///
/// A driver method that takes `ctx: &CallContext` gets it from the server; callers do not see the argument. Code that
/// calls the method directly, without a server, makes one with [`local`](Self::local) or [`watched`](Self::watched):
///
/// ```
/// use ipc_core::{CallContext, remote};
///
/// # struct Counter;
/// #[remote]
/// impl Counter {
///     /// Counts for a while.
///     pub fn count(&mut self, ctx: &CallContext, seconds: u32) -> u64 {
///         # ctx.progress(0.5, "counting");
///         # if ctx.is_cancelled() { 0 } else { seconds.into() }
///         // ..
///     }
/// }
///
/// assert_eq!(Counter.count(&CallContext::local(), 3), 3);
/// ```
#[derive(Clone)]
pub struct CallContext {
    host: Arc<dyn CallHost>,
    call: u64,
    client: Arc<str>,
    /// The number of the session among those of the same server.
    session: u64,
    party: u64,
    deadline: Option<Instant>,
}

/// The host of a call, behind its [`CallContext`]: a session of a server, or a stand-in for calls within one process.
///
/// The thread that runs the method need not be the one that serves the connection, so a host is shared between threads.
pub trait CallHost: Send + Sync {
    /// Returns true once the call should end, as after its caller has given it up.
    fn is_cancelled(&self, call: u64) -> bool;
    /// Reports the progress of the call to its caller.
    fn progress(&self, call: u64, fraction: f64, message: &str);
    /// Runs the future of an `async fn` to its end.
    fn block_on(&self, future: Pin<&mut dyn Future<Output = ()>>);

    /// Runs a method or a release hook on a thread that is not the host's, in the same environment as on the host's threads, such as
    /// inside its runtime.
    fn run_elsewhere(&self, code: &mut dyn FnMut()) {
        code();
    }

    /// Runs a release hook that was left to a call that hung, on the thread of that call.
    ///
    /// `hook` is its [number](crate::interface::registry::ServedDevice::hook_id).
    fn run_late_hook(&self, _hook: u64, run: &mut dyn FnMut()) {
        run();
    }

    /// True if the call with this [id](call_id) must not enter another device: its client no longer holds them, or it was
    /// left behind as one that hangs.
    fn is_revoked(&self, _id: u64) -> bool {
        false
    }

    /// Returns the refusal of a call to `method` because the party `owner` has a lease of `device`. Made anew for each such
    /// call; the method is `lock` if a driver or function locks the device.
    fn refusal_of_owner(&self, _call: u64, method: &str, device: &str, _owner: u64) -> Refusal {
        Refusal::Protocol {
            method: method.to_string(),
            reason: format!("another client has a lease of `{device}`"),
        }
    }

    /// Notes that a call to `method` of this host's client is about to enter `device`, which another client has used before, or
    /// whose release hook or lease has ended since. Called inside the gate: must not wait for a device.
    ///
    /// # Errors
    ///
    /// The client has lost the device, and does not know it yet: the driver is not entered.
    fn first_use(&self, _call: u64, _device: &str, _method: &str) -> Result<(), Refusal> {
        Ok(())
    }

    /// Notes that the call has not been let in yet: called at once when it has to wait, and every 20 ms.
    fn waits(&self, _call: u64, _wait: &GateWait<'_>) {}

    /// Returns the refusal in a form that the client understands.
    fn for_client(&self, refusal: Refusal) -> Refusal {
        refusal
    }

    /// Returns the present time; `None` if the host has no clock.
    fn now(&self) -> Option<Instant> {
        None
    }

    /// Returns the time since `since`; zero if the host has no clock.
    fn elapsed(&self, _since: Instant) -> Duration {
        Duration::ZERO
    }
}

impl CallContext {
    /// Creates a context for call number `call` of `client`.
    pub fn new(
        host: Arc<dyn CallHost>,
        call: u64,
        client: Arc<str>,
        deadline: Option<Instant>,
    ) -> Self {
        Self {
            host,
            call,
            client,
            session: 0,
            party: 0,
            deadline,
        }
    }

    /// Creates a context for calls without a server. It is never cancelled, and ignores progress.
    pub fn local() -> Self {
        Self::watched(|| false, |_, _| {})
    }

    /// Creates a context for calls without a server, for tests of a driver: `is_cancelled` decides whether the call is
    /// cancelled, and `on_progress` gets the reports of progress.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    /// # use ipc_core::CallContext;
    ///
    /// let is_half_done = Arc::new(AtomicBool::new(false));
    /// let (seen, told) = (Arc::clone(&is_half_done), Arc::clone(&is_half_done));
    /// // Cancelled as soon as half of it is done.
    /// let ctx = CallContext::watched(
    ///     move || seen.load(Ordering::Relaxed),
    ///     move |fraction, _| told.store(fraction >= 0.5, Ordering::Relaxed),
    /// );
    /// assert!(!ctx.is_cancelled());
    /// ctx.progress(0.7, "counting");
    /// assert!(ctx.is_cancelled());
    /// ```
    pub fn watched(
        is_cancelled: impl Fn() -> bool + Send + Sync + 'static,
        on_progress: impl Fn(f64, &str) + Send + Sync + 'static,
    ) -> Self {
        let host = Watched {
            is_cancelled,
            on_progress,
        };
        Self::new(Arc::new(host), 0, HERE.into(), None)
    }

    /// Returns true once the call should end. Check it between the steps of a long measurement.
    ///
    /// That is the case when the caller has cancelled the call or its timeout has passed; when the server is stopping
    /// and half of its stop timeout has passed; and when the client is gone: its connection was lost and not made again
    /// for the server's grace (15 s by default), or for 0.8 s while other clients wait. A cancellation is seen at once,
    /// except in the first 20 ms of a call.
    pub fn is_cancelled(&self) -> bool {
        self.host.is_cancelled(self.call)
    }

    /// Reports the progress of the call to its caller: `fraction` from 0 to 1, and a text, which is cut to 1000
    /// characters. A fraction outside of that range is clamped, and NaN counts as 0.
    ///
    /// Never fails, and waits for a slow network for at most a few milliseconds. Of reports less than 50 ms apart, the
    /// newest replaces those before it. A caller that is gone, or does not watch the progress, misses them.
    pub fn progress(&self, fraction: f64, message: &str) {
        let fraction = match fraction.is_nan() {
            true => 0.0,
            false => fraction.clamp(0.0, 1.0),
        };
        self.host.progress(self.call, fraction, message);
    }

    /// Returns when the caller stops waiting, if it has set a timeout.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Returns the name and address of the client.
    pub fn client(&self) -> &str {
        &self.client
    }

    /// Makes this the context of another call of the same client. Clones remain contexts of the earlier call.
    pub fn turn_to(&mut self, call: u64, deadline: Option<Instant>) {
        self.call = call;
        self.deadline = deadline;
    }

    /// Sets the number of the session, which no other session of the server has.
    pub fn of_session(mut self, session: u64) -> Self {
        self.session = session;
        self
    }

    /// Sets the number of the client program, which may have several sessions.
    pub fn of_party(mut self, party: u64) -> Self {
        self.party = party;
        self
    }

    /// Returns the number of the client program that calls, unique while the server runs; 0 without a server. All its
    /// connections have the same, and leases belong to it.
    pub fn party(&self) -> u64 {
        self.party
    }

    /// Returns a number that no other running call of the same server has; not 0.
    pub(crate) fn id(&self) -> u64 {
        call_id(self.session, self.call)
    }

    pub(crate) fn call(&self) -> u64 {
        self.call
    }

    pub(crate) fn host(&self) -> &Arc<dyn CallHost> {
        &self.host
    }

    /// Sets the name and address of the client, if they have changed.
    pub fn set_client(&mut self, client: &Arc<str>) {
        if !Arc::ptr_eq(&self.client, client) {
            self.client = Arc::clone(client);
        }
    }

    pub(crate) fn block_on(&self, future: Pin<&mut dyn Future<Output = ()>>) {
        self.host.block_on(future);
    }
}

/// Returns the number by which gates know call `call` of session `session`; not 0.
pub fn call_id(session: u64, call: u64) -> u64 {
    ((session + 1) << Entry::CALLS) | (call & CALL)
}

/// Returns the number of the session that the call with this id belongs to. `None` for a release hook.
pub fn session_of(id: u64) -> Option<u64> {
    (id >> Entry::CALLS).checked_sub(1)
}

/// Returns the number that the call with this id has in its session.
pub(crate) fn call_of(id: u64) -> u64 {
    id & CALL
}

/// Returns a number by which gates know the release hook of a device; not 0, and not that of any call.
pub(crate) fn hook_id() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) % CALL + 1
}

/// The bits for the calls of a session.
const CALL: u64 = (1 << Entry::CALLS) - 1;

/// The name of the client in a [`CallContext`] for a call without a server.
pub(crate) const HERE: &str = "this process";

/// A call that two closures watch.
struct Watched<C, P> {
    is_cancelled: C,
    on_progress: P,
}

impl<C, P> CallHost for Watched<C, P>
where
    C: Fn() -> bool + Send + Sync,
    P: Fn(f64, &str) + Send + Sync,
{
    fn is_cancelled(&self, _call: u64) -> bool {
        (self.is_cancelled)()
    }

    fn progress(&self, _call: u64, fraction: f64, message: &str) {
        (self.on_progress)(fraction, message);
    }

    fn block_on(&self, future: Pin<&mut dyn Future<Output = ()>>) {
        drive(future);
    }
}

/// Drives a future to its end on the calling thread.
pub(crate) fn drive(mut future: Pin<&mut dyn Future<Output = ()>>) {
    let alarm = Arc::new(Alarm {
        thread: std::thread::current(),
        rang: AtomicBool::new(false),
    });
    let waker = Waker::from(Arc::clone(&alarm));
    let mut context = Context::from_waker(&waker);
    let mut is_told = false;
    while future.as_mut().poll(&mut context).is_pending() {
        std::thread::park_timeout(STRIKING);
        let rang = alarm.rang.swap(false, Ordering::AcqRel);
        if !rang && !is_told {
            is_told = true;
            tracing::warn!(
                "an async method of a device in this process has waited for {STRIKING:?}; if it waits for the runtime \
                 whose only thread it holds up, it waits for ever: `ipc_client::AsyncLocal` does not"
            );
        }
    }
}

/// How long an async method waits before a warning says what it may be waiting for.
const STRIKING: Duration = Duration::from_secs(5);

/// Wakes the thread that drives a future.
struct Alarm {
    thread: Thread,
    rang: AtomicBool,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.rang.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

impl Default for CallContext {
    fn default() -> Self {
        Self::local()
    }
}

impl fmt::Debug for CallContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallContext")
            .field("call", &self.call)
            .field("client", &self.client)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn progress_is_told_within_its_bounds() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&told);
        let ctx = CallContext::watched(
            || false,
            move |fraction, message| log.lock().unwrap().push((fraction, message.to_string())),
        );
        for fraction in [0.25, -1.0, 50.0, f64::NAN, f64::INFINITY] {
            ctx.progress(fraction, "x");
        }
        let fractions: Vec<_> = told
            .lock()
            .unwrap()
            .iter()
            .map(|(fraction, _)| *fraction)
            .collect();
        assert_eq!(fractions, [0.25, 0.0, 1.0, 0.0, 1.0]);
    }

    #[test]
    fn a_context_of_this_process_is_never_cancelled() {
        let ctx = CallContext::default();
        ctx.progress(0.5, "nobody hears it");
        assert!(!ctx.is_cancelled());
        assert_eq!((ctx.client(), ctx.deadline()), (HERE, None));
    }
}
