//! Clients and servers of earlier and later releases: what one end adds disturbs no other, and is understood as stated.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping, its helpers too"
)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use ipc_client::ConnectError;
use ipc_core::wire::codec;
use ipc_core::wire::ctrl::{Bye, ByeReason, ConnectionRole, Features, Hello, SessionKey, Welcome};
use ipc_core::wire::failure::{Fault, FaultKind};
use ipc_core::wire::preamble::{Preamble, Role, Suite};
use ipc_core::{CallError, Refusal, Shared};
use ipc_server::ServerHandle;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tests::{Bench, Way, until};

const HELLO: u16 = 1;
const WELCOME: u16 = 2;
const BYE: u16 = 3;
const MAX_FRAME: u64 = 1 << 20;

/// One end of a connection in the clear, in the hands of a test.
struct End(TcpStream);

impl End {
    fn new(mut stream: TcpStream, role: Role) -> Self {
        let bound = Some(Duration::from_secs(20));
        stream.set_read_timeout(bound).unwrap();
        let preamble = Preamble::new(Suite::Plain, role).encode();
        stream.write_all(&preamble).unwrap();
        Self(stream)
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes).expect("more bytes");
        bytes
    }

    fn say(&mut self, number: u16, payload: &impl Serialize) {
        let mut bytes = Vec::new();
        codec::encode(payload, &mut bytes, codec::MAX_VALUE).unwrap();
        // The other end may be gone.
        let _ = self.0.write_all(&tests::probe::frame(number, &bytes));
    }

    /// The number and the payload of the next frame.
    fn hear(&mut self) -> (u16, Vec<u8>) {
        let mut frame = vec![0; u32::from_le_bytes(self.take()) as usize];
        self.0.read_exact(&mut frame).expect("a whole frame");
        (u16::from_le_bytes([frame[0], frame[1]]), frame.split_off(2))
    }

    /// What the next frame, which must have this number, begins with.
    fn expect<T: DeserializeOwned>(&mut self, number: u16) -> T {
        let (heard, payload) = self.hear();
        assert_eq!(heard, number);
        codec::Reader::new(&payload).read().expect("its payload")
    }
}

/// Connects as a client that says `hello`, with more behind it.
fn client(server: &ServerHandle, hello: &Hello) -> End {
    let stream = TcpStream::connect(server.local_addr()).unwrap();
    let mut end = End::new(stream, Role::Client);
    end.say(HELLO, &(hello, "what a later release adds", 7_u64));
    end.take::<8>();
    end
}

fn hello(features: Features) -> Hello {
    Hello {
        connection: 1,
        name: "release".into(),
        max_frame: MAX_FRAME,
        features,
        ..Hello::default()
    }
}

fn later_features() -> Features {
    let names = ["aaa", "commands", "faults", "zzz"];
    names.iter().map(|name| (name.to_string(), 9)).collect()
}

/// The payload of a call by name without arguments.
fn by_name(number: u64, method: &str) -> impl Serialize {
    let arguments = ipc_core::interface::value::pack(&json!({"positional": [], "named": {}}));
    (
        number,
        number,
        0_u64,
        0_u64,
        method.to_string(),
        arguments.unwrap(),
    )
}

#[test]
fn clients_of_earlier_and_later_releases_are_served() {
    let server = Way::Plain.server().device(Bench::new()).spawn().unwrap();
    for features in [Features::default(), later_features()] {
        let mut client = client(&server, &hello(features));
        let welcome: Welcome = client.expect(WELCOME);
        assert!(!welcome.resumed && welcome.epochs.is_empty());
        client.say(11, &by_name(1, "step"));
        let number: u64 = client.expect(200);
        assert_eq!(number, 1);
        client.say(15, &by_name(2, "task.start"));
        let (number, refusal): (u64, Refusal) = client.expect(400);
        assert_eq!((number, refusal.method()), (2, "task.start"));
        assert!(refusal.to_string().contains("task.start"), "{refusal}");
        client.say(BYE, &Bye::new(ByeReason::Done, ""));
        until("it has left", || server.holder().is_none());
    }
    server.stop();
}

/// A client that came back right after its goodbye, while the server still let go of its session, was sent away.
#[test]
fn a_session_that_ends_while_its_client_comes_back_is_a_new_one() {
    // A device that takes its time to get into its safe state.
    let slow = |_: &mut Bench, _| thread::sleep(Duration::from_millis(300));
    let device = Shared::new(Bench::new()).on_release(slow);
    let server = Way::Plain.server().device(device).spawn().unwrap();
    let mut first = client(&server, &hello(Features::default()));
    let welcome: Welcome = first.expect(WELCOME);
    first.say(BYE, &Bye::new(ByeReason::Done, ""));
    let again = Hello {
        resume: Some(welcome.key),
        connection: 2,
        ..hello(Features::default())
    };
    let stream = TcpStream::connect(server.local_addr()).unwrap();
    let mut second = End::new(stream, Role::Client);
    second.say(HELLO, &again);
    second.take::<8>();
    let welcome: Welcome = loop {
        let (number, payload) = second.hear();
        if number == WELCOME {
            break codec::Reader::new(&payload).read().unwrap();
        }
    };
    assert!(!welcome.resumed);
}

#[test]
fn what_a_server_does_not_serve_is_refused_in_words() {
    let server = Way::Plain.server().device(Bench::new()).spawn().unwrap();
    let in_role = |role| Hello {
        role,
        ..hello(Features::default())
    };
    let long = Hello {
        name: "x".repeat(257),
        ..hello(Features::default())
    };
    for (hello, words) in [
        (in_role(ConnectionRole::Lane), "of which session"),
        (in_role(ConnectionRole::Other(9)), "role number 9"),
        (long, "257 bytes"),
    ] {
        let mut client = client(&server, &hello);
        let bye: Bye = client.expect(BYE);
        assert_eq!(bye.reason, ByeReason::Protocol);
        assert!(bye.message.contains(words), "{}", bye.message);
        assert_eq!(client.0.read(&mut [0]).unwrap(), 0, "closed behind it");
    }
    server.stop();
}

/// A server of a later release that plays `script` on its first connection.
fn later_server(script: impl FnOnce(&TcpListener, End) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let end = greet(&listener, 1);
        script(&listener, end);
    });
    address
}

/// Accepts a connection and gives it the session number `session`.
fn greet(listener: &TcpListener, session: u128) -> End {
    let (stream, _) = listener.accept().unwrap();
    let mut end = End::new(stream, Role::Server);
    end.take::<8>();
    end.expect::<Hello>(HELLO);
    end.say(100, &(77_u32, "a kind of Info that nobody knows"));
    let welcome = Welcome {
        key: SessionKey {
            incarnation: 1,
            session,
        },
        resumed: false,
        last_call: 0,
        lease_epoch: 1,
        max_frame: MAX_FRAME,
        epochs: vec![("pump".into(), 1)],
        features: later_features(),
    };
    end.say(WELCOME, &(welcome, "what a later release adds"));
    end
}

impl End {
    /// The number of the next call; other frames are skipped.
    fn call(&mut self) -> u64 {
        loop {
            let (ctrl, payload) = self.hear();
            if let 10..=12 = ctrl {
                return u64::from_le_bytes(payload[..8].try_into().unwrap());
            }
        }
    }
}

fn null() -> Vec<u8> {
    ipc_core::interface::value::pack(&()).unwrap()
}

#[test]
fn answers_of_a_later_server_are_understood_as_stated() {
    let address = later_server(|_, mut server| {
        let number = server.call();
        server.say(400, &(number, 99_u32, "pump_on", "the door is open", 7_u64));
        let number = server.call();
        let fault = Fault::own(FaultKind::Other(77), "half of it");
        server.say(500, &(number, fault));
        let number = server.call();
        server.say(
            100,
            &(
                2_u32, number, "pump", 1_u32, "scan", 1_u64, 0_u64, "", "more",
            ),
        );
        server.say(100, &(3_u32, 5_u128, "pump", 99_u32, "a notice", 0_u64));
        server.say(200, &(number, null()));
        // An idempotent call whose outcome is unknown comes again under another number.
        let number = server.call();
        server.say(
            500,
            &(number, Fault::own(FaultKind::Unknown, "it still runs")),
        );
        let again = server.call();
        assert_ne!(again, number);
        server.say(200, &(again, null()));
        let number = server.call();
        let description = json!({
            "devices": [{"prefix": "pump_", "state": 3, "interface": {"name": "Pump", "methods": [
                {"name": "on", "kind": "Stream", "result": {"Decimal": 3}, "role": "x"}]}}],
            "commands": [],
        });
        let packed = ipc_core::interface::value::pack(&description).unwrap();
        server.say(200, &(number, packed));
        let _ = server.0.read(&mut [0]);
    });
    let client = Way::Plain.client_at(&address).connect().unwrap();
    let error = client.call::<()>("pump_on", ()).unwrap_err();
    assert!(error.is_not_executed());
    assert_eq!(error.to_string(), "`pump_on` was refused: the door is open");
    let error = client.call::<()>("pump_on", ()).unwrap_err();
    assert!(matches!(error, CallError::OutcomeUnknown { .. }), "{error}");
    assert!(error.to_string().contains("half of it"), "{error}");
    assert_eq!(client.call("pump_on", ()), Ok(()));
    let asked = client.idempotent().call("pump_on", ());
    assert_eq!(asked, Ok(()));
    let help = client.help().unwrap();
    assert!(help.contains("pump_on() -> Decimal"), "{help}");
    client.close();
}

/// The client comes back, and does not take an unanswered call for one that was not executed.
#[test]
fn a_goodbye_of_a_later_server_counts_as_full() {
    let address = later_server(|listener, mut server| {
        server.call();
        server.say(BYE, &(99_u32, "for a reason of my own", "", "more"));
        drop(server);
        let mut server = greet(listener, 2);
        let number = server.call();
        server.say(200, &(number, null()));
        let _ = server.0.read(&mut [0]);
    });
    let client = Way::Plain.client_at(&address).connect().unwrap();
    let error = client.call::<()>("pump_on", ()).unwrap_err();
    assert!(matches!(error, CallError::OutcomeUnknown { .. }), "{error}");
    assert_eq!(client.call("pump_on", ()), Ok(()));
    client.close();
}

#[test]
fn an_evicted_client_is_told_by_whom_and_does_not_come_back() {
    let address = later_server(|_, mut server| {
        server.call();
        let evicted = Bye {
            by: "anna".into(),
            ..Bye::new(ByeReason::Evicted, "night run")
        };
        server.say(BYE, &evicted);
        let _ = server.0.read(&mut [0]);
    });
    let client = Way::Plain.client_at(&address).connect().unwrap();
    let error = client.call::<()>("pump_on", ()).unwrap_err();
    assert!(error.is_not_executed(), "{error}");
    assert!(error.to_string().contains("anna"), "{error}");
    let refused = ConnectError::Refused {
        address,
        bye: Bye::new(ByeReason::Evicted, ""),
    };
    assert!(refused.is_permanent());
}
