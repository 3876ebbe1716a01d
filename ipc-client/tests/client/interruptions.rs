//! What a client asks of the server about interruptions, and what comes of one.

use ipc_client::{AsyncClient, Client, Refusal};
use ipc_core::wire::ctrl::Feature;

use crate::support::{FakeServer, connected, refused_as};

fn interrupted() -> Refusal {
    Refusal::Interrupted {
        method: "echo".into(),
        by: "anna".into(),
        why: "the lease of `laser` has ended".into(),
        ago_ms: 4000,
    }
}

#[test]
fn a_script_is_told_of_interruptions_unless_it_says_otherwise() {
    let server = FakeServer::start();
    let builder = || Client::builder(server.address().to_string());
    let builders = [builder(), builder().resume_silently(), builder().strictly()];
    for (version, builder) in [1, 0, 2].into_iter().zip(builders) {
        drop(builder.connect().unwrap());
        let hello = server.hellos().pop().unwrap();
        assert_eq!(hello.features.version(Feature::Interruptions), version);
        assert!(hello.features.offer(Feature::Refusals));
    }
}

#[tokio::test]
async fn an_async_program_has_the_same_choice() {
    let server = FakeServer::start();
    let builder = AsyncClient::builder(server.address().to_string());
    let client = builder.strictly().connect().await.unwrap();
    let hello = server.hellos().pop().unwrap();
    assert_eq!(hello.features.version(Feature::Interruptions), 2);
    client.close().await;
}

#[test]
fn an_interruption_stops_a_script_once() {
    let (server, client) = connected();
    assert_eq!(client.call::<u64>("echo", 1), Ok(1));
    server.refuse_next(interrupted());
    let error = client.call::<u64>("echo", 2).unwrap_err();
    assert_eq!(refused_as(&error), Some(&interrupted()));
    assert!(error.is_not_executed());
    assert_eq!(client.call::<u64>("echo", 3), Ok(3));
}

#[test]
fn a_script_that_has_called_nothing_is_not_stopped() {
    let (server, client) = connected();
    server.refuse_next(interrupted());
    assert_eq!(client.call::<u64>("echo", 1), Ok(1));
    assert_eq!(server.ledger(), ["refused", "echo"]);
}
