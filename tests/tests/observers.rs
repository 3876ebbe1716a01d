//! A client reaches urgent methods and the commands of the server while it waits in the queue, and while a call of it runs.

#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use ipc_client::{
    AsyncClient, CallError, Client, ClientSummary, ConnectionState, LeaseError, NotSent, remote,
};
use ipc_server::{Device, ServerBuilder, ServerHandle};
use tests::{Way, both_ways, until};

both_ways!(
    a_stop_ends_a_long_call_of_the_same_client,
    a_client_in_the_queue_stops_the_holder_and_makes_it_leave,
    a_closed_client_leaves_no_connection_behind,
    a_client_that_uses_no_observer_has_none,
);

/// A call that waits for another one fails, rather than waiting for ever.
const PATIENCE: Duration = Duration::from_secs(20);

/// A laser that runs until its shutter is closed.
struct Laser {
    shutter: Shutter,
    begun: Sender<()>,
    powers: Arc<AtomicU64>,
}

#[derive(Clone, Default)]
struct Shutter(Arc<AtomicBool>);

#[remote(crate = ipc_client)]
impl Laser {
    /// Runs until the shutter is closed.
    pub fn run(&mut self) {
        self.begun.send(()).unwrap();
        until("the shutter is closed", || {
            self.shutter.0.swap(false, Ordering::SeqCst)
        });
    }

    /// Its power.
    pub fn power(&self) -> f64 {
        self.powers.fetch_add(1, Ordering::SeqCst);
        0.5
    }

    #[remote(handle)]
    fn shutter(&self) -> Shutter {
        self.shutter.clone()
    }

    /// Closes the shutter.
    #[remote(urgent)]
    pub fn close(shutter: &Shutter) {
        shutter.0.store(true, Ordering::SeqCst);
    }
}

fn laser() -> (Device, Receiver<()>, Arc<AtomicU64>) {
    let (begun, has_begun) = channel();
    let powers = Arc::<AtomicU64>::default();
    let laser = Laser {
        shutter: Shutter::default(),
        begun,
        powers: Arc::clone(&powers),
    };
    (Device::new(laser).name("laser"), has_begun, powers)
}

/// The test's end of a server with a [`Laser`].
struct Lab {
    server: ServerHandle,
    /// Each run of the laser that has begun.
    begun: Receiver<()>,
    /// Number of calls of `power`.
    powers: Arc<AtomicU64>,
}

impl Lab {
    fn new(server: ServerBuilder) -> Self {
        let (laser, begun, powers) = laser();
        let server = server.device(laser).spawn().unwrap();
        Self {
            server,
            begun,
            powers,
        }
    }

    async fn start(server: ServerBuilder) -> Self {
        let (laser, begun, powers) = laser();
        let server = server.device(laser).start().await.unwrap();
        Self {
            server,
            begun,
            powers,
        }
    }

    /// The names of the connections at the server.
    fn names(&self) -> Vec<String> {
        let clients = self.server.clients().into_iter();
        clients.map(|client| client.name).collect()
    }
}

/// What a list says of each client: name, place, and what runs.
fn known(clients: &[ClientSummary]) -> Vec<(&str, u32, &str)> {
    let clients = clients.iter();
    let mut known: Vec<_> = clients
        .map(|it| (&*it.name, it.place, &*it.running))
        .collect();
    known.sort_unstable();
    known
}

fn id_of(clients: &[ClientSummary], name: &str) -> u64 {
    let found = clients.iter().find(|client| client.name == name);
    found.unwrap().id
}

fn a_stop_ends_a_long_call_of_the_same_client(way: Way) {
    let lab = Lab::new(way.server());
    let client = way.client(&lab.server).name("a").connect().unwrap();
    thread::scope(|scope| {
        for _ in 0..2 {
            let runs = scope.spawn(|| LaserProxy::new(&client).run());
            lab.begun.recv().unwrap();
            let hand = client.timeout(PATIENCE);
            let clients = hand.server().clients().unwrap();
            assert_eq!(known(&clients), [("a", 0, "run"), ("a (observer)", 0, "")]);
            LaserProxy::new(&hand).close().unwrap();
            assert_eq!(runs.join().unwrap(), Ok(()));
        }
    });
    let mut names = lab.names();
    names.sort_unstable();
    assert_eq!(names, ["a", "a (observer)"], "both calls use one observer");
    assert_eq!(LaserProxy::new(&client).power(), Ok(0.5));
}

fn a_client_in_the_queue_stops_the_holder_and_makes_it_leave(way: Way) {
    let lab = Lab::new(way.server());
    let holder = way.client(&lab.server).name("a").connect().unwrap();
    let waiting = way.client(&lab.server).name("b").connect_lazy();
    let hand = waiting.timeout(PATIENCE);
    let is_queued = || matches!(waiting.state(), ConnectionState::Queued(_));
    thread::scope(|scope| {
        let runs = scope.spawn(|| LaserProxy::new(&holder).run());
        lab.begun.recv().unwrap();
        let waits = scope.spawn(|| LaserProxy::new(&waiting).power());
        until("it is in the queue", is_queued);

        let clients = hand.server().clients().unwrap();
        let expected = [("a", 0, "run"), ("b", 1, ""), ("b (observer)", 0, "")];
        assert_eq!(known(&clients), expected);
        LaserProxy::new(&hand).close().unwrap();
        assert_eq!(runs.join().unwrap(), Ok(()));
        let leases = hand.server().leases().unwrap();
        assert_eq!(leases.first().unwrap().name, "a");
        assert!(is_queued(), "{}", waiting.state());
        assert_eq!(lab.powers.load(Ordering::SeqCst), 0);
        assert_eq!(lab.server.holder().unwrap().name, "a");

        let holder = id_of(&clients, "a");
        let kicked = hand.server().kick_client(holder, "my turn").unwrap();
        assert_eq!((&*kicked.name, &*kicked.running), ("a", ""));
        assert_eq!(waits.join().unwrap(), Ok(0.5));
    });
    let known_now = hand.server().clients().unwrap();
    assert_eq!(known(&known_now), [("b", 0, ""), ("b (observer)", 0, "")]);
}

fn a_closed_client_leaves_no_connection_behind(way: Way) {
    let lab = Lab::new(way.server());
    let make = || {
        let client: Client = way.client(&lab.server).name("a").connect().unwrap();
        assert_eq!(client.server().clients().unwrap().len(), 2);
        client
    };
    let client = make();
    client.close();
    until("both connections are closed", || lab.names().is_empty());
    for late in [
        client.server().clients().map(drop),
        LaserProxy::new(&client).close(),
    ] {
        assert_eq!(reason(late.unwrap_err()), NotSent::Closed);
    }
    assert!(lab.names().is_empty());
    // A client that never had an observer makes none once it is closed.
    let client = way.client(&lab.server).name("b").connect().unwrap();
    client.close();
    assert!(client.server().clients().is_err());
    until("the connection is closed", || lab.names().is_empty());
    // The last handle does the same.
    let handle = make().timeout(PATIENCE);
    assert_eq!(handle.server().clients().unwrap().len(), 2);
    drop(handle);
    until("both connections are closed", || lab.names().is_empty());
}

fn reason(error: CallError) -> NotSent {
    match error {
        CallError::NotSent { reason, .. } => reason,
        error => panic!("{error}"),
    }
}

fn a_client_that_uses_no_observer_has_none(way: Way) {
    let lab = Lab::new(way.server().shared());
    let client = way.client(&lab.server).name("a").connect().unwrap();
    let other = way.client(&lab.server).name("b").connect().unwrap();
    let laser = LaserProxy::new(&client);
    assert_eq!(laser.power(), Ok(0.5));
    client.describe().unwrap();
    let mut lease = client.lease(["laser"]).acquire().unwrap();
    lease.renew(PATIENCE).unwrap();
    lease.state().unwrap();
    // A client that does not wait asks who has the device.
    let error = other.lease(["laser"]).acquire().unwrap_err();
    assert!(matches!(error, LeaseError::Timeout { .. }), "{error}");
    assert!(error.to_string().contains("a at "), "{error}");
    lease.release().unwrap();
    let batch = client.batch();
    let later = LaserProxy::new(&batch).power();
    batch.run().unwrap();
    assert_eq!(later.get(), Ok(0.5));
    assert_eq!(lab.names(), ["a", "b"]);
}

/// The same with futures.
mod asynchronous {
    use tests::both_ways_async;

    use super::*;

    both_ways_async!(
        a_stop_ends_a_long_call_of_the_same_client,
        a_client_in_the_queue_stops_the_holder_and_makes_it_leave,
        a_closed_client_leaves_no_connection_behind,
        a_client_that_uses_no_observer_has_none,
    );

    async fn connected(way: Way, lab: &Lab) -> AsyncClient {
        let client = way.async_client(&lab.server).name("a").connect().await;
        client.unwrap()
    }

    async fn a_stop_ends_a_long_call_of_the_same_client(way: Way) {
        let lab = Lab::start(way.server()).await;
        let client = connected(way, &lab).await;
        for _ in 0..2 {
            let runs = tokio::spawn(LaserProxy::new(&client).run());
            lab.begun.recv().unwrap();
            let hand = client.timeout(PATIENCE);
            let clients = hand.server().clients().await.unwrap();
            assert_eq!(known(&clients), [("a", 0, "run"), ("a (observer)", 0, "")]);
            LaserProxy::new(&hand).close().await.unwrap();
            assert_eq!(runs.await.unwrap(), Ok(()));
        }
        let mut names = lab.names();
        names.sort_unstable();
        assert_eq!(names, ["a", "a (observer)"], "both calls use one observer");
        assert_eq!(LaserProxy::new(&client).power().await, Ok(0.5));
    }

    async fn a_client_in_the_queue_stops_the_holder_and_makes_it_leave(way: Way) {
        let lab = Lab::start(way.server()).await;
        let holder = connected(way, &lab).await;
        let waiting = way.async_client(&lab.server).name("b");
        let waiting = waiting.connect_lazy().unwrap();
        let hand = waiting.timeout(PATIENCE);
        let is_queued = || matches!(waiting.state(), ConnectionState::Queued(_));
        let runs = tokio::spawn(LaserProxy::new(&holder).run());
        lab.begun.recv().unwrap();
        let waits = tokio::spawn(LaserProxy::new(&waiting).power());
        until("it is in the queue", is_queued);

        let clients = hand.server().clients().await.unwrap();
        let expected = [("a", 0, "run"), ("b", 1, ""), ("b (observer)", 0, "")];
        assert_eq!(known(&clients), expected);
        LaserProxy::new(&hand).close().await.unwrap();
        assert_eq!(runs.await.unwrap(), Ok(()));
        let leases = hand.server().leases().await.unwrap();
        assert_eq!(leases.first().unwrap().name, "a");
        assert!(is_queued(), "{}", waiting.state());
        assert_eq!(lab.powers.load(Ordering::SeqCst), 0);
        assert_eq!(lab.server.holder().unwrap().name, "a");

        let holder = id_of(&clients, "a");
        let kicked = hand.server().kick_client(holder, "my turn").await.unwrap();
        assert_eq!((&*kicked.name, &*kicked.running), ("a", ""));
        assert_eq!(waits.await.unwrap(), Ok(0.5));
        let known_now = hand.server().clients().await.unwrap();
        assert_eq!(known(&known_now), [("b", 0, ""), ("b (observer)", 0, "")]);
    }

    async fn a_closed_client_leaves_no_connection_behind(way: Way) {
        let lab = Lab::start(way.server()).await;
        let client = connected(way, &lab).await;
        assert_eq!(client.server().clients().await.unwrap().len(), 2);
        client.close().await;
        until("both connections are closed", || lab.names().is_empty());
        let commands = client.server().clients().await.map(drop);
        let urgent = LaserProxy::new(&client).close().await;
        for late in [commands, urgent] {
            assert_eq!(reason(late.unwrap_err()), NotSent::Closed);
        }
        assert!(lab.names().is_empty());
        // A client that never had an observer makes none once it is closed.
        let client = connected(way, &lab).await;
        client.close().await;
        assert!(client.server().clients().await.is_err());
        until("the connection is closed", || lab.names().is_empty());
        // The last handle does the same.
        let client = connected(way, &lab).await;
        let handle = client.timeout(PATIENCE);
        drop(client);
        assert_eq!(handle.server().clients().await.unwrap().len(), 2);
        drop(handle);
        until("both connections are closed", || lab.names().is_empty());
    }

    async fn a_client_that_uses_no_observer_has_none(way: Way) {
        let lab = Lab::start(way.server().shared()).await;
        let client = connected(way, &lab).await;
        let other = way.async_client(&lab.server).name("b");
        let other = other.connect().await.unwrap();
        assert_eq!(LaserProxy::new(&client).power().await, Ok(0.5));
        let lease = client.lease(["laser"]).acquire().await.unwrap();
        let error = other.lease(["laser"]).acquire().await.unwrap_err();
        assert!(matches!(error, LeaseError::Timeout { .. }), "{error}");
        lease.release().await.unwrap();
        // A future that is not polled sends nothing, here as elsewhere.
        drop(client.server().clients());
        drop(LaserProxy::new(&client).close());
        assert_eq!(LaserProxy::new(&client).power().await, Ok(0.5));
        assert_eq!(lab.names(), ["a", "b"]);
    }
}
