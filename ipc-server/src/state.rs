//! What all parts of a running server share.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use ipc_core::ServerDescription;
use ipc_core::session::table::SessionTable;
use ipc_core::wire::ctrl::SessionKey;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

use crate::config::Config;
use crate::events::Events;
use crate::handshake::guesses::GuessLimiter;
use crate::hosted::Hosted;
use crate::info::ServerEvent;
use crate::log::limited::LimitedLog;
use crate::queue::admission::{Admission, ClientId};
use crate::session::activity::Activity;
use crate::session::handoff::Handoff;
use crate::session::pump::Session;
use crate::session::tick::Tick;
use crate::time::later;
use crate::work::{ServingThread, Work, WorkCounter};

/// What all parts of a running server share.
#[derive(Debug)]
pub(crate) struct ServerState {
    /// `None` once the server has stopped. Whoever uses it keeps it alive no longer than a stop waits.
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
    pub(crate) guesses: GuessLimiter,
    /// Connections that fail.
    pub(crate) bad_connections: LimitedLog,
    /// Wrong secrets, which other bad connections must not hide.
    pub(crate) wrong_secrets: LimitedLog,
    /// Clients that come and go.
    pub(crate) visits: LimitedLog,
    /// Calls that fail or are refused.
    pub(crate) failed_calls: LimitedLog,
    events: Arc<Events>,
    /// Notices calls that run for long.
    pub(crate) tick: Arc<Tick>,
    /// One permit for each refused connection that is kept open until its client has read why.
    pub(crate) lingering: Semaphore,
    /// Changes whenever a place in the order of clients may have become free.
    turns: watch::Sender<u64>,
    active: Mutex<HashMap<SessionKey, ActiveSession>>,
    stopping: AtomicBool,
    /// When running calls are cancelled, once the server is stopping.
    calls_end: OnceLock<Instant>,
    /// When a call that still runs is answered without its result, once the server is stopping.
    answer_by: OnceLock<Instant>,
    next_client: AtomicU64,
    work: Arc<WorkCounter>,
}

/// A session that a thread serves, reachable for a new connection of the same client.
#[derive(Clone, Debug)]
pub(crate) struct ActiveSession {
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
            driver_paths: {
                let devices = hosted.registry.devices().iter();
                devices.map(|device| device.driver_path()).collect()
            },
            hosted: Mutex::new(Some(Arc::new(hosted))),
            address,
            events: Arc::new(Events::new(runtime.clone(), incarnation)),
            tick: Arc::default(),
            runtime,
            incarnation,
            table: Mutex::new(SessionTable::new(incarnation, config.table.clone())),
            admission: Mutex::new(Admission::new(config.queue)),
            guesses: GuessLimiter::new(config.access.clone()),
            bad_connections: LimitedLog::new(RARE, FLOOD),
            wrong_secrets: LimitedLog::new(RARE, FLOOD),
            visits: LimitedLog::new(
                FREQUENT,
                "more lines about clients that came, waited or left are not listed: too many at once",
            ),
            failed_calls: LimitedLog::new(
                FREQUENT,
                "more calls were refused or failed and are not listed",
            ),
            lingering: Semaphore::new(LINGERING),
            turns: watch::Sender::new(0),
            active: Mutex::default(),
            stopping: AtomicBool::new(false),
            calls_end: OnceLock::new(),
            answer_by: OnceLock::new(),
            next_client: AtomicU64::new(1),
            work: Arc::default(),
            config,
        }
    }

    pub(crate) fn table(&self) -> MutexGuard<'_, SessionTable<Session>> {
        lock(&self.table)
    }

    pub(crate) fn admission(&self) -> MutexGuard<'_, Admission> {
        lock(&self.admission)
    }

    /// Returns a receiver that changes whenever a place may have become free.
    pub(crate) fn turns(&self) -> watch::Receiver<u64> {
        self.turns.subscribe()
    }

    /// Makes waiting clients look at their places again.
    pub(crate) fn wake_waiting(&self) {
        self.turns.send_modify(|turn| *turn += 1);
    }

    /// Returns a number for a new client.
    pub(crate) fn next_client(&self) -> ClientId {
        ClientId(self.next_client.fetch_add(1, Ordering::Relaxed))
    }

    /// Returns drivers, closures and hooks, until the server has stopped.
    pub(crate) fn hosted(&self) -> Option<Arc<Hosted>> {
        lock(&self.hosted).clone()
    }

    /// Drops drivers, closures and hooks. A call that was left behind drops them when it ends. May block.
    pub(crate) fn drop_hosted(&self) {
        let hosted = lock(&self.hosted).take();
        drop(hosted);
    }

    /// Reports an event to the program's callback, without waiting for it.
    pub(crate) fn tell(&self, event: ServerEvent) {
        let observer = self.hosted().and_then(|hosted| hosted.observer.clone());
        if let Some(observer) = observer {
            self.events.tell(event, observer, self.begin_work());
        }
    }

    /// Marks the current thread as one that a stop waits for, until the guard is dropped.
    pub(crate) fn enter(&self) -> ServingThread {
        ServingThread::enter(self.incarnation)
    }

    /// Returns true on a thread that a stop waits for. A stop that begins there must not wait for itself.
    pub(crate) fn is_inside(&self) -> bool {
        ServingThread::is_current(self.incarnation)
    }

    /// Returns the session if a thread serves it.
    pub(crate) fn active_session(&self, key: SessionKey) -> Option<ActiveSession> {
        lock(&self.active).get(&key).cloned()
    }

    pub(crate) fn set_active_session(&self, key: SessionKey, session: Option<ActiveSession>) {
        match session {
            Some(session) => lock(&self.active).insert(key, session),
            None => lock(&self.active).remove(&key),
        };
    }

    /// Returns all sessions that threads serve: that of the holder, also while it is disconnected.
    pub(crate) fn active_sessions(&self) -> Vec<ActiveSession> {
        lock(&self.active).values().cloned().collect()
    }

    /// Wakes the thread of a disconnected holder: the grace is shorter once a client waits.
    pub(crate) fn wake_holder(&self) {
        for session in self.active_sessions() {
            session.handoff.wake();
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Returns true in the second half of the time that a stop waits, when running calls count as cancelled. A driver that
    /// checks for cancellation then returns in time for the release hooks.
    pub(crate) fn asks_calls_to_end(&self) -> bool {
        let at = self.calls_end.get();
        at.is_some_and(|at| Instant::now() >= *at)
    }

    /// Returns how long a stopping server still waits for calls before it answers them without their results.
    pub(crate) fn time_to_answer(&self) -> Duration {
        let by = self.answer_by.get();
        by.map_or(Duration::ZERO, |by| {
            by.saturating_duration_since(Instant::now())
        })
    }

    pub(crate) fn set_stopping(&self) {
        let (patience, now) = (self.config.stop_timeout / 2, Instant::now());
        self.calls_end.get_or_init(|| later(now, patience));
        self.answer_by
            .get_or_init(|| later(now, self.config.stop_timeout));
        self.stopping.store(true, Ordering::SeqCst);
        self.wake_waiting();
    }

    /// Begins something that a stop waits for.
    pub(crate) fn begin_work(&self) -> Work {
        self.work.begin()
    }

    /// Waits until no work is left, and returns false if that takes until `deadline`. Blocks.
    pub(crate) fn wait_for_work(&self, deadline: Instant) -> bool {
        self.work.wait(deadline)
    }
}

/// Time per log line about bad connections.
const RARE: Duration = Duration::from_secs(2);
/// Time per log line about clients.
const FREQUENT: Duration = Duration::from_millis(500);
const FLOOD: &str = "more connections went wrong and are not listed: somebody floods the port";
/// Maximum number of refused connections that are kept open until their clients have read why.
const LINGERING: usize = 128;

/// Locks a table. A panic elsewhere leaves it usable: each change to it is a single step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
