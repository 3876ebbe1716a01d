//! An engine and servers that are up to something, in virtual time and without a socket.

mod guesses;
mod secrets;
mod storms;

use std::net::Ipv4Addr;
use std::time::Duration;

use ipc_core::Args;
use ipc_core::interface::caller::OutgoingCall;
use ipc_core::session::arrival::Arrival;
use ipc_core::session::link::Link;
use ipc_core::session::server::ServerSession;
use ipc_core::wire::ctrl::{ByeReason, SessionKey};
use ipc_core::wire::preamble::Role;

use super::*;
use crate::builder::ClientBuilder;

/// An engine with a call that takes as long as it takes.
struct Stage {
    engine: Engine,
    now: Instant,
    /// How the call has ended, if it has.
    ended: bool,
}

/// What a server says to a client that it knows by its hello.
type Script = fn(Arrival) -> Vec<u8>;

impl Stage {
    fn new(builder: ClientBuilder) -> Self {
        let (settings, watch) = builder.into_parts();
        let mut stage = Self {
            engine: Engine::new(settings, watch),
            now: Instant::now(),
            ended: false,
        };
        stage.call();
        stage
    }

    fn call(&mut self) {
        self.ended = false;
        let frame = OutgoingCall::by_name("step", &Args::new())
            .take_frame()
            .unwrap();
        let timing = Timing {
            started: self.now,
            timeout: None,
        };
        self.engine.begin(frame, false, timing).unwrap();
        self.settle();
    }

    fn settle(&mut self) {
        self.engine.settle(self.now);
        while let Some(event) = self.engine.poll_event(self.now) {
            self.ended |= matches!(event.news, News::Ended(_));
        }
    }

    /// Lets time pass until the next try is due.
    fn await_try(&mut self) {
        self.now = self.engine.next_try(self.now).max(self.now);
    }

    fn connect(&mut self) {
        let server = (Ipv4Addr::LOCALHOST, 4440).into();
        self.engine.attached(Ok(()), server, self.now);
    }

    /// What the client has to say.
    fn says(&mut self) -> Vec<u8> {
        let mut said = Vec::new();
        while !self.engine.output().is_empty() {
            let output = self.engine.output().to_vec();
            self.engine.written(Ok(output.len()));
            said.extend(output);
        }
        said
    }

    fn hears(&mut self, bytes: &[u8]) {
        // To read nothing would mean the end.
        if !bytes.is_empty() {
            self.engine.received(bytes, Ok(bytes.len()), self.now);
            self.settle();
        }
    }

    fn loses(&mut self, result: std::io::Result<usize>) {
        self.engine.received(&[], result, self.now);
        self.settle();
    }

    /// One connection to a server that says what the script tells it to, stays for a while and closes.
    fn meets(&mut self, link: Link, script: Script, stay: Duration) {
        self.joins(link, script);
        self.now += stay;
        self.loses(Ok(0));
    }

    /// The same, but the connection stands.
    fn joins(&mut self, link: Link, script: Script) {
        self.connect();
        let mut arrival = Arrival::new(link);
        while arrival.hello().is_none() {
            let said = self.says();
            arrival.handle_input(&said).unwrap();
            let answer = drain(&mut arrival, Arrival::transmit, Arrival::consume);
            self.hears(&answer);
        }
        self.hears(&script(arrival));
    }
}

fn client() -> ClientBuilder {
    ClientBuilder::new("127.0.0.1")
}

fn plain() -> Link {
    Link::plain(Role::Server, 1 << 20)
}

fn drain<T>(end: &mut T, transmit: fn(&T) -> &[u8], consume: fn(&mut T, usize)) -> Vec<u8> {
    let mut said = Vec::new();
    while !transmit(end).is_empty() {
        let count = transmit(end).len();
        said.extend_from_slice(transmit(end));
        consume(end, count);
    }
    said
}

/// The client has to wait.
fn queues(mut arrival: Arrival) -> Vec<u8> {
    arrival.tell_place(QueueStatus {
        place: 1,
        waiting: 1,
        holder: "scan by alice".into(),
        holder_address: "192.168.1.7".into(),
        held_ms: 1,
        idle_ms: 0,
        running: String::new(),
        running_ms: 0,
    });
    drain(&mut arrival, Arrival::transmit, Arrival::consume)
}

fn session(arrival: Arrival) -> ServerSession {
    let hello = arrival.hello().unwrap().clone();
    let key = SessionKey {
        incarnation: 1,
        session: 2,
    };
    let mut session = ServerSession::new(key, Default::default());
    session.attach(arrival.into_link(), &hello, 1);
    session
}

/// The client is let in.
fn welcomes(arrival: Arrival) -> Vec<u8> {
    let mut session = session(arrival);
    drain(
        &mut session,
        ServerSession::transmit,
        ServerSession::consume,
    )
}

/// The client is let in and asked to leave.
fn hands_over(arrival: Arrival) -> Vec<u8> {
    let mut session = session(arrival);
    session.say_bye(ByeReason::IdleHandover, "somebody waits");
    drain(
        &mut session,
        ServerSession::transmit,
        ServerSession::consume,
    )
}
