//! Turns at a device that many want: readers beside a lease, and clients that all call at the same time.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "tests"
)]

use std::collections::HashMap;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ipc_client::Client;
use tests::notebook::{Notebook, device, serve};
use tests::{Way, both_ways};

both_ways!(
    a_reader_misses_nothing_while_another_client_holds_the_device,
    many_clients_at_one_device_take_turns,
);

/// With `FULL=1` the sweep takes a minute, and is read once a second.
fn a_reader_misses_nothing_while_another_client_holds_the_device(way: Way) {
    let (reads, every) = match std::env::var_os("FULL") {
        Some(_) => (60, Duration::from_secs(1)),
        None => (20, Duration::from_millis(100)),
    };
    let (server, notebook) = serve(way.server().shared(), ["laser"]);
    let (sweep, monitor) = (
        way.connect(&server, "sweep"),
        way.connect(&server, "monitor"),
    );
    let lease = sweep.lease(["laser"]).acquire().unwrap();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let sweeping = scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                device(&sweep, "laser").work(20).unwrap();
            }
        });
        let began = Instant::now();
        let turns: Vec<_> = (1..=reads)
            .map(|n| {
                let before = notebook.notes().len();
                let seen = device(&monitor, "laser").count().unwrap();
                thread::sleep((began + every * n).saturating_duration_since(Instant::now()));
                seen - before
            })
            .collect();
        is_over.store(true, Ordering::SeqCst);
        sweeping.join().unwrap();
        // It waits for the call that runs, and on a busy machine for what else gets in before its question has arrived.
        assert!(turns.iter().all(|turns| *turns <= 10), "{turns:?}");
        assert!(notebook.notes().len() > reads as usize, "the sweep went on");
    });
    lease.release().unwrap();
}

/// Number of clients that share the device.
const CLIENTS: usize = 50;
/// Number of calls of each of them.
const CALLS: usize = 100;

/// What a client was told while a call of it waited.
struct Wait {
    /// Its place in line, 1 for the next.
    place: usize,
    /// Number of calls that the device had begun when it was told.
    begun: usize,
}

fn many_clients_at_one_device_take_turns(way: Way) {
    let (server, notebook) = serve(way.server().shared(), ["laser"]);
    let start = Barrier::new(CLIENTS);
    let waits: HashMap<String, Vec<Vec<Wait>>> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|n| {
                let (start, notebook, server) = (&start, &notebook, &server);
                scope.spawn(move || {
                    let client = way.connect(server, &n.to_string());
                    start.wait();
                    let waits = (0..CALLS).map(|_| call(&client, notebook)).collect();
                    (n.to_string(), waits)
                })
            })
            .collect();
        clients.into_iter().map(|it| it.join().unwrap()).collect()
    });
    let order = notebook.notes();
    let mut told = 0;
    for (name, waits) in &waits {
        let turns = (0..order.len()).filter(|turn| order[*turn] == *name);
        for (turn, waits) in turns.zip(waits) {
            for Wait { place, begun } in waits {
                // Each client has one call in line at most.
                assert!(*place <= CLIENTS, "place {place}");
                // In turns, so that a busy machine does not matter: the message may come late, which makes the wait shorter.
                let passed = turn.saturating_sub(*begun);
                assert!(passed <= *place, "{passed} turns, although at {place}");
                told += 1;
                let mut others = HashMap::new();
                order[*begun..turn.max(*begun)]
                    .iter()
                    .for_each(|other| *others.entry(other).or_insert(0) += 1);
                assert!(others.values().all(|turns| *turns <= 2), "{others:?}");
            }
        }
    }
    assert!(told >= CLIENTS * CALLS / 10, "only {told} waits");
}

/// Makes a call of a millisecond. Returns what it was told about its wait.
fn call(client: &Client, notebook: &Notebook) -> Vec<Wait> {
    let waits: Arc<Mutex<Vec<Wait>>> = Arc::default();
    let (noting, notebook) = (Arc::clone(&waits), notebook.clone());
    let told = client.on_waiting(move |status| {
        let (place, begun) = (status.place as usize, notebook.count());
        noting.lock().unwrap().push(Wait { place, begun });
    });
    device(&told, "laser").work(1).unwrap();
    mem::take(&mut *waits.lock().unwrap())
}
