//! The connection of a client as others use it: to say where the client is, and to make it leave.

use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};
use std::time::Instant;

use ipc_core::wire::ctrl::ByeReason;

use super::{Activity, lock};

/// Where the client is, and why it is to leave.
#[derive(Debug)]
pub(super) struct ConnectionControl {
    address: SocketAddr,
    /// The address as it is shown. Written once for each address, because others ask for it often.
    pub(super) shown: String,
    stream: Option<Arc<TcpStream>>,
    /// Why the client is to leave, once it was asked to.
    request: Option<(ByeReason, String)>,
}

impl ConnectionControl {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            shown: address.to_string(),
            stream: None,
            request: None,
        }
    }
}

impl Activity {
    /// The holder is now at the other end of `stream`. If it was asked to leave because it was idle, it is heard again
    /// before that is decided anew.
    pub(crate) fn connected(
        &self,
        address: SocketAddr,
        stream: Option<Arc<TcpStream>>,
        now: Instant,
    ) {
        self.used().attached = Some(now);
        let mut connection = self.connection();
        if connection.address != address {
            connection.address = address;
            connection.shown = address.to_string();
        }
        connection.stream = stream;
        let is_idle = |(reason, _): &mut (ByeReason, _)| *reason == ByeReason::IdleHandover;
        connection.request.take_if(is_idle);
        let is_asked = connection.request.is_some();
        self.is_asked.store(is_asked, Ordering::SeqCst);
    }

    /// The holder has lost its connection.
    pub(crate) fn disconnected(&self) {
        self.used().attached = None;
        self.connection().stream = None;
    }

    /// Asks the client's own thread or task to say goodbye, as soon as no call runs.
    pub(crate) fn ask_to_leave(&self, reason: ByeReason, message: impl Into<String>) {
        let mut connection = self.connection();
        connection.request = Some((reason, message.into()));
        // Before the client's thread is woken, which looks.
        self.is_asked.store(true, Ordering::SeqCst);
        shut(&connection, Shutdown::Read);
    }

    /// Returns true if it was asked to leave. Asked on the way of every call.
    #[inline]
    pub(crate) fn is_asked_to_leave(&self) -> bool {
        self.is_asked.load(Ordering::SeqCst)
    }

    /// What it was asked for.
    pub(crate) fn request(&self) -> Option<(ByeReason, String)> {
        self.connection().request.clone()
    }

    /// Ends the connection at once; the session is not touched.
    pub(crate) fn cut(&self) {
        shut(&self.connection(), Shutdown::Both);
    }

    pub(super) fn connection(&self) -> MutexGuard<'_, ConnectionControl> {
        lock(&self.connection)
    }
}

/// Wakes a thread that waits for bytes. Fails only where there is no connection left to shut.
fn shut(connection: &ConnectionControl, how: Shutdown) {
    if let Some(stream) = &connection.stream {
        let _ = stream.shutdown(how);
    }
}
