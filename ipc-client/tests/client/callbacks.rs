//! Callbacks that panic. The usual one prints notices into a pipe that `head` has closed, or sends them to a window that
//! is gone: such a script was aborted, and its own guards did not run.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ipc_client::{AsyncClient, Client, ClientBuilder};

use crate::support::{FakeServer, connected};

/// Counts how often a callback was called.
#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl Count {
    fn called(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Panics when it is dropped, and what it panics with does, too.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic_any(Bomb);
    }
}

/// A client whose callbacks all panic, and whose closures do when they are dropped.
fn panicking(server: &FakeServer, states: &Count, handovers: &Count) -> ClientBuilder {
    let (states, handovers) = (states.clone(), handovers.clone());
    let bomb = Bomb;
    Client::builder(server.address().to_string())
        .on_state(move |_| {
            let _held = &bomb;
            states.called();
            panic!("scripted");
        })
        .on_handover(move || {
            handovers.called();
            panic_any(Bomb);
        })
}

/// A new incarnation at the same address.
fn restart(server: FakeServer) -> FakeServer {
    let address = server.address();
    drop(server);
    FakeServer::start_at(address)
}

#[test]
fn panics_of_notices_reach_no_call_and_no_destructor() {
    let (states, handovers) = <(Count, Count)>::default();
    let server = FakeServer::start();
    let client = panicking(&server, &states, &handovers).connect().unwrap();
    assert_eq!(client.call_by_name::<u64>("echo", 1), Ok(1));
    assert_eq!(states.get(), 2, "connecting, connected");
    let _server = restart(server);
    let again = client.idempotent().call_by_name::<u64>("echo", 2);
    assert_eq!(again, Ok(2));
    assert_eq!(handovers.get(), 1);
    assert!(states.get() > 3, "later notices still come");
    let before = states.get();
    client.close();
    assert_eq!(states.get(), before + 1, "closed");
    drop(client);
}

#[tokio::test]
async fn nor_those_of_an_async_client() {
    let (states, handovers) = <(Count, Count)>::default();
    let server = FakeServer::start();
    let builder = panicking(&server, &states, &handovers);
    let client = builder.connect_async().await.unwrap();
    assert_eq!(client.call_by_name::<u64>("echo", 1).await, Ok(1));
    let _server = restart(server);
    let again = client.idempotent().call_by_name::<u64>("echo", 2);
    assert_eq!(again.await, Ok(2));
    assert_eq!(handovers.get(), 1);
    let before = states.get();
    client.close().await;
    assert_eq!(states.get(), before + 1, "closed");
}

/// The notice `Closed` was the second panic, and that aborts.
#[test]
fn a_script_that_fails_by_itself_is_not_aborted_by_its_notices() {
    let (states, handovers) = <(Count, Count)>::default();
    let server = FakeServer::start();
    let script = catch_unwind(AssertUnwindSafe(|| {
        let client = panicking(&server, &states, &handovers).connect().unwrap();
        panic!("{:?}", client.call_by_name::<u64>("echo", 1));
    }));
    let panic = script.unwrap_err();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), "Ok(1)");
    assert_eq!(states.get(), 3, "connecting, connected, closed");
}

#[test]
fn a_call_whose_progress_panics_is_answered() {
    let (_server, client) = connected();
    let steps = Count::default();
    let handle = client.on_progress({
        let (steps, bomb) = (steps.clone(), Bomb);
        move |_, _| {
            let _held = &bomb;
            steps.called();
            panic!("scripted");
        }
    });
    assert_eq!(handle.call_by_name::<u32>("sweep", 4), Ok(4));
    assert_eq!(steps.get(), 4);
    drop(handle);
    assert_eq!(client.call_by_name::<u64>("echo", 1), Ok(1));
}

#[tokio::test]
async fn a_future_whose_progress_panics_is_answered() {
    let server = FakeServer::start();
    let address = server.address().to_string();
    let client = AsyncClient::connect(address).await.unwrap();
    let (steps, bomb) = (Count::default(), Bomb);
    let call = {
        let steps = steps.clone();
        let handle = client.on_progress(move |_, _| {
            let _held = &bomb;
            steps.called();
            panic!("scripted");
        });
        // The call is the last that holds the callback.
        handle.call_by_name::<u32>("sweep", 4)
    };
    assert_eq!(call.await, Ok(4));
    assert_eq!(steps.get(), 4);
    assert_eq!(client.call_by_name::<u64>("echo", 1).await, Ok(1));
}
