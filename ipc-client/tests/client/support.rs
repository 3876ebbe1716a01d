//! A small scripted server on threads: the real session state machine, and ways to make it misbehave.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

use ipc_client::Client;
use ipc_core::CallContext;
use ipc_core::interface::context::CallHost;
use ipc_core::interface::function::IntoFunction;
use ipc_core::interface::registry::{IncomingCall, Registry};
use ipc_core::session::arrival::Arrival;
use ipc_core::session::link::{Link, LinkError};
use ipc_core::session::server::{End, ServerSession};
use ipc_core::session::table::{Greeted, SessionTable, TableLimits};
use ipc_core::wire::ctrl::{ByeReason, Hello, QueueStatus, SessionKey};
use ipc_core::wire::preamble::Role;

/// A server and a client of it.
pub(crate) fn connected() -> (FakeServer, Client) {
    let server = FakeServer::start();
    let client = Client::connect(server.address().to_string()).unwrap();
    (server, client)
}

/// Two wait before us, and one holds the server.
pub(crate) fn behind_alice() -> Admission {
    Admission::Queue(QueueStatus {
        place: 2,
        waiting: 3,
        holder: "scan by alice".into(),
        holder_address: "192.168.1.7".into(),
        held_ms: 61_000,
        idle_ms: 2_000,
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
    cut: Cut,
    ledger: Vec<String>,
    gate_open: bool,
    epoch: u64,
    last_session: Option<SessionKey>,
    hellos: Vec<Hello>,
    ended: Vec<End>,
    stopping: bool,
}

/// What becomes of those who knock.
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

    /// A new incarnation, at an address where another one may have been.
    pub(crate) fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let control = Control {
            table: SessionTable::new(u128::from(fresh()), TableLimits::default()),
            streams: HashMap::new(),
            admission: Admission::Open,
            cut: Cut::Never,
            ledger: Vec::new(),
            gate_open: false,
            epoch: 0,
            last_session: None,
            hellos: Vec::new(),
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

    pub(crate) fn cut_next(&self, cut: Cut) {
        self.change(|control| control.cut = cut);
    }

    /// Lets `gate` return, now and later.
    pub(crate) fn open_gate(&self) {
        self.change(|control| control.gate_open = true);
    }

    /// What ran, in order.
    pub(crate) fn ledger(&self) -> Vec<String> {
        self.shared.control.lock().unwrap().ledger.clone()
    }

    pub(crate) fn hellos(&self) -> Vec<Hello> {
        self.shared.control.lock().unwrap().hellos.clone()
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

    /// Waits until a session has ended, and says how.
    pub(crate) fn wait_for_end(&self) -> End {
        let control = self.shared.control.lock().unwrap();
        let mut control = self
            .shared
            .changed
            .wait_while(control, |control| control.ended.is_empty())
            .unwrap();
        control.ended.remove(0)
    }

    /// True if a session has ended that nobody has asked about.
    pub(crate) fn has_ended(&self) -> bool {
        !self.shared.control.lock().unwrap().ended.is_empty()
    }

    /// Ends all connections, politely.
    pub(crate) fn dismiss(&self, reason: ByeReason) {
        self.change(|control| {
            for (_, stream) in control.streams.values() {
                (&*stream).write_all(&bye_frame(reason)).unwrap();
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
    }

    /// Ends all connections without a word.
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
    /// True if a connection of this session was still there.
    fn fence(&self, key: SessionKey) -> bool {
        let fenced = self.streams.values().filter(|(k, _)| *k == Some(key));
        fenced
            .inspect(|(_, stream)| drop(stream.shutdown(Shutdown::Both)))
            .count()
            > 0
    }
}

impl Shared {
    /// True once if the script says that the connection is to be cut here.
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
    // Without the preamble, which was said before.
    arrival.transmit()[8..].to_vec()
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    for function in [
        (|n: u64| n).into_function("echo"),
        (|a: f64, b: f64| a / b).into_function("divide"),
        (|text: String| text).into_function("mirror"),
        (|name: String| -> Result<u32, String> { Err(format!("{name} is on fire")) })
            .into_function("fail"),
        (|| ()).into_function("gate"),
        (|| ()).into_function("gate_is_open"),
        (|| 0_u32).into_function("sweep_slowly"),
        (|| ()).into_function("until_cancelled"),
        (|steps: u32| steps).into_function("sweep"),
    ] {
        registry.add_function(function).unwrap();
    }
    registry
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.control.lock().unwrap().stopping {
            return;
        }
        let Ok(stream) = stream else { continue };
        stream.set_nodelay(true).unwrap();
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            let id = fresh();
            let registered = (None, stream.try_clone().unwrap());
            shared
                .control
                .lock()
                .unwrap()
                .streams
                .insert(id, registered);
            let session = admit(&stream, &shared, id);
            if let Some(mut session) = session {
                serve(&stream, &shared, &mut session);
                let mut control = shared.control.lock().unwrap();
                match session.end() {
                    Some(End::Finished) => control.table.remove(session.key()),
                    _ => {
                        session.detach();
                    }
                }
                let end = session
                    .end()
                    .cloned()
                    .unwrap_or(End::Lost(LinkError::Silent));
                control.ended.push(end);
                control.table.park(session, Instant::now());
            }
            let _ = stream.shutdown(Shutdown::Both);
            shared.control.lock().unwrap().streams.remove(&id);
            shared.changed.notify_all();
        });
    }
}

fn admit(mut stream: &TcpStream, shared: &Shared, id: u64) -> Option<Box<ServerSession>> {
    let mut arrival = Arrival::new(Link::plain(Role::Server, 16 << 20));
    let mut buffer = [0; 4096];
    while arrival.hello().is_none() {
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        arrival.handle_input(&buffer[..count]).ok()?;
    }
    let hello = arrival.hello()?.clone();
    let mut control = shared.control.lock().unwrap();
    control.hellos.push(hello.clone());
    shared.changed.notify_all();
    loop {
        match control.admission.clone() {
            Admission::Open => break,
            Admission::Refuse(reason, message) => {
                arrival.refuse(reason, message);
                let _ = stream.write_all(arrival.transmit());
                return None;
            }
            Admission::Queue(status) => {
                arrival.tell_place(status);
                while !arrival.transmit().is_empty() {
                    let count = stream.write(arrival.transmit()).ok()?;
                    arrival.consume(count);
                }
                control = shared.changed.wait(control).unwrap();
                if control.stopping {
                    return None;
                }
            }
        }
    }
    // An earlier connection of the same session is fenced, and its session waited for.
    while let Some(key) = hello.resume
        && control.fence(key)
    {
        control = shared.changed.wait(control).unwrap();
    }
    match control
        .table
        .greet(&hello, u128::from(fresh()), Instant::now())
    {
        Greeted::Session(mut session) => {
            let key = session.key();
            if control.last_session != Some(key) {
                control.epoch += 1;
                control.last_session = Some(key);
            }
            if let Some(entry) = control.streams.get_mut(&id) {
                entry.0 = Some(key);
            }
            session.attach(arrival.into_link(), &hello, control.epoch);
            Some(session)
        }
        Greeted::Out(_) | Greeted::Stale | Greeted::Full => None,
    }
}

fn serve(stream: &TcpStream, shared: &Shared, session: &mut ServerSession) {
    let mut buffer = vec![0; 64 * 1024];
    flush(stream, session);
    while session.end().is_none() {
        let count = stream.peek(&mut buffer).unwrap_or_default();
        if count > 0 && shared.take_cut(Cut::BeforeRunning) {
            return forget_call(stream, session);
        }
        read(stream, session, &mut buffer);
        while let Some((call, _)) = session.next_call(Instant::now()) {
            let cut = shared.take_cut(Cut::BeforeAnswering);
            let reply = run(stream, shared, session, &call);
            session.reply(call.header.number, reply);
            if cut {
                return forget_call(stream, session);
            }
            flush(stream, session);
        }
        flush(stream, session);
    }
}

fn forget_call(stream: &TcpStream, session: &mut ServerSession) {
    let _ = stream.shutdown(Shutdown::Both);
    session.handle_eof(Some("cut by the script".into()));
}

fn run(
    stream: &TcpStream,
    shared: &Shared,
    session: &mut ServerSession,
    call: &IncomingCall,
) -> Vec<u8> {
    let number = call.header.number;
    let log = |entry: &str| {
        shared.control.lock().unwrap().ledger.push(entry.into());
        shared.changed.notify_all();
    };
    match call.header.method.as_str() {
        "gate" | "sweep_slowly" => {
            log(&format!("{} entered", call.header.method));
            let control = shared.control.lock().unwrap();
            let _open = shared
                .changed
                .wait_while(control, |c| !c.gate_open)
                .unwrap();
        }
        "until_cancelled" => {
            log("until_cancelled entered");
            let mut buffer = [0; 4096];
            while session.end().is_none() && !session.is_cancelled(number) {
                read(stream, session, &mut buffer);
            }
            log("cancelled");
        }
        "sweep" => {
            for step in 1..=4 {
                session.progress(number, f64::from(step) / 4.0, &format!("step {step}"));
            }
            flush(stream, session);
        }
        _ => {}
    }
    let context = CallContext::new(Rc::new(Host), number, "test".into(), None);
    let reply = shared.registry.run(call, &context, session.reply_limit());
    log(&call.header.method);
    reply
}

fn read(mut stream: &TcpStream, session: &mut ServerSession, buffer: &mut [u8]) {
    match stream.read(buffer) {
        Ok(0) => session.handle_eof(None),
        Ok(count) => session.handle_input(&buffer[..count], Instant::now()),
        Err(error) => session.handle_eof(Some(error.to_string())),
    }
}

fn flush(mut stream: &TcpStream, session: &mut ServerSession) {
    while !session.transmit().is_empty() {
        match stream.write(session.transmit()) {
            Ok(count) => session.consume(count),
            Err(error) => session.handle_eof(Some(error.to_string())),
        }
    }
}

struct Host;

impl CallHost for Host {
    fn is_cancelled(&self, _call: u64) -> bool {
        false
    }

    fn progress(&self, _call: u64, _fraction: f64, _message: &str) {}

    fn block_on(&self, _future: std::pin::Pin<&mut dyn Future<Output = ()>>) {}
}

/// Serves each connection with a session of its own, and does nothing else: for measurements.
pub(crate) fn serve_plainly(registry: fn() -> Registry) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || serve_one(&stream.unwrap(), &registry()));
        }
    });
    address
}

fn serve_one(mut stream: &TcpStream, registry: &Registry) {
    stream.set_nodelay(true).unwrap();
    let mut buffer = vec![0; 64 * 1024];
    let mut arrival = Arrival::new(Link::plain(Role::Server, 16 << 20));
    while arrival.hello().is_none() {
        let count = stream.read(&mut buffer).unwrap();
        arrival.handle_input(&buffer[..count]).unwrap();
    }
    let hello = arrival.hello().unwrap().clone();
    let key = SessionKey {
        incarnation: 1,
        session: fresh().into(),
    };
    let mut session = ServerSession::new(key, Default::default());
    session.attach(arrival.into_link(), &hello, 1);
    let context = CallContext::new(Rc::new(Host), 0, "test".into(), None);
    while session.end().is_none() {
        flush(stream, &mut session);
        read(stream, &mut session, &mut buffer);
        while let Some((call, _)) = session.next_call(Instant::now()) {
            let reply = registry.run(&call, &context, session.reply_limit());
            session.reply(call.header.number, reply);
        }
    }
}
