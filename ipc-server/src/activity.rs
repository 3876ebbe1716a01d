//! What others may know about the client that holds the server, and how to make it leave.

use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipc_core::wire::ctrl::ByeReason;

/// The holder as others see it. Shared between its own thread and the rest of the server.
#[derive(Debug)]
pub(crate) struct Activity {
    name: String,
    since: Instant,
    /// When the last call ended, in milliseconds after `since`.
    last_ms: AtomicU64,
    busy: AtomicBool,
    calls: AtomicU64,
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
    pub(crate) calls: u64,
}

impl Activity {
    pub(crate) fn new(name: String, address: SocketAddr, now: Instant) -> Self {
        Self {
            name,
            since: now,
            last_ms: AtomicU64::new(0),
            busy: AtomicBool::new(false),
            calls: AtomicU64::new(0),
            connection: Mutex::new(Connection {
                address,
                stream: None,
                request: None,
            }),
        }
    }

    /// A call begins.
    pub(crate) fn call_begins(&self) {
        self.busy.store(true, Ordering::Relaxed);
    }

    /// A call has ended.
    pub(crate) fn call_ends(&self, now: Instant) {
        self.last_ms.store(
            millis(now.saturating_duration_since(self.since)),
            Ordering::Relaxed,
        );
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.busy.store(false, Ordering::Relaxed);
    }

    pub(crate) fn seen(&self, now: Instant) -> Seen {
        let held_ms = millis(now.saturating_duration_since(self.since));
        let idle_ms = match self.busy.load(Ordering::Relaxed) {
            true => 0,
            false => held_ms.saturating_sub(self.last_ms.load(Ordering::Relaxed)),
        };
        Seen {
            name: self.name.clone(),
            address: self.connection().address.to_string(),
            held_ms,
            idle_ms,
            calls: self.calls.load(Ordering::Relaxed),
        }
    }

    /// For how long the holder has not called anything; nothing while a call runs.
    pub(crate) fn idle(&self, now: Instant) -> Duration {
        Duration::from_millis(self.seen(now).idle_ms)
    }

    /// The holder is now at the other end of `stream`.
    pub(crate) fn connected(&self, address: SocketAddr, stream: Option<TcpStream>) {
        let mut connection = self.connection();
        connection.address = address;
        connection.stream = stream;
    }

    /// Asks the holder's thread to say goodbye as soon as no call runs.
    pub(crate) fn ask_to_leave(&self, reason: ByeReason, message: impl Into<String>) {
        let mut connection = self.connection();
        connection.request = Some((reason, message.into()));
        shut(&connection, Shutdown::Read);
    }

    /// What the holder's thread was asked for.
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

/// Wakes a thread that waits for bytes. Fails only where there is no connection left to shut.
fn shut(connection: &Connection, how: Shutdown) {
    if let Some(stream) = &connection.stream {
        let _ = stream.shutdown(how);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
