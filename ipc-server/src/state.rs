//! What all parts of a running server share.

use std::cell::Cell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use ipc_core::session::table::{SessionTable, TableLimits};
use ipc_core::wire::ctrl::SessionKey;
use ipc_core::{Secret, ServerDescription};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

use crate::events::Events;
use crate::handle::ServerEvent;
use crate::handshake::access::AccessLimits;
use crate::handshake::gate::Gate;
use crate::hosted::Hosted;
use crate::log::complaints::{Complaints, FailedCalls, Visits};
use crate::queue::admission::{Admission, Ticket};
use crate::session::Session;
use crate::session::activity::Activity;
use crate::session::handoff::Handoff;
use crate::session::tick::Tick;

/// The settings of a server.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) service: String,
    pub(crate) secret: Option<Secret>,
    pub(crate) queue: usize,
    pub(crate) idle_handover: Option<Duration>,
    pub(crate) grace: Duration,
    pub(crate) liveness: Duration,
    pub(crate) stop_timeout: Duration,
    pub(crate) access: AccessLimits,
    pub(crate) table: TableLimits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            service: String::new(),
            secret: None,
            queue: 256,
            idle_handover: Some(Duration::from_secs(30)),
            grace: Duration::from_secs(15),
            liveness: Duration::from_secs(15),
            stop_timeout: Duration::from_secs(5),
            access: AccessLimits::default(),
            table: TableLimits::default(),
        }
    }
}

/// What all parts of a running server share.
#[derive(Debug)]
pub(crate) struct ServerState {
    /// Gone once the server has stopped: whoever uses it keeps it alive only for as long as a stop waits.
    hosted: Mutex<Option<Arc<Hosted>>>,
    pub(crate) description: Arc<ServerDescription>,
    /// The paths of the drivers' types, in the order of the devices.
    pub(crate) driver_paths: Vec<&'static str>,
    pub(crate) config: Config,
    pub(crate) address: SocketAddr,
    pub(crate) runtime: Handle,
    incarnation: u128,
    table: Mutex<SessionTable<Session>>,
    admission: Mutex<Admission>,
    gate: Mutex<Gate>,
    pub(crate) complaints: Complaints,
    /// Wrong secrets, which nobody can hide behind other complaints.
    pub(crate) guesses: Complaints,
    /// Clients that come and go.
    pub(crate) visits: Visits,
    pub(crate) failed_calls: FailedCalls,
    events: Arc<Events>,
    /// Notices calls that run for long.
    pub(crate) tick: Arc<Tick>,
    /// One permit for each refusal that may linger until its client has read it.
    pub(crate) lingering: Semaphore,
    /// Rises whenever a place in the order of clients may have become free.
    turns: watch::Sender<u64>,
    out: Mutex<HashMap<SessionKey, OutSession>>,
    stopping: AtomicBool,
    /// When running calls are asked to end, once the server is stopping.
    calls_end: OnceLock<Instant>,
    /// When a call that still runs is answered without its result, once the server is stopping.
    answer_by: OnceLock<Instant>,
    next_client: AtomicU64,
    work: Mutex<usize>,
    work_ended: Condvar,
}

/// Something that a stopping server waits for, until dropped.
#[derive(Debug)]
pub(crate) struct Work(Arc<ServerState>);

impl Drop for Work {
    fn drop(&mut self) {
        *lock(&self.0.work) -= 1;
        self.0.work_ended.notify_all();
    }
}

/// A session in the hands of its thread, reachable for a new connection of the same client.
#[derive(Clone, Debug)]
pub(crate) struct OutSession {
    pub(crate) handoff: Arc<Handoff>,
    pub(crate) activity: Arc<Activity>,
}

impl ServerState {
    pub(crate) fn new(
        hosted: Hosted,
        config: Config,
        address: SocketAddr,
        runtime: Handle,
        incarnation: u128,
    ) -> Self {
        Self {
            description: Arc::new(hosted.registry.description().clone()),
            driver_paths: hosted.registry.driver_paths().collect(),
            hosted: Mutex::new(Some(Arc::new(hosted))),
            address,
            runtime,
            incarnation,
            table: Mutex::new(SessionTable::new(incarnation, config.table.clone())),
            admission: Mutex::new(Admission::new(config.queue)),
            gate: Mutex::new(Gate::new(config.access.clone())),
            complaints: Complaints::new(Instant::now()),
            guesses: Complaints::new(Instant::now()),
            visits: Visits::new(Instant::now()),
            failed_calls: FailedCalls::new(Instant::now()),
            events: Arc::default(),
            tick: Arc::default(),
            lingering: Semaphore::new(LINGERING),
            turns: watch::Sender::new(0),
            out: Mutex::new(HashMap::new()),
            stopping: AtomicBool::new(false),
            calls_end: OnceLock::new(),
            answer_by: OnceLock::new(),
            next_client: AtomicU64::new(1),
            work: Mutex::new(0),
            work_ended: Condvar::new(),
            config,
        }
    }

    pub(crate) fn table(&self) -> MutexGuard<'_, SessionTable<Session>> {
        lock(&self.table)
    }

    pub(crate) fn admission(&self) -> MutexGuard<'_, Admission> {
        lock(&self.admission)
    }

    pub(crate) fn gate(&self) -> MutexGuard<'_, Gate> {
        lock(&self.gate)
    }

    /// Tells when a place may have become free.
    pub(crate) fn turns(&self) -> watch::Receiver<u64> {
        self.turns.subscribe()
    }

    /// Makes those who wait look again.
    pub(crate) fn wake_waiting(&self) {
        self.turns.send_modify(|turn| *turn += 1);
    }

    /// A number for a new client.
    pub(crate) fn next_client(&self) -> u64 {
        self.next_client.fetch_add(1, Ordering::Relaxed)
    }

    /// Drivers, closures and hooks, until the server has stopped.
    pub(crate) fn hosted(&self) -> Option<Arc<Hosted>> {
        lock(&self.hosted).clone()
    }

    /// Drops drivers, closures and hooks, unless a call that was left behind still uses them: it then drops them when it
    /// ends. May block.
    pub(crate) fn drop_hosted(&self) {
        let hosted = lock(&self.hosted).take();
        drop(hosted);
    }

    /// Tells the server's own program what happened. Does not wait for it.
    pub(crate) fn tell(self: &Arc<Self>, event: ServerEvent) {
        let observer = self.hosted().and_then(|hosted| hosted.observer.clone());
        if let Some(observer) = observer {
            self.events.tell(event, observer, self);
        }
    }

    /// Marks the thread at hand as one that the server waits for when it stops, until the guard is dropped.
    pub(crate) fn enter(&self) -> Inside {
        Inside(SERVING.replace(Some(self.incarnation)))
    }

    /// True on a thread that a stop waits for: a stop that begins there must not wait for itself.
    pub(crate) fn is_inside(&self) -> bool {
        SERVING.get() == Some(self.incarnation)
    }

    /// Gives up a place, waiting or held, and lets the others know.
    pub(crate) fn leave(&self, ticket: Ticket) {
        if self.admission().leave(ticket) {
            self.wake_waiting();
        }
    }

    /// The thread that has this session.
    pub(crate) fn out(&self, key: SessionKey) -> Option<OutSession> {
        lock(&self.out).get(&key).cloned()
    }

    pub(crate) fn set_out(&self, key: SessionKey, session: Option<OutSession>) {
        match session {
            Some(session) => lock(&self.out).insert(key, session),
            None => lock(&self.out).remove(&key),
        };
    }

    /// All sessions that hold the server or may come back to their place.
    pub(crate) fn all_out(&self) -> Vec<OutSession> {
        lock(&self.out).values().cloned().collect()
    }

    /// Lets the holder know that somebody waits, in case it has no connection to lose.
    pub(crate) fn ask_for_room(&self) {
        for out in self.all_out() {
            out.handoff.wake();
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// True once a stop has waited for half of its time: a driver that looks whether its call is cancelled can then end
    /// it in time for the release hooks.
    pub(crate) fn asks_calls_to_end(&self) -> bool {
        let at = self.calls_end.get();
        at.is_some_and(|at| Instant::now() >= *at)
    }

    /// How long a stopping server still waits for calls before it answers them without their results.
    pub(crate) fn time_to_answer(&self) -> Duration {
        let by = self.answer_by.get();
        by.map_or(Duration::ZERO, |by| {
            by.saturating_duration_since(Instant::now())
        })
    }

    pub(crate) fn set_stopping(&self) {
        let patience = self.config.stop_timeout / 2;
        let now = Instant::now();
        self.calls_end.get_or_init(|| later(now, patience));
        self.answer_by
            .get_or_init(|| later(now, self.config.stop_timeout));
        self.stopping.store(true, Ordering::SeqCst);
        self.wake_waiting();
    }

    /// Begins something that a stopping server waits for.
    pub(crate) fn begin_work(self: &Arc<Self>) -> Work {
        *lock(&self.work) += 1;
        Work(Arc::clone(self))
    }

    /// Waits until nothing is left to wait for, but not beyond `deadline`. Blocks.
    pub(crate) fn wait_for_work(&self, deadline: Instant) -> bool {
        let mut work = lock(&self.work);
        while *work > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.work_ended.wait_timeout(work, left);
            work = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

thread_local! {
    /// The server that the thread works for, by its incarnation.
    static SERVING: Cell<Option<u128>> = const { Cell::new(None) };
}

/// Restores what the thread worked for before.
pub(crate) struct Inside(Option<u128>);

impl Drop for Inside {
    fn drop(&mut self) {
        SERVING.set(self.0);
    }
}

/// Upper bound on refusals that wait for their clients to read them; more are written and closed at once.
const LINGERING: usize = 128;

/// The time after `duration`, which may be longer than time.
pub(crate) fn later(now: Instant, duration: Duration) -> Instant {
    const YEARS: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    now.checked_add(duration).unwrap_or(now + YEARS)
}

/// A panic elsewhere leaves these tables usable: every change to them is a single step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
