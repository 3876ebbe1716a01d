//! Timeouts, tokens and dropped futures of the async client: the call ends at once, and the driver is asked to stop.

use std::time::{Duration, Instant};

use ipc_client::{AsyncClient, CallError, CancellationToken, NotSent};

use crate::asynchronous::{connected, send, until};
use crate::support::FakeServer;

const SHORT: Duration = Duration::from_millis(50);

fn cancelled<T>(method: &str) -> Result<T, CallError> {
    let method = method.into();
    Err(CallError::Cancelled { method })
}

async fn has_entered(server: &FakeServer, method: &str) {
    let entry = format!("{method} entered");
    until(|| server.ledger().contains(&entry)).await;
}

/// The driver returns, although the client does nothing more.
async fn has_been_asked_to_stop(server: &FakeServer) {
    until(|| server.ledger().contains(&"cancelled".into())).await;
}

#[tokio::test]
async fn a_driver_is_asked_to_stop_when_its_future_is_dropped() {
    let (server, client) = connected().await;
    let mut call = client.call::<()>("until_cancelled", ());
    send(&mut call).await;
    has_entered(&server, "until_cancelled").await;
    drop(call);
    has_been_asked_to_stop(&server).await;
    drop(client);
}

#[tokio::test]
async fn a_driver_is_asked_to_stop_when_its_time_is_over() {
    let (server, client) = connected().await;
    let hurried = client.timeout(SHORT);
    let late = hurried.call::<()>("until_cancelled", ()).await;
    assert!(matches!(late, Err(CallError::TimedOut { .. })), "{late:?}");
    has_been_asked_to_stop(&server).await;
    drop(client);
}

#[tokio::test]
async fn a_token_ends_calls_at_once_and_their_drivers_hear_of_it() {
    let (server, client) = connected().await;
    let token = CancellationToken::new();
    let handle = client.cancel_with(&token);
    // The first call runs, and the second one waits behind it.
    let mut first = handle.call::<()>("until_cancelled", ());
    let mut second = handle.call::<()>("until_cancelled", ());
    let mut other = client.call::<u64>("echo", 1);
    send(&mut first).await;
    send(&mut second).await;
    send(&mut other).await;
    has_entered(&server, "until_cancelled").await;
    token.cancel();
    assert_eq!(first.await, cancelled("until_cancelled"));
    assert_eq!(second.await, cancelled("until_cancelled"));
    assert_eq!(other.await, Ok(1), "it has no token");
    has_been_asked_to_stop(&server).await;
    match handle.call::<u64>("echo", 2).await {
        Err(CallError::NotSent { reason, .. }) => assert_eq!(reason, NotSent::Cancelled),
        other => panic!("{other:?}"),
    }
    assert_eq!(client.call::<u64>("echo", 3).await, Ok(3));
}

#[tokio::test]
async fn a_token_does_not_need_its_futures_to_be_polled() {
    let (server, client) = connected().await;
    let token = CancellationToken::new();
    let handle = client.cancel_with(&token);
    let mut call = handle.call::<()>("until_cancelled", ());
    send(&mut call).await;
    has_entered(&server, "until_cancelled").await;
    std::thread::spawn(move || token.cancel()).join().unwrap();
    has_been_asked_to_stop(&server).await;
    assert_eq!(call.await, cancelled("until_cancelled"));
}

#[tokio::test]
async fn a_token_ends_a_wait_for_a_server_that_is_not_there() {
    let address = FakeServer::start().address();
    let client = AsyncClient::builder(address.to_string()).connect_lazy();
    let client = client.unwrap();
    let token = CancellationToken::new();
    let mut call = client.cancel_with(&token).call::<u64>("echo", 1);
    send(&mut call).await;
    let begun = Instant::now();
    token.cancel();
    assert!(call.await.unwrap_err().is_not_executed());
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_token_that_outlives_its_client_keeps_it_not_alive() {
    let (server, client) = connected().await;
    let token = CancellationToken::new();
    let handle = client.cancel_with(&token);
    assert_eq!(handle.call::<u64>("echo", 1).await, Ok(1));
    drop((client, handle));
    until(|| server.has_ended()).await;
    token.cancel();
}

#[tokio::test]
async fn a_future_that_is_dropped_before_its_call_has_left_takes_it_back() {
    let address = FakeServer::start().address();
    let client = AsyncClient::builder(address.to_string()).connect_lazy();
    let client = client.unwrap();
    let mut call = client.call::<()>("gate", ());
    send(&mut call).await;
    drop(call);
    let server = FakeServer::start_at(address);
    assert_eq!(client.call::<u64>("echo", 1).await, Ok(1));
    assert_eq!(server.ledger(), ["echo"]);
}
