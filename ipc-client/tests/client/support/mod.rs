//! A small scripted server on threads: the real state machine of sessions, and ways to make it misbehave.

mod commands;
mod serving;

use std::collections::HashMap;
use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use ipc_client::Client;
use ipc_core::Refusal;
use ipc_core::interface::registry::Registry;
use ipc_core::session::arrival::Arrival;
use ipc_core::session::link::Link;
use ipc_core::session::server::End;
use ipc_core::session::table::{SessionTable, TableLimits};
use ipc_core::wire::ctrl::{ByeReason, CtrlMsg, Hello, Info, QueueStatus, SessionKey};
use ipc_core::wire::preamble::Role;

pub(crate) use commands::{Leases, refused_as};
use serving::{accept, registry};

/// A server and a client of it.
pub(crate) fn connected() -> (FakeServer, Client) {
    let server = FakeServer::start();
    let client = Client::connect(server.address().to_string()).unwrap();
    (server, client)
}

/// The server is held, and one other client is ahead in the queue.
pub(crate) fn behind_alice() -> Admission {
    Admission::Queue(QueueStatus {
        place: 2,
        waiting: 3,
        holder: "scan by alice".into(),
        holder_address: "192.168.1.7".into(),
        held_ms: 61_000,
        idle_ms: 2_000,
        running: String::new(),
        running_ms: 0,
    })
}

/// A server that runs until it is stopped or dropped.
pub(crate) struct FakeServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<thread::JoinHandle<()>>,
}

struct Shared {
    control: Mutex<Control>,
    changed: Condvar,
    registry: Registry,
}

struct Control {
    table: SessionTable,
    streams: HashMap<u64, (Option<SessionKey>, TcpStream)>,
    admission: Admission,
    /// Like a release that knows nothing of them.
    refuses_observers: bool,
    cut: Cut,
    ledger: Vec<String>,
    leases: Leases,
    /// Refuses the next call of a method by this.
    refusal: Option<Refusal>,
    gate_open: bool,
    epoch: u64,
    last_session: Option<SessionKey>,
    hellos: Vec<Hello>,
    /// The sessions that were given out, in order.
    sessions: Vec<SessionKey>,
    ended: Vec<End>,
    stopping: bool,
}

/// What happens to clients that connect.
#[derive(Clone)]
pub(crate) enum Admission {
    Open,
    Queue(QueueStatus),
    Refuse(ByeReason, String),
}

/// Where in the next call the connection is cut.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Cut {
    Never,
    BeforeRunning,
    BeforeAnswering,
}

static FRESH: AtomicU64 = AtomicU64::new(1);

fn fresh() -> u64 {
    FRESH.fetch_add(1, Ordering::Relaxed)
}

impl FakeServer {
    pub(crate) fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap())
    }

    /// Starts a new incarnation at `address`, which an earlier one may have used.
    pub(crate) fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let control = Control {
            table: SessionTable::new(u128::from(fresh()), TableLimits::default()),
            streams: HashMap::new(),
            admission: Admission::Open,
            refuses_observers: false,
            cut: Cut::Never,
            ledger: Vec::new(),
            leases: Leases::default(),
            refusal: None,
            gate_open: false,
            epoch: 0,
            last_session: None,
            hellos: Vec::new(),
            sessions: Vec::new(),
            ended: Vec::new(),
            stopping: false,
        };
        let shared = Arc::new(Shared {
            control: Mutex::new(control),
            changed: Condvar::new(),
            registry: registry(),
        });
        let accepting = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self {
            address,
            shared,
            accepting: Some(accepting),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn set_admission(&self, admission: Admission) {
        self.change(|control| control.admission = admission);
    }

    pub(crate) fn refuse_observers(&self) {
        self.change(|control| control.refuses_observers = true);
    }

    pub(crate) fn cut_next(&self, cut: Cut) {
        self.change(|control| control.cut = cut);
    }

    /// Lets `gate` return, now and later.
    pub(crate) fn open_gate(&self) {
        self.change(|control| control.gate_open = true);
    }

    /// Refuses the next call of a method by `refusal`.
    pub(crate) fn refuse_next(&self, refusal: Refusal) {
        self.change(|control| control.refusal = Some(refusal));
    }

    /// Changes the leases, or looks at them.
    pub(crate) fn leases<T>(&self, change: impl FnOnce(&mut Leases) -> T) -> T {
        let result = change(&mut self.shared.control.lock().unwrap().leases);
        self.shared.changed.notify_all();
        result
    }

    /// Waits until the leases fulfil `condition`.
    pub(crate) fn wait_for_leases(&self, condition: impl Fn(&Leases) -> bool) {
        let control = self.shared.control.lock().unwrap();
        let _done = self
            .shared
            .changed
            .wait_while(control, |control| !condition(&control.leases))
            .unwrap();
    }

    /// Tells all clients `info`.
    pub(crate) fn tell(&self, info: &Info) {
        self.change(|control| {
            for (_, stream) in control.streams.values() {
                let frame = commands::frame_bytes(CtrlMsg::Info, info);
                (&*stream).write_all(&frame).unwrap();
            }
        });
    }

    /// The calls that ran, in order.
    pub(crate) fn ledger(&self) -> Vec<String> {
        self.shared.control.lock().unwrap().ledger.clone()
    }

    pub(crate) fn hellos(&self) -> Vec<Hello> {
        self.shared.control.lock().unwrap().hellos.clone()
    }

    /// The session that was given out as number `index`.
    pub(crate) fn session_of(&self, index: usize) -> Option<SessionKey> {
        let control = self.shared.control.lock().unwrap();
        control.sessions.get(index).copied()
    }

    /// Waits until `ledger` fulfils `condition`.
    pub(crate) fn wait_for(&self, condition: impl Fn(&[String]) -> bool) {
        let control = self.shared.control.lock().unwrap();
        let _done = self
            .shared
            .changed
            .wait_while(control, |control| !condition(&control.ledger))
            .unwrap();
    }

    /// Waits until `count` connections have said hello.
    pub(crate) fn wait_for_hellos(&self, count: usize) {
        let control = self.shared.control.lock().unwrap();
        let _done = self
            .shared
            .changed
            .wait_while(control, |control| control.hellos.len() < count)
            .unwrap();
    }

    /// Waits until a session has ended, and returns how.
    pub(crate) fn wait_for_end(&self) -> End {
        let control = self.shared.control.lock().unwrap();
        let mut control = self
            .shared
            .changed
            .wait_while(control, |control| control.ended.is_empty())
            .unwrap();
        control.ended.remove(0)
    }

    /// Returns true if a session has ended that [`wait_for_end`](Self::wait_for_end) has not returned.
    pub(crate) fn has_ended(&self) -> bool {
        !self.shared.control.lock().unwrap().ended.is_empty()
    }

    /// Ends all connections with a goodbye.
    pub(crate) fn dismiss(&self, reason: ByeReason) {
        self.change(|control| {
            for (_, stream) in control.streams.values() {
                (&*stream).write_all(&bye_frame(reason)).unwrap();
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
    }

    /// Ends all connections without a goodbye.
    pub(crate) fn cut_all(&self) {
        self.change(|control| {
            for (_, stream) in control.streams.values() {
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Control)) {
        change(&mut self.shared.control.lock().unwrap());
        self.shared.changed.notify_all();
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.change(|control| control.stopping = true);
        self.cut_all();
        self.open_gate();
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

impl Control {
    /// Closes the connections of this session. Returns true if there were any.
    fn fence(&self, key: SessionKey) -> bool {
        let fenced = self.streams.values().filter(|(k, _)| *k == Some(key));
        fenced
            .inspect(|(_, stream)| drop(stream.shutdown(Shutdown::Both)))
            .count()
            > 0
    }
}

impl Shared {
    /// Returns true, once, if the script cuts the connection here.
    fn take_cut(&self, here: Cut) -> bool {
        let mut control = self.control.lock().unwrap();
        let now = control.cut == here;
        if now {
            control.cut = Cut::Never;
        }
        now
    }
}

/// A goodbye as it stands on the wire: length, number 3, reason, message.
fn bye_frame(reason: ByeReason) -> Vec<u8> {
    let mut arrival = Arrival::new(Link::plain(Role::Server, 1024));
    arrival.refuse(reason, "a scripted goodbye");
    // Without the preamble, which has already been sent.
    arrival.transmit()[8..].to_vec()
}
