//! What others may know about a client, and how to make it leave.

use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipc_core::wire::ctrl::ByeReason;

use crate::handle::{ClientInfo, RunningCall};
use crate::running::Running;

/// A client as others see it, whether it waits or holds the server. Shared between its own task or thread and the rest
/// of the server.
#[derive(Debug)]
pub(crate) struct Activity {
    id: u64,
    name: String,
    arrived: Instant,
    /// When it became the holder, in milliseconds after `arrived`.
    held_from_ms: AtomicU64,
    /// When its last call that entered a driver ended, in milliseconds after `arrived`.
    last_ms: AtomicU64,
    /// When its present connection was attached, in milliseconds after `arrived`; [`NEVER`] while it has none.
    attached_ms: AtomicU64,
    running: Running,
    calls: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
    connection: Mutex<Connection>,
}

#[derive(Debug)]
struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    request: Option<(ByeReason, String)>,
}

/// A moment's look at the holder.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) held_ms: u64,
    pub(crate) idle_ms: u64,
    pub(crate) running: Option<RunningCall>,
}

impl Seen {
    /// How long a call has run, in milliseconds; 0 if none runs.
    pub(crate) fn running_ms(&self) -> u64 {
        let runs_for = self.running.as_ref().map(|call| call.runs_for);
        let runs_for = runs_for.unwrap_or_default().as_millis();
        u64::try_from(runs_for).unwrap_or(u64::MAX)
    }
}

impl Activity {
    pub(crate) fn new(id: u64, name: String, address: SocketAddr, now: Instant) -> Self {
        Self {
            id,
            name,
            arrived: now,
            held_from_ms: AtomicU64::new(0),
            last_ms: AtomicU64::new(0),
            attached_ms: AtomicU64::new(NEVER),
            running: Running::new(),
            calls: AtomicU64::new(0),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            connection: Mutex::new(Connection {
                address,
                stream: None,
                request: None,
            }),
        }
    }

    /// Tells this client from all others of this run of the server.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// What it calls itself.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its turn has come.
    pub(crate) fn begins_to_hold(&self, now: Instant) {
        let held_from_ms = self.since_arrival(now);
        self.held_from_ms.store(held_from_ms, Ordering::Relaxed);
        self.last_ms.store(held_from_ms, Ordering::Relaxed);
    }

    /// A call begins, of a method or else the question what there is to call. For the serving thread only, as is
    /// [`call_ends`](Self::call_ends).
    pub(crate) fn call_begins(&self, method: Option<&str>, now: Instant) {
        if let Some(method) = method {
            self.running.begin(method, self.since_arrival(now));
        }
        // Only this thread changes it.
        let calls = self.calls.load(Ordering::Relaxed);
        self.calls.store(calls + 1, Ordering::Relaxed);
    }

    /// The call has ended. One that did not enter a driver leaves its client as idle as it was.
    pub(crate) fn call_ends(&self, has_entered: bool, now: Instant) {
        if has_entered {
            self.last_ms
                .store(self.since_arrival(now), Ordering::Relaxed);
        }
        self.running.end();
    }

    /// Bytes have come from the network.
    pub(crate) fn add_received(&self, count: usize) {
        self.received.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Bytes have gone to the network.
    pub(crate) fn add_sent(&self, count: usize) {
        self.sent.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(crate) fn seen(&self, now: Instant) -> Seen {
        let now_ms = self.since_arrival(now);
        let running = self.running.now().map(|running| RunningCall {
            method: running.method,
            runs_for: Duration::from_millis(now_ms.saturating_sub(running.since_ms)),
        });
        let idle_ms = match running {
            Some(_) => 0,
            None => now_ms.saturating_sub(self.last_ms.load(Ordering::Relaxed)),
        };
        Seen {
            name: self.name.clone(),
            address: self.connection().address.to_string(),
            held_ms: now_ms.saturating_sub(self.held_from_ms.load(Ordering::Relaxed)),
            idle_ms,
            running,
        }
    }

    /// All there is to know.
    pub(crate) fn info(&self, place: usize, now: Instant) -> ClientInfo {
        let seen = self.seen(now);
        ClientInfo {
            id: self.id,
            place,
            name: seen.name,
            address: seen.address,
            connected: now.saturating_duration_since(self.arrived),
            idle: Duration::from_millis(seen.idle_ms),
            calls: self.calls.load(Ordering::Relaxed),
            running: seen.running,
            bytes_received: self.received.load(Ordering::Relaxed),
            bytes_sent: self.sent.load(Ordering::Relaxed),
        }
    }

    fn since_arrival(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.arrived);
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    }

    /// How long until the holder may be sent away because it has been idle for `limit`: not while a call runs, and not
    /// without a connection or before one that has just been attached can have brought a call. `None` if that cannot be
    /// said yet.
    pub(crate) fn idle_for_good_in(&self, limit: Duration, now: Instant) -> Option<Duration> {
        let now_ms = self.since_arrival(now);
        let since = |ms: u64| Duration::from_millis(now_ms.saturating_sub(ms));
        let attached_ms = self.attached_ms.load(Ordering::Relaxed);
        if self.running.is_running() || attached_ms == NEVER {
            return None;
        }
        let idle = limit.saturating_sub(since(self.last_ms.load(Ordering::Relaxed)));
        let settled = limit.min(MOMENT).saturating_sub(since(attached_ms));
        Some(idle.max(settled))
    }

    /// This server was suspended for `pause`, in which the holder could not call anything.
    pub(crate) fn excuse(&self, pause: Duration, now: Instant) {
        let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        let last_ms = self.last_ms.load(Ordering::Relaxed);
        let excused_ms = last_ms.saturating_add(pause_ms);
        self.last_ms
            .store(excused_ms.min(self.since_arrival(now)), Ordering::Relaxed);
    }

    /// The holder is now at the other end of `stream`.
    pub(crate) fn connected(&self, address: SocketAddr, stream: Option<TcpStream>, now: Instant) {
        let attached_ms = self.since_arrival(now);
        self.attached_ms.store(attached_ms, Ordering::Relaxed);
        let mut connection = self.connection();
        connection.address = address;
        connection.stream = stream;
    }

    /// The holder has lost its connection.
    pub(crate) fn disconnected(&self) {
        self.attached_ms.store(NEVER, Ordering::Relaxed);
        self.connection().stream = None;
    }

    /// Asks the client's own thread or task to say goodbye, as soon as no call runs.
    pub(crate) fn ask_to_leave(&self, reason: ByeReason, message: impl Into<String>) {
        let mut connection = self.connection();
        connection.request = Some((reason, message.into()));
        shut(&connection, Shutdown::Read);
    }

    /// What it was asked for.
    pub(crate) fn request(&self) -> Option<(ByeReason, String)> {
        self.connection().request.clone()
    }

    /// Ends the connection at once; the session is not touched.
    pub(crate) fn cut(&self) {
        shut(&self.connection(), Shutdown::Both);
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

const NEVER: u64 = u64::MAX;
/// A client that has called before it was sent away is heard within this time.
pub(crate) const MOMENT: Duration = Duration::from_secs(1);

/// Wakes a thread that waits for bytes. Fails only where there is no connection left to shut.
fn shut(connection: &Connection, how: Shutdown) {
    if let Some(stream) = &connection.stream {
        let _ = stream.shutdown(how);
    }
}
