//! A holder that returns in time keeps its place, even if others wait and however its earlier connection ended.
//!
//! `RETURNS=1000 cargo test --release -p tests --test returning` makes a thousand returns of each kind.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ipc_client::{CallError, Client};
use ipc_server::{ServerEvent, ServerHandle};
use tests::child::Peer;
use tests::middle::Middle;
use tests::{Bench, BenchProxy, Way, both_ways, until};

both_ways!(
    a_holder_whose_old_connection_still_stands_keeps_its_place,
    a_holder_that_has_closed_its_old_connection_keeps_its_place,
    a_holder_that_was_gone_for_half_a_second_keeps_its_place,
    a_holder_that_returns_in_mid_call_keeps_its_place,
    a_holder_that_returns_late_in_mid_call_keeps_its_place,
    a_killed_holder_is_replaced_within_a_second,
    a_place_that_was_kept_for_the_grace_passes_on_once_somebody_waits,
);

/// A server, a holder that reaches it through a proxy, and a client that waits for its turn all the time.
struct Lab {
    server: ServerHandle,
    middle: Middle,
    holder: Client,
    entered: Arc<AtomicU64>,
    events: Arc<Mutex<Vec<ServerEvent>>>,
    waiter: Option<(Client, thread::JoinHandle<Result<u64, CallError>>)>,
}

impl Lab {
    fn new(way: Way) -> Self {
        let bench = Bench::new();
        let entered = bench.entered();
        let events: Arc<Mutex<Vec<ServerEvent>>> = Arc::default();
        let note = Arc::clone(&events);
        let server = way
            .server()
            .idle_handover(None)
            .grace(Duration::from_secs(60))
            .on_event(move |event| note.lock().unwrap().push(event.clone()))
            .device(bench)
            .spawn()
            .unwrap();
        let middle = Middle::new(server.local_addr());
        let address = middle.address().to_string();
        let holder = way.client_at(&address).name("holder").connect().unwrap();
        // One that has lost its place fails instead of waiting for ever.
        let holder = holder.timeout(Duration::from_secs(20));
        let client = way.client(&server).name("waiter").connect_lazy();
        let waiting = client.clone();
        let call = thread::spawn(move || BenchProxy::new(&waiting).step());
        until("somebody waits", || server.waiting() == 1);
        Self {
            server,
            middle,
            holder,
            entered,
            events,
            waiter: Some((client, call)),
        }
    }

    fn bench(&self) -> BenchProxy<Client> {
        BenchProxy::new(&self.holder)
    }

    /// Returns `count` times, each time after `part` has ended the connection, and keeps the place.
    fn returns(mut self, count: u64, part: impl Fn(&Self)) {
        let id = self.server.holder().unwrap().id;
        for round in 0..count {
            part(&self);
            assert_eq!(self.bench().echo(round).unwrap(), round);
            assert_eq!(self.holder.handovers(), 0, "round {round}");
        }
        assert_eq!(self.server.holder().unwrap().id, id);
        assert_eq!(self.server.waiting(), 1);
        let events = self.events.lock().unwrap().clone();
        let released = |event: &ServerEvent| matches!(event, ServerEvent::Released { .. });
        assert!(!events.iter().any(released), "{events:?}");
        self.holder.close();
        let (waiter, call) = self.waiter.take().unwrap();
        assert!(call.join().unwrap().is_ok());
        waiter.close();
    }

    /// Begins `call` on a thread of its own and waits until the driver has been entered.
    fn mid_call<T: Send + 'static>(
        &self,
        call: impl FnOnce(BenchProxy<Client>) -> T + Send + 'static,
    ) -> thread::JoinHandle<T> {
        let before = self.entered.load(Ordering::SeqCst);
        let holder = self.holder.clone();
        let call = thread::spawn(move || call(BenchProxy::new(&holder)));
        until("the call runs", || {
            self.entered.load(Ordering::SeqCst) > before
        });
        call
    }
}

/// Number of returns, fewer if each takes long.
fn rounds(usual: u64) -> u64 {
    std::env::var("RETURNS").map_or(usual, |count| count.parse().unwrap())
}

fn a_holder_whose_old_connection_still_stands_keeps_its_place(way: Way) {
    Lab::new(way).returns(rounds(30), |lab| lab.middle.strand());
}

fn a_holder_that_has_closed_its_old_connection_keeps_its_place(way: Way) {
    Lab::new(way).returns(rounds(30), |lab| lab.middle.cut());
}

/// The pause has a fixed length because it is the fault under test.
fn a_holder_that_was_gone_for_half_a_second_keeps_its_place(way: Way) {
    Lab::new(way).returns(rounds(3), |lab| {
        lab.middle.cut();
        thread::sleep(Duration::from_millis(500));
    });
}

/// One driver checks for cancellation, the other does not.
fn a_holder_that_returns_in_mid_call_keeps_its_place(way: Way) {
    Lab::new(way).returns(rounds(10), |lab| {
        for ending in [Middle::strand, Middle::cut] {
            let scan = lab.mid_call(|bench| bench.scan(60).unwrap());
            ending(&lab.middle);
            assert!(scan.join().unwrap() > 0);
            let sleep = lab.mid_call(|bench| bench.sleep(40).unwrap());
            ending(&lab.middle);
            assert_eq!(sleep.join().unwrap(), 40);
        }
    });
}

fn a_holder_that_returns_late_in_mid_call_keeps_its_place(way: Way) {
    Lab::new(way).returns(rounds(2), |lab| {
        lab.middle.delay(Duration::from_millis(500));
        let scan = lab.mid_call(|bench| bench.scan(900).unwrap());
        lab.middle.cut();
        let made = scan.join().unwrap();
        assert!(made > 0);
        // The call ends before its client returns.
        let sleep = lab.mid_call(|bench| bench.sleep(20).unwrap());
        lab.middle.cut();
        assert_eq!(sleep.join().unwrap(), 20);
        lab.middle.delay(Duration::ZERO);
    });
}

const PEER: &str = env!("CARGO_BIN_EXE_peer");

/// The other side of the rule: waiting clients are not delayed by it.
fn a_killed_holder_is_replaced_within_a_second(way: Way) {
    let server = way.server().grace(Duration::from_secs(60));
    let server = server.device(Bench::new()).spawn().unwrap();
    let address = server.local_addr().to_string();
    let mut fastest = Duration::MAX;
    for n in 0..5 {
        let mut holder = Peer::client(PEER, way, &address, "holder");
        holder.tell("step");
        holder.expect(&format!("ok {}", 2 * n + 1));
        let client = way.client(&server).connect_lazy();
        let waiter = thread::spawn(move || BenchProxy::new(&client).step().unwrap());
        until("it waits", || server.waiting() == 1);
        let killed = Instant::now();
        holder.kill();
        assert_eq!(waiter.join().unwrap(), 2 * n + 2);
        fastest = fastest.min(killed.elapsed());
    }
    // The best of several, so that a busy machine does not miss it.
    assert!(fastest < Duration::from_secs(1), "{fastest:?}");
}

fn a_place_that_was_kept_for_the_grace_passes_on_once_somebody_waits(way: Way) {
    let server = way.server().grace(Duration::from_secs(60));
    let server = server.device(Bench::new()).spawn().unwrap();
    let middle = Middle::new(server.local_addr());
    let gone = way.client_at(&middle.address().to_string());
    let gone = gone.name("gone").connect().unwrap();
    middle.close();
    // Longer than the place is kept for while others wait.
    thread::sleep(Duration::from_secs(1));
    assert_eq!(server.holder().unwrap().name, "gone");
    let start = Instant::now();
    let next = way.client(&server).name("next").connect().unwrap();
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(server.holder().unwrap().name, "next");
    drop((gone, next));
}
