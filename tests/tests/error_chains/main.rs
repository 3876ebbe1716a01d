//! Errors as programs report them: alone, and with all their sources by `anyhow` and `eyre`. Nothing is repeated, and
//! nothing is lost.

#![allow(clippy::unwrap_used, reason = "tests")]

mod connections;

use std::error::Error;
use std::io;
use std::time::Duration;

use ipc_client::{
    Bye, ByeReason, CallError, ConnectError, Device, DeviceError, Fault, FaultKind, NotSent,
    OpenError, QueueStatus, Refusal, Retry, SystemError,
};
use ipc_core::RegisterError;
use ipc_core::secure::{ChannelError, SecretError, SecretSourceError};
use ipc_core::session::link::LinkError;
use ipc_core::wire::codec::CodecError;
use ipc_core::wire::ctrl::CtrlMsg;
use ipc_core::wire::frame::FrameError;
use ipc_core::wire::preamble::PreambleError;
use ipc_net::Address;
use ipc_server::{Server, StartError};
use tests::{Bench, BenchProxy, Way};

/// Checks how `error` is reported: with these `words`, the first of them in its own text, and each only once.
fn check<E: Error + Clone + Send + Sync + 'static>(error: E, words: &[&str]) {
    check_once(error.clone(), error, words);
}

fn check_once<E: Error + Send + Sync + 'static>(error: E, again: E, words: &[&str]) {
    let alone = error.to_string();
    let unwrapped = format!("{error:?}");
    let texts: Vec<String> =
        std::iter::successors(Some(&error as &dyn Error), |error: &&dyn Error| {
            (*error).source()
        })
        .map(ToString::to_string)
        .collect();
    let reports = [
        format!("{:#}", anyhow::Error::new(error)),
        format!("{:#}", eyre::Report::new(again)),
    ];
    // As `unwrap()` and a `main` that returns the error print it.
    assert_eq!(unwrapped, reports[0]);
    for report in reports {
        for text in &texts {
            assert!(!text.is_empty(), "{report}");
            assert_eq!(report.matches(text.as_str()).count(), 1, "{report}");
        }
        for word in words {
            assert_eq!(report.matches(word).count(), 1, "`{word}` in: {report}");
        }
    }
    let first = words.first().unwrap();
    assert!(alone.contains(first), "`{first}` in: {alone}");
}

fn codec() -> CodecError {
    CodecError::Invalid("a map without keys".into())
}

fn queue() -> QueueStatus {
    QueueStatus {
        place: 1,
        waiting: 1,
        holder: "scan by alice".into(),
        holder_address: "192.168.1.7".into(),
        held_ms: 61_000,
        idle_ms: 2_000,
        running: String::new(),
        running_ms: 0,
    }
}

fn system(kind: io::ErrorKind, text: &str) -> SystemError {
    io::Error::new(kind, text).into()
}

#[test]
fn refusals_and_faults() {
    let method = || "pump_read".to_string();
    for (refusal, word) in [
        (
            Refusal::UnknownMethod {
                method: "pmup".into(),
                similar: vec![method()],
                hint: String::new(),
            },
            "`pmup`",
        ),
        (
            Refusal::SignatureMismatch {
                method: method(),
                client: "f() -> u8".into(),
                server: "f() -> u16".into(),
            },
            "u16",
        ),
        (
            Refusal::BadArgument {
                method: method(),
                argument: "samples".into(),
                expected: "of type `u8`".into(),
                given: "300".into(),
            },
            "300",
        ),
        (
            Refusal::BadCall {
                method: method(),
                problem: "too few arguments".into(),
                signature: "f(x: u8)".into(),
            },
            "too few",
        ),
        (Refusal::Cancelled { method: method() }, "cancelled"),
        (Refusal::Stopping { method: method() }, "stopping"),
        (
            Refusal::Protocol {
                method: method(),
                reason: "no such form".into(),
            },
            "no such form",
        ),
    ] {
        check(refusal.clone(), &[word]);
        check(CallError::from(refusal), &[word]);
    }
    let fault = Fault {
        sources: vec![
            "no answer from the pump: the line is dead".into(),
            "the line is dead".into(),
            "cable 3".into(),
        ],
        ..Fault::own(FaultKind::Error, "cannot read the pressure")
    };
    let words = [
        "cannot read the pressure",
        "no answer from the pump",
        "the line is dead",
        "cable 3",
    ];
    // The driver's error with its sources as a chain.
    let raised = fault.to_error();
    assert_eq!(raised.to_string(), words[0]);
    let second = raised.source().unwrap();
    assert_eq!(second.source().unwrap().to_string(), "cable 3");
    check(raised, &words);
    let fault = Box::new(fault);
    let method = method();
    check(CallError::Fault { method, fault }, &words);
}

#[test]
fn calls_without_a_result() {
    let method = || "pump_read".to_string();
    let (waited, second) = (Duration::from_millis(1500), Duration::from_secs(1));
    for (reason, word) in [
        (
            NotSent::Unreachable("no connection to lab-pc".into()),
            "no connection",
        ),
        (
            NotSent::Busy {
                waited,
                queue: queue().to_string(),
            },
            "scan by alice",
        ),
        (NotSent::TimedOut(waited), "1.5s"),
        (
            NotSent::NoConnection {
                waited,
                last_error: "no connection to lab-pc".into(),
            },
            "no connection",
        ),
        (NotSent::Cancelled, "cancelled"),
        (NotSent::Closed, "closed"),
        (NotSent::Arguments(codec()), "a map without keys"),
    ] {
        check(reason.clone(), &[word]);
        let method = method();
        check(CallError::NotSent { method, reason }, &[word]);
    }
    for (error, word) in [
        (
            CallError::TimedOut {
                method: method(),
                after: second,
                may_have_run: true,
            },
            "1s",
        ),
        (
            CallError::TimedOut {
                method: method(),
                after: second,
                may_have_run: false,
            },
            "did not begin within 1s",
        ),
        (CallError::Cancelled { method: method() }, "cancelled"),
        (
            CallError::OutcomeUnknown {
                method: method(),
                reason: "the cable is cut".into(),
            },
            "the cable is cut",
        ),
        (
            CallError::BadReply {
                method: method(),
                error: codec(),
            },
            "a map without keys",
        ),
    ] {
        check(error, &[word, "`pump_read`"]);
    }
}

#[test]
fn servers_and_secrets() {
    let no_file = || SecretSourceError::Unreadable {
        path: "lab.secret".into(),
        cause: io::Error::other("no such file"),
    };
    check_once(no_file(), no_file(), &["no such file"]);
    let empty = || SecretSourceError::Unusable {
        origin: "lab.secret".into(),
        error: SecretError::Empty,
    };
    check_once(empty(), empty(), &["empty"]);
    let taken = || RegisterError::NameTaken {
        name: "read".into(),
        first: "a pump".into(),
        second: "a laser".into(),
    };
    check(taken(), &["a laser"]);
    let start = || StartError::from(taken());
    check_once(start(), start(), &["a laser"]);
    let name = || "pump".to_string();
    let laser = Device::new(Bench::new()).name("laser");
    let server = Way::Plain.server().device(laser).spawn().unwrap();
    check(server.remove(&name()).unwrap_err(), &["`pump`", "laser"]);
    check(
        DeviceError::Unknown {
            device: name(),
            devices: vec!["laser".into()],
        },
        &["`pump`", "`laser`"],
    );
    let asked = CallError::from(Refusal::Stopping { method: name() });
    check(DeviceError::from(asked), &["the server is stopping"]);
    let broken = || OpenError::Driver {
        driver: "SkyCam".into(),
        error: "the camera is asleep".to_string(),
    };
    check_once(broken(), broken(), &["`SkyCam`", "the camera is asleep"]);
    let no_thread = || OpenError::<String>::NoThread(io::Error::other("too many of them"));
    check_once(
        no_thread(),
        no_thread(),
        &["cannot start a thread", "too many of them"],
    );
    let start = || {
        Server::builder()
            .bind("192.0.2.7:0")
            .spawn()
            .map(drop)
            .unwrap_err()
    };
    check_once(start(), start(), &["192.0.2.7"]);
}

/// As scripts get them: the system's error is available to the program, too.
#[test]
fn what_the_system_says_can_be_asked_for() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let client = Way::Plain.client_at(&address).retry(Retry::never());
    let error = client.clone().connect().unwrap_err();
    check(
        error.clone(),
        &["nothing listens there", "refused", &address],
    );
    let cause: &io::Error = error.source().unwrap().downcast_ref().unwrap();
    assert_eq!(cause.kind(), io::ErrorKind::ConnectionRefused);
    assert!(cause.raw_os_error().is_some());
    // A call keeps the texts of all of them, and its method.
    let lazy = client.connect_lazy();
    let error = BenchProxy::new(&lazy).step().unwrap_err();
    check(
        error,
        &["nothing listens there", "`step`", "refused", &address],
    );
}

#[test]
fn what_a_driver_says_comes_as_a_chain() {
    let server = Way::Plain.server().device(Bench::new()).spawn().unwrap();
    let client = Way::Plain.client(&server).connect().unwrap();
    let error = BenchProxy::new(&client).fail(13).unwrap_err();
    let words = ["13 is unlucky", "because of thirteen"];
    check(error.clone(), &words);
    // Its value is among the data, and not among what is printed.
    let fault = error.fault().unwrap();
    assert!(!fault.value.as_ref().unwrap().bytes.is_empty());
    let data = format!("{fault:?}");
    assert!(data.contains(" bytes }"), "{data}");
    let returned: Box<dyn Error> = Box::new(error.clone());
    let printed = format!("{returned:?}");
    assert_eq!(
        printed,
        "`fail` failed at the instrument: 13 is unlucky: because of thirteen"
    );
    let raised = error.fault().unwrap().to_error();
    assert_eq!(raised.source().unwrap().to_string(), words[1]);
    check(raised, &words);
}
