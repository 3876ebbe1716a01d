//! Callbacks that panic, typically because they print into a pipe that has been closed. Regression tests: such a script was
//! aborted, and its own guards did not run.

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

/// Panics when it is dropped, with a payload that panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic_any(Bomb);
    }
}

/// A client whose callbacks all panic when they are called, and whose closures panic when they are dropped.
fn panicking<C>(
    builder: ClientBuilder<C>,
    states: &Count,
    interruptions: &Count,
) -> ClientBuilder<C> {
    let (states, interruptions) = (states.clone(), interruptions.clone());
    let bomb = Bomb;
    builder
        .on_state(move |_| {
            let _held = &bomb;
            states.called();
            panic!("scripted");
        })
        .on_handover(move || {
            interruptions.called();
            panic_any(Bomb);
        })
}

/// Restarts the server at the same address.
fn restart(server: FakeServer) -> FakeServer {
    let address = server.address();
    drop(server);
    FakeServer::start_at(address)
}

#[test]
fn panics_of_notices_reach_no_call_and_no_destructor() {
    let (states, interruptions) = <(Count, Count)>::default();
    let server = FakeServer::start();
    let client = panicking(
        Client::builder(server.address().to_string()),
        &states,
        &interruptions,
    )
    .connect()
    .unwrap();
    assert_eq!(client.call::<u64>("echo", 1), Ok(1));
    assert_eq!(states.get(), 2, "connecting, connected");
    let _server = restart(server);
    let again = client.idempotent().call::<u64>("echo", 2);
    assert_eq!(again, Ok(2));
    assert_eq!(interruptions.get(), 1);
    assert!(states.get() > 3, "later notices still come");
    let before = states.get();
    client.close();
    assert_eq!(states.get(), before + 1, "closed");
    drop(client);
}

#[tokio::test]
async fn nor_those_of_an_async_client() {
    let (states, interruptions) = <(Count, Count)>::default();
    let server = FakeServer::start();
    let builder = AsyncClient::builder(server.address().to_string());
    let builder = panicking(builder, &states, &interruptions);
    let client = builder.connect().await.unwrap();
    assert_eq!(client.call::<u64>("echo", 1).await, Ok(1));
    let _server = restart(server);
    let again = client.idempotent().call::<u64>("echo", 2);
    assert_eq!(again.await, Ok(2));
    assert_eq!(interruptions.get(), 1);
    let before = states.get();
    client.close().await;
    assert_eq!(states.get(), before + 1, "closed");
}

/// Regression test: the callback for `Closed` panicked while the script was unwinding, which aborted the process.
#[test]
fn a_script_that_fails_by_itself_is_not_aborted_by_its_notices() {
    let (states, interruptions) = <(Count, Count)>::default();
    let server = FakeServer::start();
    let script = catch_unwind(AssertUnwindSafe(|| {
        let client = panicking(
            Client::builder(server.address().to_string()),
            &states,
            &interruptions,
        )
        .connect()
        .unwrap();
        panic!("{:?}", client.call::<u64>("echo", 1));
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
    assert_eq!(handle.call::<u32>("sweep", 4), Ok(4));
    assert_eq!(steps.get(), 4);
    drop(handle);
    assert_eq!(client.call::<u64>("echo", 1), Ok(1));
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
        // The call holds the last reference to the callback.
        handle.call::<u32>("sweep", 4)
    };
    assert_eq!(call.await, Ok(4));
    assert_eq!(steps.get(), 4);
    assert_eq!(client.call::<u64>("echo", 1).await, Ok(1));
}
