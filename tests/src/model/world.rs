//! The state of everything: both ends, what is under way between them, and what has happened.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;
use ipc_core::session::arrival::Arrival;
use ipc_core::session::client::{ClientConfig, ClientSession};
use ipc_core::session::digest::Subject;
use ipc_core::session::server::ServerSession;
use ipc_core::session::table::SessionTable;
use ipc_core::wire::ctrl::SessionKey;

use super::watch::{Broken, Outcome, Record};
use super::{Budget, Search};

/// A state machine that is shared between the states it is the same in.
#[derive(Debug)]
pub(super) struct Part<T> {
    value: Arc<T>,
    digest: u64,
}

impl<T: Subject + Clone> Part<T> {
    pub(super) fn new(value: T) -> Self {
        let mut part = Self {
            value: Arc::new(value),
            digest: 0,
        };
        part.change(|_| ());
        part
    }

    pub(super) fn get(&self) -> &T {
        &self.value
    }

    pub(super) fn change<R>(&mut self, change: impl FnOnce(&mut T) -> R) -> R {
        let value = Arc::make_mut(&mut self.value);
        let result = change(value);
        let mut hasher = DefaultHasher::new();
        value.digest(&mut hasher);
        self.digest = hasher.finish();
        result
    }

    pub(super) fn into_inner(self) -> T {
        Arc::unwrap_or_clone(self.value)
    }
}

impl<T> Clone for Part<T> {
    fn clone(&self) -> Self {
        Self {
            value: Arc::clone(&self.value),
            digest: self.digest,
        }
    }
}

impl<T> Hash for Part<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.digest);
    }
}

/// One connection and what is under way on it.
#[derive(Clone, Debug, Hash)]
pub(super) struct Connection {
    pub(super) id: u8,
    pub(super) client_open: bool,
    pub(super) server_open: bool,
    pub(super) to_server: VecDeque<Bytes>,
    pub(super) to_client: VecDeque<Bytes>,
    pub(super) seat: Seat,
}

/// Who has the server's end of a connection.
#[derive(Clone, Debug, Hash)]
pub(super) enum Seat {
    Arriving(Part<Arrival>),
    /// Waits until an earlier connection has let go of the session.
    Fencing(Part<Arrival>, SessionKey),
    Held(SessionKey),
    Nobody,
}

/// A session that is in use at the server.
#[derive(Clone, Debug, Hash)]
pub(super) struct Held {
    pub(super) key: SessionKey,
    pub(super) session: Part<ServerSession>,
    pub(super) connection: Option<u8>,
    /// The connection number its hello had.
    pub(super) newest: u64,
    /// The calls that run: their numbers and which ones they are.
    pub(super) running: Vec<(u64, u8)>,
}

/// A call that still runs, and whose session knows nothing of it any more.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct LeftBehind {
    pub(super) key: SessionKey,
    pub(super) number: u64,
    pub(super) tag: u8,
}

/// The state of everything.
#[derive(Clone)]
pub struct World {
    pub(super) client: Part<ClientSession>,
    pub(super) table: Part<SessionTable>,
    pub(super) connections: Vec<Connection>,
    pub(super) held: Vec<Held>,
    /// Calls that still ran when the server said goodbye.
    pub(super) left_behind: Vec<LeftBehind>,
    pub(super) records: Vec<Record>,
    pub(super) left: Budget,
    pub(super) incarnation: u8,
    pub(super) sessions: u8,
    pub(super) dials: u8,
    pub(super) had_disaster: bool,
    /// True once the deadlines of all calls have passed by the server's clock.
    pub(super) is_late: bool,
    pub(super) reconnected: bool,
    pub(super) broken: u16,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The client makes its next call.
    Call,
    /// The client gives up a call.
    GiveUp(u8),
    /// The client connects.
    Dial,
    /// The client's network takes a frame.
    Send,
    /// A frame, or else the end of the connection, arrives at the server.
    ArriveAtServer(u8),
    /// A frame, or else the end of the connection, arrives at the client.
    ArriveAtClient(u8),
    /// What was under way to the server is lost, and the server notices the end of the connection.
    LoseToServer(u8),
    /// What was under way to the client is lost, and the client notices the end of the connection.
    LoseToClient(u8),
    /// The client loses the connection.
    DropAtClient,
    /// The server loses the connection.
    DropAtServer(u8),
    /// A waiting connection is given its session.
    Fence(u8),
    /// The driver is entered: the effect happens.
    Start(u8),
    /// The driver returns from one of the calls of a session.
    Finish(u8, u8),
    /// The driver returns from a call that was left behind.
    FinishLate(u8),
    /// The next call of a session is refused, as when its device is stuck.
    Refuse(u8),
    /// The server says goodbye to the client of a session, which it forgets if the second field says so.
    SayBye(u8, bool),
    /// The deadlines of all calls pass by the server's clock.
    BeLate,
    /// The server stops running the calls of a client that is gone.
    Park(u8),
    /// The server forgets a session.
    Evict(u8),
    /// The server is killed and started again.
    Crash,
    /// Nothing can happen any more, and a call is unanswered.
    GetStuck,
}

impl World {
    pub(super) fn new(search: &Search) -> Self {
        let config = ClientConfig {
            name: String::new(),
            ..ClientConfig::default()
        };
        let mut client = ClientSession::new(config);
        client.plant(&search.mutants);
        let mut world = Self {
            client: Part::new(client),
            table: Part::new(SessionTable::new(0, Default::default())),
            connections: vec![],
            held: vec![],
            left_behind: vec![],
            records: search.calls.iter().copied().map(Record::new).collect(),
            left: search.budget,
            incarnation: 0,
            sessions: 0,
            dials: 0,
            had_disaster: false,
            is_late: false,
            reconnected: false,
            broken: 0,
        };
        world.restart(search);
        world
    }

    /// A server with nothing left of the one before.
    pub(super) fn restart(&mut self, search: &Search) {
        self.incarnation += 1;
        self.sessions = 0;
        self.held.clear();
        self.left_behind.clear();
        let mut table = SessionTable::new(u128::from(self.incarnation), Default::default());
        table.plant(&search.mutants);
        self.table = Part::new(table);
    }

    pub(super) fn break_promise(&mut self, broken: Broken) {
        self.broken |= 1 << broken as u16;
    }

    /// Whether this promise has been broken.
    pub fn is_broken(&self, broken: Broken) -> bool {
        self.broken & (1 << broken as u16) != 0
    }

    /// Whether a call has returned after the client had come back to its session.
    pub fn has_returned_after_reconnect(&self) -> bool {
        let returned = |record: &Record| record.outcome == Outcome::Returned;
        self.reconnected && self.records.iter().any(returned)
    }

    /// How each call ended.
    pub fn outcomes(&self) -> Vec<Outcome> {
        self.records.iter().map(|record| record.outcome).collect()
    }

    pub(super) fn open_calls(&self) -> usize {
        let open = |record: &&Record| record.outcome == Outcome::Open;
        self.records.iter().filter(open).count()
    }

    pub(super) fn client_connection(&self) -> Option<&Connection> {
        self.connections
            .iter()
            .find(|connection| connection.client_open)
    }
}

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.client, &self.table, &self.connections, &self.held).hash(state);
        self.left_behind.hash(state);
        (&self.records, self.left, self.incarnation, self.sessions).hash(state);
        (
            self.had_disaster,
            self.is_late,
            self.reconnected,
            self.broken,
        )
            .hash(state);
    }
}

impl PartialEq for World {
    fn eq(&self, other: &Self) -> bool {
        let digest = |world: &Self| {
            let mut hasher = DefaultHasher::new();
            world.hash(&mut hasher);
            hasher.finish()
        };
        digest(self) == digest(other)
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("outcomes", &self.outcomes())
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
