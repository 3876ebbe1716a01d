//! Leases of the async client.

use std::time::{Duration, Instant};

use ipc_client::{AsyncClient, CancellationToken, ClaimState, LeaseError};

use crate::asynchronous::{connected, until};
use crate::support::FakeServer;

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(50);

fn devices(server: &FakeServer) -> Vec<String> {
    server.leases(|leases| leases.devices())
}

async fn is_released(server: &FakeServer) {
    until(|| devices(server).is_empty()).await;
}

#[tokio::test]
async fn a_lease_is_acquired_renewed_and_released() {
    let (server, client) = connected().await;
    let mut lease = client
        .lease(["laser"])
        .because("scan")
        .acquire()
        .await
        .unwrap();
    assert_eq!(devices(&server), ["laser"]);
    assert_eq!(lease.state().await, Ok(ClaimState::Held { ends_ms: None }));
    let ends_ms = Some(9000);
    let renewed = lease.renew(Duration::from_secs(9)).await;
    assert_eq!(renewed, Ok(ClaimState::Held { ends_ms }));
    server.cut_all();
    assert_eq!(lease.reacquire().await, Ok(()));
    lease.release().await.unwrap();
    assert!(devices(&server).is_empty());
    let transferred = client.lease(["laser"]).acquire().await.unwrap();
    let kept = transferred.transfer(6).await.unwrap_err();
    assert_eq!(devices(&server), ["laser"]);
    assert_eq!(kept.lease.transfer(7).await.unwrap().name, "seven");
}

#[tokio::test]
async fn a_lease_that_is_dropped_is_released_in_the_background() {
    let (server, client) = connected().await;
    drop(client.lease(["laser"]).acquire().await.unwrap());
    is_released(&server).await;
    assert_eq!(client.call::<u64>("echo", 1).await, Ok(1));
}

#[tokio::test]
async fn a_wait_whose_future_is_dropped_is_withdrawn() {
    let (server, client) = connected().await;
    server.leases(|leases| leases.hold("laser", "anna"));
    let waiting = client.lease(["laser"]).wait(LONG).acquire();
    tokio::select! {
        lease = waiting => panic!("{lease:?}"),
        () = until(|| !devices(&server).is_empty()) => {}
    }
    is_released(&server).await;
}

#[tokio::test]
async fn a_wait_ends_with_its_time_and_with_its_token() {
    let (server, client) = connected().await;
    server.leases(|leases| leases.hold("laser", "anna"));
    let late = client.lease(["laser"]).wait(SHORT).acquire().await;
    assert!(matches!(late, Err(LeaseError::Timeout { .. })), "{late:?}");
    is_released(&server).await;
    assert!(
        client
            .lease(["laser"])
            .try_acquire()
            .await
            .unwrap()
            .is_none()
    );
    let token = CancellationToken::new();
    let cancelling = client.cancel_with(&token);
    let waiting =
        tokio::spawn(async move { cancelling.lease(["laser"]).wait(LONG).acquire().await });
    until(|| !devices(&server).is_empty()).await;
    token.cancel();
    let error = waiting.await.unwrap().unwrap_err();
    assert!(matches!(error, LeaseError::Call { .. }), "{error:?}");
    is_released(&server).await;
}

#[tokio::test]
async fn a_wait_ends_when_the_devices_are_free() {
    let (server, client) = connected().await;
    server.leases(|leases| leases.hold("laser", "anna"));
    let waiting = tokio::spawn(client.lease(["laser"]).wait(Duration::MAX).acquire());
    until(|| !devices(&server).is_empty()).await;
    server.leases(|leases| leases.free());
    let lease = waiting.await.unwrap().unwrap();
    assert_eq!(lease.devices(), ["laser"]);
}

#[tokio::test]
async fn with_releases_also_if_its_closure_panics() {
    let (server, client) = connected().await;
    let echo = async |client: AsyncClient| client.call::<u64>("echo", 3).await;
    assert_eq!(client.with(["laser"], echo).await, Ok(Ok(3)));
    assert!(devices(&server).is_empty());
    let task = tokio::spawn({
        let client = client.clone();
        async move { client.with(["laser"], async |_| panic!("scripted")).await }
    });
    assert!(task.await.is_err());
    is_released(&server).await;
    server.leases(|leases| leases.hold("laser", "anna"));
    let hurried = client.timeout(SHORT);
    let late = hurried.with(["laser"], async |_| panic!("it ran")).await;
    assert!(
        matches!(late, Err::<(), _>(LeaseError::Timeout { .. })),
        "{late:?}"
    );
}

#[tokio::test]
async fn a_lease_dropped_without_a_connection_is_released_with_the_next_one() {
    let (server, client) = connected().await;
    let lease = client.lease(["laser"]).acquire().await.unwrap();
    let address = server.address();
    server.cut_all();
    drop(lease);
    let begun = Instant::now();
    assert_eq!(client.call::<u64>("echo", 1).await, Ok(1));
    assert!(begun.elapsed() < Duration::from_secs(10), "{address}");
    is_released(&server).await;
}

#[tokio::test]
async fn the_commands_of_the_server_are_futures() {
    let (server, client) = connected().await;
    server.leases(|leases| leases.hold("laser", "anna"));
    let commands = client.server();
    let (clients, leases) = tokio::join!(commands.clients(), commands.leases());
    assert_eq!((clients.unwrap()[0].id, leases.unwrap().len()), (7, 1));
    let kicked = commands.kick_lease("laser", "night run", Duration::ZERO);
    assert_eq!(kicked.await.unwrap().name, "laser in 0");
}
