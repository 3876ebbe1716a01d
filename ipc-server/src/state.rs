//! What all parts of a running server share.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use ipc_core::session::table::SessionTable;
use ipc_core::wire::ctrl::{ByeReason, ConnectionRole, SessionKey};
use ipc_hub::Hub;
use ipc_hub::admission::{Admission, ClientId};
use ipc_hub::event::ClientInfo;
use ipc_hub::front_end::FrontEnd;
use ipc_hub::hosted::Hosted;
use ipc_hub::log::limited::LimitedLog;
use ipc_hub::party::Party;
use ipc_hub::time::later;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

use crate::config::Config;
use crate::handshake::guesses::GuessLimiter;
use crate::session::activity::Activity;
use crate::session::mailbox::Mailbox;
use crate::session::shared_session::SharedSession;
use crate::session::threads::SessionThreads;

/// What all parts of a running server share.
#[derive(Debug)]
pub(crate) struct ServerState {
    /// The devices, and what the server shares with other front ends.
    pub(crate) hub: Arc<Hub>,
    pub(crate) config: Config,
    pub(crate) address: SocketAddr,
    table: Mutex<SessionTable<SharedSession>>,
    admission: Mutex<Clients>,
    pub(crate) guesses: GuessLimiter,
    /// Connections that fail.
    pub(crate) bad_connections: LimitedLog,
    /// Wrong secrets, which other bad connections must not hide.
    pub(crate) wrong_secrets: LimitedLog,
    /// Clients that come and go.
    pub(crate) client_log: LimitedLog,
    /// Calls that fail or are refused.
    pub(crate) failed_calls: LimitedLog,
    /// One permit for each refused connection that is kept open until its client has read why.
    pub(crate) lingering: Semaphore,
    /// Changes whenever a place in the order of clients may have become free.
    turns: watch::Sender<u64>,
    active: Mutex<HashMap<SessionKey, ActiveSession>>,
    pub(crate) threads: Arc<SessionThreads>,
    stopping: AtomicBool,
    /// When running calls are cancelled, once the server is stopping.
    calls_end: OnceLock<Instant>,
    /// When a call that still runs is answered without its result, once the server is stopping.
    answer_by: OnceLock<Instant>,
    next_client: AtomicU64,
}

/// The clients that hold the server, and those that wait.
type Clients = Admission<Arc<Activity>, SessionKey>;

/// A client that holds the server, and the devices that it has leased.
pub(crate) struct Holder {
    pub(crate) activity: Arc<Activity>,
    pub(crate) leased: Vec<String>,
}

/// A place in the order of clients, which is given up when its last owner drops it.
pub(crate) trait Place: fmt::Debug + Send + Sync {}

/// A session that a thread serves, reachable for a new connection of the same client.
#[derive(Clone, Debug)]
pub(crate) struct ActiveSession {
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) activity: Arc<Activity>,
    pub(crate) party: Arc<Party>,
    pub(crate) role: ConnectionRole,
    /// Its place in the order of clients.
    pub(crate) place: Option<Weak<dyn Place>>,
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
            address,
            hub: Arc::new(Hub::new(hosted, runtime, incarnation, config.is_shared())),
            table: Mutex::new(SessionTable::new(incarnation, config.table.clone())),
            admission: Mutex::new(Admission::with_seats(config.seats, config.queue)),
            guesses: GuessLimiter::new(config.access.clone()),
            bad_connections: LimitedLog::new(RARE, FLOOD),
            wrong_secrets: LimitedLog::new(RARE, FLOOD),
            client_log: LimitedLog::new(
                FREQUENT,
                "more lines about clients that came, waited or left are not listed: too many at once",
            ),
            failed_calls: LimitedLog::new(
                FREQUENT,
                "more calls were refused, failed or given up and are not listed",
            ),
            lingering: Semaphore::new(LINGERING),
            turns: watch::Sender::new(0),
            active: Mutex::default(),
            threads: Arc::default(),
            stopping: AtomicBool::new(false),
            calls_end: OnceLock::new(),
            answer_by: OnceLock::new(),
            next_client: AtomicU64::new(1),
            config,
        }
    }

    pub(crate) fn table(&self) -> MutexGuard<'_, SessionTable<SharedSession>> {
        lock(&self.table)
    }

    pub(crate) fn admission(&self) -> MutexGuard<'_, Clients> {
        lock(&self.admission)
    }

    /// Returns the client that would be asked first to make room for another one: of those that hold the server, the one that has
    /// been idle for longest. A client with a lease is not asked, and comes last.
    pub(crate) fn most_idle(&self, now: Instant) -> Option<Holder> {
        let holders: Vec<_> = self.admission().holders().cloned().collect();
        let sessions = self.active_sessions();
        let holders = holders.into_iter().map(|activity| {
            let is_it = |session: &&ActiveSession| Arc::ptr_eq(&session.activity, &activity);
            let session = sessions.iter().find(is_it);
            let leased = session.map(|session| self.hub.leased_by(session.party.id()));
            Holder {
                leased: leased.unwrap_or_default(),
                activity,
            }
        });
        holders.max_by_key(|holder| (holder.leased.is_empty(), holder.activity.idle_ms(now)))
    }

    /// Returns the clients that hold the server, and then those that wait, in order.
    pub(crate) fn clients(&self) -> Vec<ClientInfo> {
        let now = Instant::now();
        let admission = self.admission();
        let clients = admission.clients();
        clients
            .map(|(place, client)| client.info(place, now))
            .collect()
    }

    /// Returns the client with this id.
    pub(crate) fn client(&self, id: u64) -> Option<Arc<Activity>> {
        let admission = self.admission();
        let mut clients = admission.clients();
        let found = clients.find(|(_, client)| client.id() == id);
        found.map(|(_, client)| Arc::clone(client))
    }

    /// Asks a client to leave for good. Returns false if there is no such client.
    pub(crate) fn disconnect(&self, client: u64, reason: &str) -> bool {
        let found = self.client(client);
        if let Some(found) = &found {
            found.ask_to_leave(ByeReason::Disconnected, reason);
            self.wake_waiting();
        }
        found.is_some()
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
            session.mailbox.wake();
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
        let hooks = self.config.stop_timeout.saturating_add(HOOKS);
        self.hub.end_hooks_by(later(now, hooks));
        self.stopping.store(true, Ordering::SeqCst);
        self.wake_waiting();
    }
}

impl FrontEnd for ServerState {
    fn clients(&self) -> Vec<ClientInfo> {
        Self::clients(self)
    }

    fn disconnect(&self, client: u64, by: &str, because: &str) -> bool {
        let reason = match because {
            "" => format!("disconnected by {by}"),
            because => format!("disconnected by {by}: {because}"),
        };
        Self::disconnect(self, client, &reason)
    }
}

/// How long a stop waits for release hooks, once calls have had their time.
const HOOKS: Duration = Duration::from_millis(300);
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
