//! The async client: where it differs from the blocking one, and where it does not.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};

use ipc_client::{
    AsyncClient, ByeReason, CallError, ConnectError, ConnectionState, NotSent, Retry,
};
use ipc_core::session::server::End;

use crate::support::{Admission, Cut, FakeServer, behind_alice};

const SHORT: Duration = Duration::from_millis(50);

pub(crate) async fn connected() -> (FakeServer, AsyncClient) {
    let server = FakeServer::start();
    let client = AsyncClient::connect(server.address().to_string()).await;
    (server, client.unwrap())
}

/// Polls a future once, which sends its call, and checks that it is pending.
pub(crate) async fn send<F: Future + Unpin>(future: &mut F) {
    let polled = poll_fn(|context| Poll::Ready(pin!(&mut *future).poll(context).is_pending()));
    assert!(polled.await);
}

/// Waits until `condition` holds, while the task of the client runs.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let holds = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    let bound = Duration::from_secs(20);
    tokio::time::timeout(bound, holds).await.unwrap();
}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[tokio::test]
async fn calls_are_futures() {
    let (_server, client) = connected().await;
    let echo = is_send(client.call::<u64>("echo", 7));
    let divide = client.call::<f64>("divide", (1.0, 4.0));
    assert_eq!(tokio::join!(echo, divide), (Ok(7), Ok(0.25)));
    assert!(client.help().await.unwrap().contains("divide(arg0: f64"));
    assert!(client.help_for("echo").await.unwrap().contains("u64"));
    let failed = client.call::<u32>("fail", "pump").await;
    assert!(matches!(failed, Err(CallError::Fault { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_share_one_connection() {
    let (server, client) = connected().await;
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let client = client.clone();
            tokio::spawn(async move {
                for i in 0..200 {
                    let n = task * 1000 + i;
                    assert_eq!(client.call::<u64>("echo", n).await, Ok(n));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(server.ledger().len(), 1600);
    assert_eq!(server.hellos().len(), 1);
}

#[tokio::test]
async fn a_future_that_is_not_polled_sends_nothing() {
    let (server, client) = connected().await;
    drop(client.call::<()>("gate", ()));
    assert_eq!(client.call::<u64>("echo", 1).await, Ok(1));
    assert_eq!(server.ledger(), ["echo"]);
}

#[tokio::test]
async fn dropping_the_future_cancels_the_call() {
    let (server, client) = connected().await;
    let mut call = client.call::<()>("until_cancelled", ());
    send(&mut call).await;
    // The driver runs, and is asked to stop.
    until(|| server.ledger() == ["until_cancelled entered"]).await;
    drop(call);
    for n in 0..1000 {
        assert_eq!(client.call::<u64>("echo", n).await, Ok(n));
    }
    assert_eq!(server.ledger()[1], "cancelled");
}

#[tokio::test]
async fn a_late_answer_is_dropped() {
    let (server, client) = connected().await;
    let late = client.timeout(SHORT).call::<()>("gate", ()).await;
    let timed_out = CallError::TimedOut {
        method: "gate".into(),
        after: SHORT,
        may_have_run: true,
    };
    assert_eq!(late, Err(timed_out));
    server.open_gate();
    for n in 0..1000 {
        assert_eq!(client.call::<u64>("echo", n).await, Ok(n));
    }
    let passed = client.deadline(Instant::now());
    let error = passed.call::<u64>("echo", 1).await.unwrap_err();
    assert!(error.is_not_executed());
}

#[tokio::test]
async fn progress_comes_in_order() {
    let (_server, client) = connected().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let handle = client.on_progress({
        let seen = Arc::clone(&seen);
        move |fraction, message| seen.lock().unwrap().push((fraction, message.to_string()))
    });
    assert_eq!(handle.call::<u32>("sweep", 4).await, Ok(4));
    assert_eq!(seen.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn a_connection_cut_around_a_call_does_not_run_it_twice() {
    for cut in [Cut::BeforeRunning, Cut::BeforeAnswering] {
        let (server, client) = connected().await;
        assert_eq!(client.call::<u64>("echo", 1).await, Ok(1));
        server.cut_next(cut);
        let divided = client.call::<f64>("divide", (1.0, 2.0)).await;
        assert_eq!(divided, Ok(0.5));
        assert_eq!(server.ledger(), ["echo", "divide"]);
        assert_eq!(server.hellos().len(), 2);
    }
}

#[tokio::test]
async fn a_loss_between_calls_is_noticed_and_bridged() {
    let (server, client) = connected().await;
    assert_eq!(client.call::<u64>("echo", 1).await, Ok(1));
    server.dismiss(ByeReason::Stopping);
    until(|| client.state() == ConnectionState::Disconnected).await;
    let address = server.address();
    drop(server);
    let _server = FakeServer::start_at(address);
    assert_eq!(client.call::<u64>("echo", 2).await, Ok(2));
    assert_eq!(client.handovers(), 1);
}

#[tokio::test]
async fn large_values_cross_each_other() {
    let (_server, client) = connected().await;
    let large = "x".repeat(6 << 20);
    let call = || client.call::<String>("mirror", &large);
    let (a, b, c) = tokio::join!(call(), call(), call());
    assert!([a, b, c].iter().all(|answer| answer.as_ref() == Ok(&large)));
}

#[tokio::test]
async fn a_lazy_client_waits_for_a_server_that_comes_late() {
    let address = FakeServer::start().address();
    let client = AsyncClient::builder(address.to_string())
        .connect_lazy()
        .unwrap();
    let call = client.timeout(SHORT).call::<u64>("echo", 1).await;
    match call {
        Err(CallError::NotSent {
            reason: NotSent::NoConnection { waited, .. },
            ..
        }) => assert_eq!(waited, SHORT),
        other => panic!("{other:?}"),
    }
    let mut call = client.call::<u64>("echo", 1);
    send(&mut call).await;
    let _server = FakeServer::start_at(address);
    assert_eq!(call.await, Ok(1));
}

#[tokio::test]
async fn without_retries_an_absent_server_is_an_error_at_once() {
    let address = FakeServer::start().address();
    let begun = Instant::now();
    let builder = AsyncClient::builder(address.to_string()).retry(Retry::never());
    let error = builder.clone().connect().await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    let lazy = builder.connect_lazy().unwrap();
    let error = lazy.call::<u64>("echo", 1).await.unwrap_err();
    assert!(
        error.to_string().contains("is the server running"),
        "{error}"
    );
    assert!(begun.elapsed() < Duration::from_secs(5), "not for 10 s");
    let _server = FakeServer::start_at(address);
    assert_eq!(lazy.call::<u64>("echo", 2).await, Ok(2));
}

#[tokio::test]
async fn a_busy_server_is_waited_for_and_its_holder_named() {
    let server = FakeServer::start();
    server.set_admission(behind_alice());
    let builder = AsyncClient::builder(server.address().to_string());
    let error = builder.clone().connect_timeout(SHORT).connect().await;
    assert!(matches!(error, Err(ConnectError::Busy { .. })), "{error:?}");
    let client = builder.connect_lazy().unwrap();
    let hurried = client.timeout(SHORT).call::<u64>("echo", 1).await;
    let text = hurried.unwrap_err().to_string();
    assert!(text.contains("scan by alice"), "{text}");
    // The client leaves the queue with its last waiting call, and joins the end of it with the next one.
    until(|| client.state() == ConnectionState::Disconnected).await;
    let mut call = client.call::<u64>("echo", 2);
    send(&mut call).await;
    until(|| matches!(client.state(), ConnectionState::Queued(_))).await;
    let hurried = client.timeout(SHORT).call::<u64>("echo", 1).await;
    assert!(hurried.is_err());
    server.set_admission(Admission::Open);
    assert_eq!(call.await, Ok(2));
    assert_eq!(server.hellos().len(), 3, "the hurried one shared a place");
}

#[tokio::test]
async fn a_closed_client_says_goodbye() {
    let (server, client) = connected().await;
    let mut call = client.call::<()>("gate", ());
    send(&mut call).await;
    until(|| server.ledger() == ["gate entered"]).await;
    client.close().await;
    client.close().await;
    let method = "gate".into();
    assert_eq!(call.await, Err(CallError::Cancelled { method }));
    server.open_gate();
    assert_eq!(server.wait_for_end(), End::Finished);
    assert_eq!(client.state(), ConnectionState::Closed);
    let late = client.call::<u64>("echo", 1).await.unwrap_err();
    assert!(late.to_string().contains("the client is closed"), "{late}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_handle_says_goodbye_when_dropped() {
    let (server, client) = connected().await;
    let handle = client.timeout(SHORT);
    drop(client);
    assert_eq!(handle.call::<u64>("echo", 1).await, Ok(1));
    drop(handle);
    assert_eq!(server.wait_for_end(), End::Finished);
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let error = AsyncClient::builder("localhost")
        .connect_lazy()
        .unwrap_err();
    assert_eq!(error, ConnectError::NoRuntime);
}
