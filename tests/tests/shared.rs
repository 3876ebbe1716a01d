//! Several clients at one server at the same time.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "tests"
)]

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use ipc_client::{Client, Release, Shared, remote};
use ipc_server::Device;
use tests::{Bench, BenchProxy, Way, both_ways, until};

both_ways!(
    two_clients_are_served_at_once,
    calls_to_different_devices_run_side_by_side,
    calls_to_one_device_run_one_after_the_other,
    a_client_beyond_the_seats_waits_for_the_first_that_leaves,
    an_idle_client_makes_room_for_one_that_waits,
    a_device_is_released_when_its_last_user_has_left,
);

/// A device whose calls a test can hold up.
struct Valve {
    begun: Sender<()>,
    go: Receiver<()>,
}

#[remote(crate = ipc_client)]
impl Valve {
    /// Waits until the test lets it go.
    pub fn wait(&mut self) {
        self.begun.send(()).unwrap();
        self.go.recv().unwrap();
    }

    /// Returns at once.
    pub fn touch(&mut self) {}
}

/// The test's end of a [`Valve`].
struct Hand {
    begun: Receiver<()>,
    go: Sender<()>,
}

fn valve() -> (Valve, Hand) {
    let (begun, has_begun) = channel();
    let (let_go, go) = channel();
    let hand = Hand {
        begun: has_begun,
        go: let_go,
    };
    (Valve { begun, go }, hand)
}

fn two_clients_are_served_at_once(way: Way) {
    let server = way.server().shared().device(Bench::new()).spawn().unwrap();
    let clients: Vec<Client> = ["monitor", "sweep"]
        .map(|name| way.client(&server).name(name).connect().unwrap())
        .into();
    for n in 1..=4 {
        let client = &clients[n % 2];
        assert_eq!(BenchProxy::new(client).step().unwrap(), n as u64);
    }
    let names: Vec<_> = server
        .clients()
        .into_iter()
        .map(|c| (c.name, c.place))
        .collect();
    assert_eq!(names, [("monitor".into(), 0), ("sweep".into(), 0)]);
    clients[0].close();
    until("the first one has left", || server.clients().len() == 1);
    assert_eq!(BenchProxy::new(&clients[1]).step().unwrap(), 5);
}

fn calls_to_different_devices_run_side_by_side(way: Way) {
    let (slow, hand) = valve();
    let server = way
        .server()
        .shared()
        .device(Device::new(slow).prefix("slow_"));
    let server = server.device(Bench::new()).spawn().unwrap();
    let (a, b) = (
        way.client(&server).connect().unwrap(),
        way.client(&server).connect().unwrap(),
    );
    thread::scope(|scope| {
        let waits = scope.spawn(|| ValveProxy::with_prefix(&a, "slow_").wait());
        hand.begun.recv().unwrap();
        assert_eq!(BenchProxy::new(&b).step().unwrap(), 1);
        hand.go.send(()).unwrap();
        waits.join().unwrap().unwrap();
    });
}

fn calls_to_one_device_run_one_after_the_other(way: Way) {
    let (valve, hand) = valve();
    let server = way.server().shared().device(valve).spawn().unwrap();
    let clients: Vec<Client> = (0..3)
        .map(|_| way.client(&server).connect().unwrap())
        .collect();
    let order = Arc::new(Mutex::new(Vec::new()));
    thread::scope(|scope| {
        let running = scope.spawn(|| ValveProxy::new(&clients[0]).wait());
        hand.begun.recv().unwrap();
        let touching = [1, 2].map(|n| {
            let (client, order) = (&clients[n], Arc::clone(&order));
            let touching = scope.spawn(move || {
                ValveProxy::new(client).touch().unwrap();
                order.lock().unwrap().push(n);
            });
            // It waits at the gate before the next one comes.
            until("its call has begun", || {
                server.clients()[n].running.is_some()
            });
            touching
        });
        assert!(order.lock().unwrap().is_empty());
        hand.go.send(()).unwrap();
        running.join().unwrap().unwrap();
        touching
            .into_iter()
            .for_each(|touching| touching.join().unwrap());
    });
    let mut seen = order.lock().unwrap().clone();
    seen.sort_unstable();
    assert_eq!(seen, [1, 2]);
}

fn a_client_beyond_the_seats_waits_for_the_first_that_leaves(way: Way) {
    let server = way.server().shared_by(2).idle_handover(None);
    let server = server.device(Bench::new()).spawn().unwrap();
    let (a, b) = (
        way.client(&server).name("a").connect().unwrap(),
        way.client(&server).name("b").connect().unwrap(),
    );
    let late = way.client(&server).name("late").connect_lazy();
    thread::scope(|scope| {
        let waits = scope.spawn(|| BenchProxy::new(&late).step());
        until("it waits", || server.waiting() == 1);
        b.close();
        assert_eq!(waits.join().unwrap().unwrap(), 1);
    });
    assert_eq!(BenchProxy::new(&a).step().unwrap(), 2);
}

fn an_idle_client_makes_room_for_one_that_waits(way: Way) {
    let idle = std::time::Duration::from_millis(200);
    let server = way.server().shared_by(2).idle_handover(idle);
    let server = server.device(Bench::new()).spawn().unwrap();
    let (idle, busy) = (
        way.client(&server).name("idle").connect().unwrap(),
        way.client(&server).name("busy").connect().unwrap(),
    );
    let late = way.client(&server).name("late").connect_lazy();
    thread::scope(|scope| {
        let waits = scope.spawn(|| BenchProxy::new(&late).step());
        while !waits.is_finished() {
            BenchProxy::new(&busy).step().unwrap();
            thread::yield_now();
        }
        waits.join().unwrap().unwrap();
    });
    let names: Vec<_> = server.clients().into_iter().map(|c| c.name).collect();
    assert_eq!(names, ["busy", "late"]);
    drop(idle);
}

fn a_device_is_released_when_its_last_user_has_left(way: Way) {
    let released = Arc::new(Mutex::new(Vec::new()));
    let device = |name: &'static str| {
        let note = Arc::clone(&released);
        let device = Shared::new(Bench::new());
        let device = device.on_release(move |_, why| note.lock().unwrap().push((name, why)));
        device.name(name).prefix(format!("{name}_"))
    };
    let server = way
        .server()
        .shared()
        .device(device("laser"))
        .device(device("meter"));
    let server = server.spawn().unwrap();
    let step = |client: &Client, device: &str| {
        BenchProxy::with_prefix(client, &format!("{device}_"))
            .step()
            .unwrap();
    };
    let (a, b) = (
        way.client(&server).connect().unwrap(),
        way.client(&server).connect().unwrap(),
    );
    step(&a, "laser");
    step(&a, "meter");
    step(&b, "meter");
    a.close();
    let all = || released.lock().unwrap().clone();
    until("a has left", || server.clients().len() == 1);
    assert_eq!(all(), [("laser", Release::Finished)], "b uses the meter");
    b.close();
    until("b has left", || server.clients().is_empty());
    assert_eq!(all()[1..], [("meter", Release::Finished)]);
}
