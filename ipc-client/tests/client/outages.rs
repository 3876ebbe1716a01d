//! Lost connections and restarted servers: every call runs once, or its caller gets an error.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use ipc_client::{ByeReason, CallError, Client, ConnectionState, NotSent, Retry};

use crate::support::{Cut, FakeServer, connected};

#[test]
fn a_connection_cut_around_a_call_does_not_run_it_twice() {
    for cut in [Cut::BeforeRunning, Cut::BeforeAnswering] {
        let (server, client) = connected();
        assert_eq!(client.call::<u64>("echo", 1), Ok(1));
        server.cut_next(cut);
        assert_eq!(client.call::<f64>("divide", (1.0, 2.0)), Ok(0.5));
        assert_eq!(client.call::<u64>("echo", 2), Ok(2));
        assert_eq!(server.ledger(), ["echo", "divide", "echo"]);
        assert_eq!(server.hellos().len(), 2);
        assert_eq!(client.handovers(), 0);
    }
}

#[test]
fn calls_of_many_threads_survive_many_cuts() {
    let (server, client) = connected();
    let done = Arc::new(AtomicBool::new(false));
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let (client, done) = (client.clone(), Arc::clone(&done));
            thread::spawn(move || {
                let mut calls = 0;
                while !done.load(Ordering::Relaxed) {
                    let n = thread << 32 | calls;
                    assert_eq!(client.call::<u64>("echo", n), Ok(n));
                    calls += 1;
                }
                calls
            })
        })
        .collect();
    for round in 1..=10 {
        server.cut_next(match round % 2 {
            0 => Cut::BeforeRunning,
            _ => Cut::BeforeAnswering,
        });
        server.wait_for_hellos(round + 1);
    }
    done.store(true, Ordering::Relaxed);
    let calls: u64 = threads.into_iter().map(|t| t.join().unwrap()).sum();
    assert_eq!(server.ledger().len() as u64, calls);
}

#[test]
fn a_restart_between_calls_is_bridged_and_counted() {
    let (server, client) = connected();
    assert_eq!(client.call::<u64>("echo", 1), Ok(1));
    let address = server.address();
    drop(server);
    let _server = FakeServer::start_at(address);
    a_moment_passes();
    assert_eq!(client.call::<u64>("echo", 2), Ok(2));
    assert_eq!(client.handovers(), 1);
}

#[test]
fn a_restart_during_a_call_is_an_error_unless_the_call_may_be_repeated() {
    for idempotent in [false, true] {
        let (server, client) = connected();
        let address = server.address();
        let call = thread::spawn({
            let client = match idempotent {
                true => client.idempotent(),
                false => client.clone(),
            };
            move || client.call::<u32>("sweep_slowly", ())
        });
        server.wait_for(|ledger| ledger == ["sweep_slowly entered"]);
        drop(server);
        let server = FakeServer::start_at(address);
        server.open_gate();
        let result = call.join().unwrap();
        match idempotent {
            true => assert_eq!(result, Ok(0)),
            false => assert!(
                matches!(result, Err(CallError::OutcomeUnknown { .. })),
                "{result:?}"
            ),
        }
        assert_eq!(client.call::<u64>("echo", 2), Ok(2));
    }
}

#[test]
fn a_server_that_stays_away_is_given_up() {
    let server = FakeServer::start();
    let client = Client::builder(server.address().to_string())
        .retry(Retry::never())
        .connect()
        .unwrap();
    let address = server.address();
    drop(server);
    a_moment_passes();
    for _ in 0..2 {
        match client.call::<u64>("echo", 1).unwrap_err() {
            CallError::NotSent {
                reason: NotSent::Unreachable(text),
                ..
            } => assert!(text.contains("is the server running"), "{text}"),
            other => panic!("{other}"),
        }
        assert_eq!(client.state(), ConnectionState::Disconnected);
    }
    let _server = FakeServer::start_at(address);
    assert_eq!(client.call::<u64>("echo", 2), Ok(2));
}

#[test]
fn a_goodbye_between_calls_is_read_before_the_next() {
    for reason in [ByeReason::IdleHandover, ByeReason::Stopping] {
        let (server, client) = connected();
        assert_eq!(client.call::<u64>("echo", 1), Ok(1));
        server.dismiss(reason);
        a_moment_passes();
        let next = client.call::<u64>("echo", 2);
        assert_eq!(next, Ok(2), "{reason:?}");
        assert_eq!(server.ledger().len(), 2);
    }
}

#[test]
fn a_client_disconnected_between_calls_gets_one_error() {
    let (server, client) = connected();
    assert_eq!(client.call::<u64>("echo", 1), Ok(1));
    server.dismiss(ByeReason::Disconnected);
    a_moment_passes();
    let error = client.call::<u64>("echo", 2).unwrap_err();
    assert!(error.is_not_executed(), "{error}");
    assert!(error.to_string().contains("a scripted goodbye"), "{error}");
    assert_eq!(client.call::<u64>("echo", 3), Ok(3));
    assert_eq!(server.ledger().len(), 2);
}

#[test]
fn a_client_disconnected_by_the_operator_during_a_call_does_not_come_back() {
    let (server, client) = connected();
    let call = thread::spawn({
        let client = client.clone();
        move || client.call::<()>("gate", ())
    });
    server.wait_for(|ledger| ledger == ["gate entered"]);
    server.dismiss(ByeReason::Disconnected);
    let error = call.join().unwrap().unwrap_err();
    assert!(error.to_string().contains("a scripted goodbye"), "{error}");
    assert_eq!(server.hellos().len(), 1);
}

#[test]
fn each_change_of_the_state_is_reported() {
    let server = FakeServer::start();
    let (sender, states) = channel();
    let client = Client::builder(server.address().to_string())
        .on_state(move |state| sender.send(state.clone()).unwrap())
        .connect()
        .unwrap();
    assert_eq!(client.call::<u64>("echo", 1), Ok(1));
    let server_address = server.address();
    drop(server);
    a_moment_passes();
    let call = thread::spawn({
        let client = client.clone();
        move || client.call::<u64>("echo", 1)
    });
    let mut seen = vec![];
    let failed_once =
        |state: &ConnectionState| matches!(state, ConnectionState::Connecting { attempts: 1, .. });
    while !seen.last().is_some_and(failed_once) {
        seen.push(states.recv().unwrap());
    }
    let _server = FakeServer::start_at(server_address);
    assert_eq!(call.join().unwrap(), Ok(1));
    client.close();
    seen.extend(states.try_iter());
    let names: Vec<_> = seen
        .iter()
        .map(|state| match state {
            ConnectionState::Connecting { attempts: 0, .. } => "connecting",
            ConnectionState::Connecting { .. } => "failed",
            ConnectionState::Connected { .. } => "connected",
            ConnectionState::Disconnected => "disconnected",
            ConnectionState::Closed => "closed",
            other => panic!("{other:?}"),
        })
        .collect();
    let mut names = names;
    names.dedup();
    let expected = [
        "connecting",
        "connected",
        "disconnected",
        "connecting",
        "failed",
        "connected",
        "closed",
    ];
    assert_eq!(names, expected);
}

/// As it happens between the calls of a script.
fn a_moment_passes() {
    let since = Instant::now();
    while since.elapsed() < Duration::from_millis(3) {
        thread::yield_now();
    }
}
