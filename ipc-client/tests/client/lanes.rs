//! Lanes: further connections of one client.

use std::thread;
use std::time::Duration;

use ipc_client::{CallError, Client, ConnectionState};
use ipc_core::wire::ctrl::ConnectionRole;

use crate::asynchronous;
use crate::support::{FakeServer, connected};

const SHORT: Duration = Duration::from_millis(50);

#[test]
fn a_lane_runs_beside_the_session_of_its_client() {
    let (server, client) = connected();
    let lane = client.lane().unwrap();
    let call = thread::spawn({
        let client = client.clone();
        move || client.call::<()>("gate", ())
    });
    server.wait_for(|ledger| ledger == ["gate entered"]);
    assert_eq!(lane.call::<u64>("echo", 1), Ok(1));
    server.open_gate();
    assert_eq!(call.join().unwrap(), Ok(()));
    let [main, beside] = &server.hellos()[..] else {
        panic!("{:?}", server.hellos());
    };
    assert_eq!((main.role, main.of), (ConnectionRole::Control, None));
    assert_eq!(beside.role, ConnectionRole::Lane);
    assert_eq!(beside.of, server.session_of(0));
    assert_eq!(
        (&beside.name, &beside.features),
        (&main.name, &main.features)
    );
}

#[test]
fn a_lane_connects_its_client_first_and_keeps_its_options() {
    let server = FakeServer::start();
    let client = Client::builder(server.address().to_string()).connect_lazy();
    let lane = client.timeout(SHORT).lane().unwrap();
    assert!(matches!(client.state(), ConnectionState::Connected { .. }));
    assert_eq!(lane.state(), ConnectionState::Disconnected);
    assert_eq!(server.hellos().len(), 1);
    let late = lane.call::<()>("gate", ()).unwrap_err();
    assert!(
        matches!(late, CallError::TimedOut { after, .. } if after == SHORT),
        "{late:?}"
    );
    server.open_gate();
    client.close();
    let error = client.lane().unwrap_err();
    assert!(error.is_not_executed(), "{error}");
}

#[tokio::test]
async fn an_async_client_has_lanes_too() {
    let (server, client) = asynchronous::connected().await;
    let lane = client.lane().await.unwrap();
    let mut gate = client.call::<()>("gate", ());
    asynchronous::send(&mut gate).await;
    asynchronous::until(|| server.ledger() == ["gate entered"]).await;
    assert_eq!(lane.call::<u64>("echo", 1).await, Ok(1));
    server.open_gate();
    assert_eq!(gate.await, Ok(()));
    let hello = server.hellos().pop().unwrap();
    assert_eq!(hello.role, ConnectionRole::Lane);
    assert_eq!(hello.of, server.session_of(0));
}
