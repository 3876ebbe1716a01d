//! Calls that their callers have given up: what they are refused counts as told to nobody, and they do not enter a device late.

#![allow(clippy::panic, clippy::unwrap_used, unreachable_pub, reason = "tests")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use ipc_client::{CallError, CancellationToken, Client, Refusal};
use ipc_core::{Device, Shared, remote};
use ipc_server::ServerHandle;
use tests::{Way, both_ways, until};

both_ways!(
    the_fence_of_a_call_that_was_given_up_is_told_to_the_next_one,
    the_interruption_of_a_call_that_was_given_up_is_told_to_the_next_one,
    a_call_that_was_cancelled_while_it_waited_does_not_enter,
);

const LIMIT: Duration = Duration::from_secs(20);

/// Where a call waits for as long as a test holds the door.
#[derive(Clone, Default)]
struct Door {
    door: Arc<Mutex<()>>,
    arrived: Arc<AtomicU32>,
}

impl Door {
    fn hold(&self) -> MutexGuard<'_, ()> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass(&self) {
        self.arrived.fetch_add(1, Ordering::SeqCst);
        drop(self.hold());
    }

    fn arrived(&self) -> u32 {
        self.arrived.load(Ordering::SeqCst)
    }
}

#[derive(Clone, Default)]
struct Laser {
    shots: Arc<Mutex<Vec<u32>>>,
    door: Door,
}

#[remote]
impl Laser {
    pub fn fire(&mut self, power: u32) {
        self.shots.lock().unwrap().push(power);
    }

    pub fn warm_up(&mut self) {
        self.door.pass();
    }
}

/// Uses the laser, and does not say so.
struct Stage {
    laser: Shared<Laser>,
    door: Door,
}

#[remote]
impl Stage {
    pub fn move_and_fire(&mut self) {
        self.door.pass();
        self.laser.lock().fire(99);
    }
}

struct Meter {
    door: Door,
}

#[remote]
impl Meter {
    pub fn measure(&mut self) {
        self.door.pass();
    }
}

struct Lab {
    server: ServerHandle,
    laser: Laser,
    stage: Door,
    meter: Door,
}

impl Lab {
    fn new(way: Way) -> Self {
        let laser = Laser::default();
        let shared = Shared::new(laser.clone());
        let (stage, meter) = (Door::default(), Door::default());
        let device = shared.clone().on_release(|_, _| ());
        let (door, other) = (stage.clone(), meter.clone());
        let parts = Stage {
            laser: shared,
            door,
        };
        let server = way.server().shared();
        let server = server.device(device.name("laser"));
        let server = server.device(Device::new(parts).name("stage"));
        let server = server.device(Device::new(Meter { door: other }).name("meter"));
        Self {
            server: server.spawn().unwrap(),
            laser,
            stage,
            meter,
        }
    }

    /// Gives up a call to the stage, which is refused the laser while a call to the meter runs, whose answer is then read. `take`
    /// takes the laser away from the client. Returns the refusal of the next call.
    fn next_call(&self, way: Way, client: &Client, take: impl FnOnce(&Client)) -> Refusal {
        let operator = way.connect(&self.server, "operator").timeout(LIMIT);
        let (stage, meter) = (self.stage.hold(), self.meter.hold());
        let brief = StageProxy::new(&client.timeout(Duration::from_millis(100)));
        brief.move_and_fire().unwrap_err();
        let measures = MeterProxy::new(client);
        let measuring = thread::spawn(move || measures.measure());
        until("it measures", || self.meter.arrived() == 1);
        take(&operator);
        // Waits until the laser has been released.
        LaserProxy::new(&operator).fire(0).unwrap();
        drop(stage);
        until("the stage is free", || {
            let devices = operator.server().devices().unwrap();
            devices
                .iter()
                .all(|device| device.name != "stage" || device.inside.is_empty())
        });
        drop(meter);
        measuring.join().unwrap().unwrap();
        let Err(CallError::Refused(refusal)) = LaserProxy::new(client).fire(2) else {
            panic!("the laser fired: {:?}", self.laser.shots.lock().unwrap());
        };
        refusal
    }
}

/// The refusal used to count as told by the call that ran when it was made, and the laser fired.
fn the_fence_of_a_call_that_was_given_up_is_told_to_the_next_one(way: Way) {
    let lab = Lab::new(way);
    let sweep = way.client(&lab.server).name("sweep").resume_silently();
    let sweep = sweep.connect().unwrap().timeout(LIMIT);
    let _lease = sweep.lease(["laser"]).acquire().unwrap();
    let told = lab.next_call(way, &sweep, |operator| {
        let server = operator.server();
        server
            .kick_lease("laser", "cooling water", Duration::ZERO)
            .unwrap();
    });
    assert!(matches!(told, Refusal::Fenced(_)), "{told}");
    assert_eq!(*lab.laser.shots.lock().unwrap(), [0]);
}

fn the_interruption_of_a_call_that_was_given_up_is_told_to_the_next_one(way: Way) {
    let lab = Lab::new(way);
    let sweep = way.connect(&lab.server, "sweep").timeout(LIMIT);
    LaserProxy::new(&sweep).fire(1).unwrap();
    let told = lab.next_call(way, &sweep, |operator| {
        let lease = operator.lease(["laser"]).acquire().unwrap();
        lease.release().unwrap();
    });
    assert!(matches!(told, Refusal::Interrupted { .. }), "{told}");
    assert_eq!(*lab.laser.shots.lock().unwrap(), [1, 0]);
}

/// If the device became free just after the cancellation, the call used to be let in before it looked again.
fn a_call_that_was_cancelled_while_it_waited_does_not_enter(way: Way) {
    let lab = Lab::new(way);
    let sweep = way.connect(&lab.server, "sweep").timeout(LIMIT);
    let other = way.connect(&lab.server, "other").timeout(LIMIT);
    for power in 0..10 {
        let held = lab.laser.door.hold();
        let before = lab.laser.door.arrived();
        let warms = LaserProxy::new(&other);
        let warming = thread::spawn(move || warms.warm_up());
        until("it warms up", || lab.laser.door.arrived() > before);
        let token = CancellationToken::new();
        let (waits, waiting) = mpsc::channel();
        let fires = sweep.on_waiting(move |_| waits.send(()).unwrap_or_default());
        let fires = LaserProxy::new(&fires.cancel_with(&token));
        let firing = thread::spawn(move || fires.fire(power));
        waiting.recv().unwrap();
        token.cancel();
        firing.join().unwrap().unwrap_err();
        // The server has seen the cancellation when it answers something later.
        let server = sweep.server();
        server.call_command::<bool>("lease.none", ()).unwrap_err();
        drop(held);
        warming.join().unwrap().unwrap();
        // Comes behind the one that was given up.
        MeterProxy::new(&sweep).measure().unwrap();
    }
    assert!(lab.laser.shots.lock().unwrap().is_empty());
}
