//! A conversation between the two real ends, and what each of them sent.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_core::Args;
use ipc_core::interface::context::{CallContext, CallHost};
use ipc_core::interface::registry::Registry;
use ipc_core::native;
use ipc_core::private::OutgoingCall;
use ipc_core::session::arrival::Arrival;
use ipc_core::session::client::{ClientConfig, ClientSession};
use ipc_core::session::link::Link;
use ipc_core::session::server::{ServerSession, SessionLimits};
use ipc_core::wire::codec;
use ipc_core::wire::ctrl::{ByeReason, CtrlMsg, QueueStatus, SessionKey};
use ipc_core::wire::preamble::Role;
use serde::Serialize;

use crate::meter::{MeterProxy, Recorder, registry};

/// One frame that somebody sent.
#[derive(Debug)]
pub struct Sent {
    pub name: &'static str,
    pub from: &'static str,
    pub bytes: Vec<u8>,
}

pub const KEY: SessionKey = SessionKey {
    incarnation: 0x1f1e_1d1c_1b1a_1918_1716_1514_1312_1110,
    session: 0x2f2e_2d2c_2b2a_2928_2726_2524_2322_2120,
};
const MAX_FRAME: usize = 1 << 20;

/// Both ends and what went between them.
struct Conversation {
    client: ClientSession,
    server: ServerSession,
    registry: Registry,
    now: Instant,
    sent: Vec<Sent>,
}

/// All frames of the document, in order.
#[allow(clippy::disallowed_methods, reason = "any moment will do")]
pub fn frames() -> Vec<Sent> {
    let now = Instant::now();
    let (mut conversation, link) = Conversation::greeting(now);
    conversation.calls();
    conversation.resumption(link);
    conversation.sent.extend(crate::further::frames());
    conversation.sent
}

impl Conversation {
    fn greeting(now: Instant) -> (Self, Link) {
        let mut sent = Vec::new();
        let mut client = ClientSession::new(ClientConfig {
            name: "stranger".into(),
            max_frame: MAX_FRAME,
            ..ClientConfig::default()
        });
        client.connect(Link::plain(Role::Client, MAX_FRAME), now);
        let hello = take_from_client(&mut client);
        let mut arrival = Arrival::new(Link::plain(Role::Server, MAX_FRAME));
        arrival.handle_input(&hello).expect("a hello");
        assert_eq!(hello[..8], *b"LIPC\x01\x00C\x00");
        sent.push(frame("hello", "client", &hello[8..]));

        arrival.tell_place(QueueStatus {
            place: 1,
            waiting: 1,
            holder: "scan".into(),
            holder_address: "10.0.0.7:50312".into(),
            held_ms: 61_000,
            idle_ms: 0,
            running: "pump_read_voltage".into(),
            running_ms: 1_500,
        });
        let queued = arrival.transmit().to_vec();
        assert_eq!(queued[..8], *b"LIPC\x01\x00S\x00");
        sent.push(frame("info-queued", "server", &queued[8..]));
        arrival.consume(queued.len());
        arrival.ping(1);
        let ping = arrival.transmit().to_vec();
        sent.push(frame("ping", "server", &ping));
        arrival.consume(ping.len());
        client.handle_input(&[queued, ping].concat(), now);
        let pong = take_from_client(&mut client);
        sent.push(frame("pong", "client", &pong));
        arrival.handle_input(&pong).expect("a pong");
        assert!(arrival.answered(1));

        let hello = arrival.hello().expect("it has come").clone();
        let mut limits = SessionLimits::default();
        limits.max_frame(16 << 20);
        let mut server = ServerSession::new(KEY, limits);
        server.attach(arrival.into_link(), &hello, 1);
        let welcome = take_from_server(&mut server);
        sent.push(frame("welcome", "server", &welcome));
        client.handle_input(&welcome, now);
        assert!(client.is_ready());
        let next = Link::plain(Role::Client, MAX_FRAME);
        let registry = registry();
        let conversation = Self {
            client,
            server,
            registry,
            now,
            sent,
        };
        (conversation, next)
    }

    fn calls(&mut self) {
        let meter = MeterProxy::with_prefix(&Recorder, "pump_");
        let by_name = |method: &str, args: Args| {
            let mut call = OutgoingCall::by_name(method, &args);
            let frame = call.take_frame().expect("arguments that can travel");
            frame.into_vec()
        };
        let twenty = || Args::new().arg(20).expect("a number");
        let named = Args::new().named("samples", 20).expect("a number");
        let nine = Args::new().arg(9).expect("a number");

        self.call("call", "ok", meter.read_voltage(20));
        let positional = by_name("pump_read_voltage", twenty());
        self.call("call-by-name-positional", "ok-by-name", positional);
        self.call(
            "call-by-name-named",
            "ok-by-name-again",
            by_name("pump_read_voltage", named),
        );
        self.call("call-set", "ok-unit", meter.set_range(5));
        self.call("call-refused", "error", by_name("set_pump_range", nine));
        self.call("call-failing", "error-forwarded", meter.read_voltage(20));
        let mut describe = OutgoingCall::describe();
        let describe = describe.take_frame().expect("no arguments").into_vec();
        self.call("describe", "description", describe);

        let frame_of_call = meter.inputs();
        let timeout = Some(Duration::from_millis(2500));
        let number = self.client.call(frame_of_call, false, timeout, self.now);
        self.record_client("call-with-timeout");
        let (call, _) = self.server.next_call(self.now).expect("a call");
        self.server.progress(number, 0.5, "half");
        self.record_server("info-progress");
        self.client.give_up(number);
        self.record_client("cancel");
        assert!(self.server.is_cancelled(number));
        let limit = self.server.reply_limit();
        let reply = native::run(self.registry.offers(), &call, &context(), limit);
        self.server.reply(number, reply);
        let late = take_from_server(&mut self.server);
        assert!(late.is_empty(), "nobody waits for this answer");

        let devices = Args::new().named("devices", ["pump"]).expect("names");
        let mut command = by_name("lease.claim", devices);
        command[4..6].copy_from_slice(&CtrlMsg::Command.number().to_le_bytes());
        self.call("command", "error-unknown-command", command);
    }

    /// The connection is lost, and the client comes back on `link` and leaves.
    fn resumption(&mut self, link: Link) {
        self.client.handle_eof(None);
        self.client.connect(link, self.now);
        let hello = take_from_client(&mut self.client);
        self.sent.push(frame("hello-resume", "client", &hello[8..]));
        let mut arrival = Arrival::new(Link::plain(Role::Server, MAX_FRAME));
        arrival.handle_input(&hello).expect("a hello");
        let hello = arrival.hello().expect("it has come").clone();
        self.server.attach(arrival.into_link(), &hello, 1);
        let welcome = take_from_server(&mut self.server);
        self.sent
            .push(frame("welcome-resumed", "server", &welcome[8..]));
        self.client.handle_input(&welcome, self.now);
        // The Cancel may have been lost, so it is sent again.
        let again = take_from_client(&mut self.client);
        assert!(!again.is_empty());
        self.server.handle_input(&again, self.now);
        self.client.close();
        self.record_client("bye");
        self.server
            .say_bye(ByeReason::Stopping, "the server is stopping");
        let bye = take_from_server(&mut self.server);
        assert!(bye.is_empty(), "the client has left");
    }

    fn call(&mut self, name: &'static str, answer: &'static str, call: Vec<u8>) {
        self.client.call(call, false, None, self.now);
        self.record_client(name);
        let (call, _) = self.server.next_call(self.now).expect("a call");
        let limit = self.server.reply_limit();
        let reply = native::run(self.registry.offers(), &call, &context(), limit);
        self.server.reply(call.number, reply);
        self.record_server(answer);
    }

    fn record_client(&mut self, name: &'static str) {
        let bytes = take_from_client(&mut self.client);
        self.sent.push(frame(name, "client", &bytes));
        self.server.handle_input(&bytes, self.now);
    }

    fn record_server(&mut self, name: &'static str) {
        let bytes = take_from_server(&mut self.server);
        self.sent.push(frame(name, "server", &bytes));
        self.client.handle_input(&bytes, self.now);
    }
}

pub fn written<T: Serialize>(
    name: &'static str,
    from: &'static str,
    ctrl: CtrlMsg,
    payload: &T,
) -> Sent {
    let mut bytes = vec![0; 4];
    bytes.extend(ctrl.number().to_le_bytes());
    codec::encode(payload, &mut bytes, codec::MAX_VALUE).expect("a short value");
    let len = u32::try_from(bytes.len() - 4).expect("a short frame");
    bytes[..4].copy_from_slice(&len.to_le_bytes());
    Sent { name, from, bytes }
}

/// What is exactly one frame.
fn frame(name: &'static str, from: &'static str, bytes: &[u8]) -> Sent {
    let len = u32::from_le_bytes(bytes[..4].try_into().expect("a length"));
    assert_eq!(bytes.len(), 4 + len as usize, "{name} is one frame");
    let bytes = bytes.to_vec();
    Sent { name, from, bytes }
}

fn take_from_client(client: &mut ClientSession) -> Vec<u8> {
    let mut taken = Vec::new();
    while let bytes @ [_, ..] = client.transmit() {
        taken.extend_from_slice(bytes);
        let count = bytes.len();
        client.consume(count);
    }
    taken
}

fn take_from_server(server: &mut ServerSession) -> Vec<u8> {
    let mut taken = Vec::new();
    while let bytes @ [_, ..] = server.transmit() {
        taken.extend_from_slice(bytes);
        let count = bytes.len();
        server.consume(count);
    }
    taken
}

pub fn context() -> CallContext {
    CallContext::new(Arc::new(Nobody), 0, "stranger".into(), None)
}

struct Nobody;

impl CallHost for Nobody {
    fn is_cancelled(&self, _call: u64) -> bool {
        false
    }

    fn progress(&self, _call: u64, _fraction: f64, _message: &str) {}

    fn block_on(&self, _future: Pin<&mut dyn Future<Output = ()>>) {}
}
