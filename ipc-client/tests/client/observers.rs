//! The second connection of a client: how it says hello, and what becomes of its calls if it is not served.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use ipc_client::{AsyncClient, Client, ConnectionState};
use ipc_core::interface::commands::name;
use ipc_core::wire::ctrl::{ConnectionRole, Feature, Hello};

use crate::asynchronous;
use crate::support::{FakeServer, behind_alice, connected};

fn roles(hellos: &[Hello]) -> Vec<ConnectionRole> {
    hellos.iter().map(|hello| hello.role).collect()
}

const CONTROL: ConnectionRole = ConnectionRole::Control;
const OBSERVER: ConnectionRole = ConnectionRole::Observer;

#[test]
fn an_observer_says_whose_it_is_and_is_told_of_nothing() {
    let server = FakeServer::start();
    let states = Arc::new(Mutex::new(Vec::new()));
    let handovers = Arc::new(AtomicU64::new(0));
    let (seen, counted) = (Arc::clone(&states), Arc::clone(&handovers));
    let client = Client::builder(server.address().to_string())
        .name("scan")
        .on_state(move |state| seen.lock().unwrap().push(state.clone()))
        .on_handover(move || {
            counted.fetch_add(1, Ordering::SeqCst);
        })
        .connect()
        .unwrap();
    let before = states.lock().unwrap().len();
    client.server().devices().unwrap();
    let [main, beside] = &server.hellos()[..] else {
        panic!("{:?}", server.hellos());
    };
    assert_eq!((main.role, main.of), (CONTROL, None));
    assert_eq!((beside.role, beside.of), (OBSERVER, server.session_of(0)));
    assert_eq!((&*main.name, &*beside.name), ("scan", "scan (observer)"));
    assert!(main.features.offer(Feature::Interruptions));
    assert!(!beside.features.offer(Feature::Interruptions));
    assert!(beside.features.offer(Feature::Refusals));
    assert_eq!(states.lock().unwrap().len(), before);
    // It connects again by itself, and goes on with its session.
    server.cut_all();
    client.server().devices().unwrap();
    let again = server.hellos().pop().unwrap();
    assert_eq!((again.role, again.resume), (OBSERVER, server.session_of(1)));
    assert_eq!(states.lock().unwrap().len(), before);
    assert_eq!(handovers.load(Ordering::SeqCst), 0);
    client.close();
    assert_eq!(client.state(), ConnectionState::Closed);
}

#[test]
fn a_client_that_is_not_connected_has_an_observer_alone() {
    let server = FakeServer::start();
    let client = Client::builder(server.address().to_string()).connect_lazy();
    client.server().devices().unwrap();
    assert_eq!(roles(&server.hellos()), [OBSERVER]);
    assert_eq!(server.hellos()[0].of, None);
    assert_eq!(client.state(), ConnectionState::Disconnected);
}

#[test]
fn the_observer_of_a_lane_is_that_of_its_client() {
    let (server, client) = connected();
    let lane = client.lane().unwrap();
    lane.server().devices().unwrap();
    let hello = server.hellos().pop().unwrap();
    assert_eq!((hello.role, hello.of), (OBSERVER, server.session_of(0)));
}

#[test]
fn commands_about_the_session_keep_to_it() {
    let (server, client) = connected();
    let claim = [("claim", 7_u128)].into_iter();
    let claim = claim.collect::<std::collections::BTreeMap<_, _>>();
    for command in [name::STATUS, name::RELEASE] {
        let commands = client.server();
        let _: ipc_client::Value = commands.call_command(command, &claim).unwrap();
    }
    assert_eq!(roles(&server.hellos()), [CONTROL]);
}

#[test]
fn a_server_without_observers_is_asked_over_the_session() {
    let (server, client) = connected();
    server.refuse_observers();
    for _ in 0..2 {
        client.server().devices().unwrap();
    }
    assert_eq!(server.ledger(), [name::DEVICES, name::DEVICES]);
    let hellos = server.hellos();
    assert_eq!(roles(&hellos), [CONTROL, OBSERVER], "it asks once");
}

#[test]
fn threads_that_learn_together_that_there_are_no_observers_call_once_each() {
    let (server, client) = connected();
    server.refuse_observers();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| client.server().devices().unwrap());
        }
    });
    assert_eq!(server.ledger(), [name::DEVICES; 8]);
}

#[test]
fn a_call_that_waits_for_the_server_does_not_hold_up_a_command() {
    let server = FakeServer::start();
    let client = Client::builder(server.address().to_string()).connect_lazy();
    client.server().devices().unwrap();
    server.set_admission(behind_alice());
    thread::scope(|scope| {
        let waits = scope.spawn(|| client.call::<u64>("echo", 1));
        server.wait_for_hellos(2);
        client.server().devices().unwrap();
        client.close();
        assert!(waits.join().unwrap().is_err());
    });
    assert_eq!(server.ledger(), [name::DEVICES; 2]);
}

#[tokio::test]
async fn an_async_client_falls_back_too() {
    let (server, client) = asynchronous::connected().await;
    server.refuse_observers();
    let commands = client.server();
    let (one, other) = tokio::join!(commands.devices(), commands.devices());
    assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
    commands.devices().await.unwrap();
    assert_eq!(server.ledger(), [name::DEVICES; 3]);
    assert_eq!(roles(&server.hellos()), [CONTROL, OBSERVER]);
    client.close().await;
}

#[tokio::test]
async fn the_observer_of_an_async_client_says_whose_it_is() {
    let server = FakeServer::start();
    let builder = AsyncClient::builder(server.address().to_string());
    let client = builder.name("scan").connect().await.unwrap();
    client.server().devices().await.unwrap();
    let hello = server.hellos().pop().unwrap();
    assert_eq!((hello.role, hello.of), (OBSERVER, server.session_of(0)));
    assert_eq!(hello.name, "scan (observer)");
    assert!(!hello.features.offer(Feature::Interruptions));
}
