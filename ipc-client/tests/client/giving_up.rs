//! Timeouts, deadlines, cancelled calls, and closed clients.

use std::thread;
use std::time::{Duration, Instant};

use ipc_client::{CallError, CancellationToken, Client, ConnectionState, NotSent};
use ipc_core::session::server::End;

use crate::support::{FakeServer, connected};

const SHORT: Duration = Duration::from_millis(50);

fn not_sent<T: std::fmt::Debug>(result: Result<T, CallError>) -> NotSent {
    match result {
        Err(CallError::NotSent { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_late_answer_is_dropped() {
    let (server, client) = connected();
    let begun = Instant::now();
    let late = client.timeout(SHORT).call::<()>("gate", ());
    assert!(begun.elapsed() >= SHORT);
    let timed_out = CallError::TimedOut {
        method: "gate".into(),
        after: SHORT,
        may_have_run: true,
    };
    assert_eq!(late, Err(timed_out));
    server.open_gate();
    for n in 0..1000 {
        assert_eq!(client.call::<u64>("echo", n), Ok(n));
    }
    assert_eq!(server.hellos().len(), 1);
}

#[test]
fn the_timeout_of_one_thread_does_not_touch_the_call_of_another() {
    let (server, client) = connected();
    let patient = thread::spawn({
        let client = client.clone();
        move || client.call::<()>("gate", ())
    });
    server.wait_for(|ledger| ledger == ["gate entered"]);
    for _ in 0..3 {
        let late = client.timeout(SHORT).call::<u64>("echo", 1);
        assert!(matches!(late, Err(CallError::TimedOut { .. })), "{late:?}");
    }
    server.open_gate();
    assert_eq!(patient.join().unwrap(), Ok(()));
    assert_eq!(client.call::<u64>("echo", 2), Ok(2));
}

#[test]
fn a_large_late_answer_and_a_large_call_do_not_block_each_other() {
    let (server, client) = connected();
    let large = "x".repeat(12 << 20);
    for _ in 0..3 {
        let hurried = client.timeout(Duration::from_millis(15));
        let _ = hurried.call::<String>("mirror", &large);
    }
    let answer = client.call::<String>("mirror", &large);
    assert!(answer.as_ref() == Ok(&large));
    assert_eq!(server.hellos().len(), 1);
}

#[test]
fn a_deadline_that_has_passed_sends_nothing() {
    let (server, client) = connected();
    let late = client.deadline(Instant::now()).call::<u64>("echo", 1);
    assert_eq!(not_sent(late), NotSent::TimedOut(Duration::ZERO));
    let in_time = client.deadline(Instant::now() + Duration::from_secs(60));
    assert_eq!(in_time.call::<u64>("echo", 2), Ok(2));
    let earlier = in_time.timeout(SHORT).call::<()>("gate", ());
    assert!(matches!(earlier, Err(CallError::TimedOut { .. })));
    assert_eq!(server.ledger()[0], "echo");
}

#[test]
fn a_cancelled_call_returns_and_the_driver_hears_of_it() {
    let (server, client) = connected();
    let token = CancellationToken::new();
    let handle = client.cancel_with(&token);
    let call = thread::spawn(move || handle.call::<()>("until_cancelled", ()));
    server.wait_for(|ledger| ledger == ["until_cancelled entered"]);
    token.cancel();
    let method = "until_cancelled".into();
    assert_eq!(call.join().unwrap(), Err(CallError::Cancelled { method }));
    server.wait_for(|ledger| ledger.iter().any(|entry| entry == "cancelled"));
    assert_eq!(client.call::<u64>("echo", 2), Ok(2));
    let refused = client.cancel_with(&token).call::<u64>("echo", 1);
    assert_eq!(not_sent(refused), NotSent::Cancelled);
}

#[test]
fn a_driver_that_does_not_listen_does_not_hold_a_cancelled_call() {
    let (server, client) = connected();
    let token = CancellationToken::new();
    let calls: Vec<_> = (0..2)
        .map(|_| {
            let handle = client.cancel_with(&token);
            thread::spawn(move || handle.call::<()>("gate", ()))
        })
        .collect();
    server.wait_for(|ledger| ledger == ["gate entered"]);
    token.cancel();
    let begun = Instant::now();
    for call in calls {
        let result = call.join().unwrap();
        assert!(result.is_err(), "{result:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(2));
    server.open_gate();
    assert_eq!(client.call::<u64>("echo", 2), Ok(2));
}

#[test]
fn a_closed_client_says_goodbye_and_stays_closed() {
    let (server, client) = connected();
    assert_eq!(client.call::<u64>("echo", 1), Ok(1));
    client.close();
    client.close();
    assert_eq!(server.wait_for_end(), End::Finished);
    assert_eq!(client.state(), ConnectionState::Closed);
    let late = client.clone().call::<u64>("echo", 1);
    assert_eq!(not_sent(late), NotSent::Closed);
}

#[test]
fn closing_ends_the_calls_of_other_threads() {
    let (server, client) = connected();
    let calls: Vec<_> = (0..3)
        .map(|_| {
            let client = client.clone();
            thread::spawn(move || client.call::<()>("gate", ()))
        })
        .collect();
    server.wait_for(|ledger| ledger == ["gate entered"]);
    client.close();
    for call in calls {
        let error = call.join().unwrap().unwrap_err();
        assert!(
            matches!(
                error,
                CallError::Cancelled { .. }
                    | CallError::NotSent {
                        reason: NotSent::Closed,
                        ..
                    }
            ),
            "{error:?}"
        );
    }
}

#[test]
fn closing_ends_a_wait_for_a_server_that_is_not_there() {
    let server = FakeServer::start();
    let address = server.address().to_string();
    drop(server);
    let client = Client::builder(address).connect_lazy();
    let call = thread::spawn({
        let client = client.clone();
        move || client.call::<u64>("echo", 1)
    });
    while !matches!(client.state(), ConnectionState::Connecting { attempts, .. } if attempts > 0) {
        thread::yield_now();
    }
    client.close();
    assert_eq!(not_sent(call.join().unwrap()), NotSent::Closed);
}

#[test]
fn the_last_handle_says_goodbye_when_dropped() {
    let (server, client) = connected();
    let handle = client.timeout(SHORT);
    drop(client);
    assert_eq!(handle.call::<u64>("echo", 1), Ok(1));
    drop(handle);
    assert_eq!(server.wait_for_end(), End::Finished);
}
