//! An engine against hostile and failing servers, in virtual time and without a socket.

mod proofs;
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
use crate::{Client, ClientBuilder};

/// An engine with a call that has no timeout.
struct Scene {
    engine: Engine,
    now: Instant,
    /// True once the call has ended.
    ended: bool,
}

/// What a server sends after the client's `Hello`.
type Script = fn(Arrival) -> Vec<u8>;

impl Scene {
    fn new(builder: ClientBuilder) -> Self {
        let (settings, watch) = builder.into_parts();
        let mut scene = Self {
            engine: Engine::new(settings, watch),
            now: Instant::now(),
            ended: false,
        };
        scene.call();
        scene
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
        self.engine.handle_timeout(self.now);
        while let Some(event) = self.engine.poll_event(self.now) {
            self.ended |= matches!(event, Event::Ended { .. });
        }
    }

    /// Lets time pass until the next attempt is due.
    fn await_try(&mut self) {
        self.now = self.engine.next_attempt(self.now).max(self.now);
    }

    fn connect(&mut self) {
        let server = (Ipv4Addr::LOCALHOST, 4440).into();
        self.engine.attached(Ok(()), server, self.now);
    }

    /// Takes what the client sends.
    fn says(&mut self) -> Vec<u8> {
        let mut said = Vec::new();
        while !self.engine.output().is_empty() {
            let output = self.engine.output().to_vec();
            self.engine.written(output.len(), Ok(output.len()));
            said.extend(output);
        }
        said
    }

    fn hears(&mut self, bytes: &[u8]) {
        // Reading nothing would mean the end of the connection.
        if !bytes.is_empty() {
            let count = bytes.len();
            self.engine
                .received(&mut bytes.to_vec(), Ok(count), self.now);
            self.settle();
        }
    }

    fn loses(&mut self, result: std::io::Result<usize>) {
        self.engine.received(&mut [], result, self.now);
        self.settle();
    }

    /// One connection to a server that follows the script, and closes the connection after `stay`.
    fn meets(&mut self, link: Link, script: Script, stay: Duration) {
        self.joins(link, script);
        self.now += stay;
        self.loses(Ok(0));
    }

    /// Like [`meets`](Self::meets), but the connection stays open.
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
    Client::builder("127.0.0.1")
}

fn plain() -> Link {
    Link::plain(Role::Server, 1 << 20)
}

fn drain<T>(end: &mut T, transmit: fn(&mut T) -> &[u8], consume: fn(&mut T, usize)) -> Vec<u8> {
    let mut said = Vec::new();
    while !transmit(end).is_empty() {
        let count = transmit(end).len();
        said.extend_from_slice(transmit(end));
        consume(end, count);
    }
    said
}

/// The client has to wait in the queue.
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

/// The client is accepted.
fn welcomes(arrival: Arrival) -> Vec<u8> {
    let mut session = session(arrival);
    drain(
        &mut session,
        ServerSession::transmit,
        ServerSession::consume,
    )
}

/// The client is accepted and then asked to yield.
fn hands_over(arrival: Arrival) -> Vec<u8> {
    let mut session = session(arrival);
    session.say_bye(ByeReason::IdleHandover, "another client waits");
    drain(
        &mut session,
        ServerSession::transmit,
        ServerSession::consume,
    )
}
