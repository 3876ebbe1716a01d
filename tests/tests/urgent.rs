//! Urgent methods answer while a call runs, from a client that does not hold the server.

#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ipc_client::{Args, Client, OutgoingCall, Refusal, remote};
use ipc_core::session::client::{CallOutcome, ClientConfig, ClientSession, Event};
use ipc_core::wire::ctrl::ConnectionRole;
use ipc_server::{Device, ServerBuilder, ServerEvent, ServerHandle};
use tests::probe::Probe;
use tests::{Way, both_ways, until};

both_ways!(
    a_stop_is_answered_while_the_call_of_the_holder_runs,
    a_stop_is_answered_at_a_shared_server,
    a_third_urgent_call_is_refused_while_two_hang,
    an_observer_may_call_urgent_methods_only,
    an_urgent_call_that_hangs_is_left_behind_alone,
    a_removed_device_has_no_urgent_methods,
);

/// What a hung call takes is far longer, and a busy machine takes less.
const AT_ONCE: Duration = Duration::from_secs(5);
const OVERRUN: Duration = Duration::from_millis(300);

/// A laser that runs until its shutter is closed.
struct Laser {
    shutter: Shutter,
    begun: Sender<()>,
}

/// What the urgent methods of a [`Laser`] act on.
#[derive(Clone)]
struct Shutter {
    is_closed: Arc<AtomicBool>,
    /// Tells that `abort` has begun.
    aborts: Sender<()>,
    /// Lets one `abort` go on.
    go: Arc<Mutex<Receiver<()>>>,
}

#[remote(crate = ipc_client)]
impl Laser {
    /// Runs until the shutter is closed.
    pub fn run(&mut self) {
        self.begun.send(()).unwrap();
        until("the shutter is closed", || {
            self.shutter.is_closed.load(Ordering::SeqCst)
        });
    }

    /// Its power.
    pub fn power(&self) -> f64 {
        0.5
    }

    #[remote(handle)]
    fn shutter(&self) -> Shutter {
        self.shutter.clone()
    }

    /// Closes the shutter.
    #[remote(urgent)]
    pub fn close(shutter: &Shutter) -> bool {
        shutter.is_closed.swap(true, Ordering::SeqCst)
    }

    /// Hangs until the test lets it go.
    #[remote(urgent)]
    pub fn abort(shutter: &Shutter) {
        shutter.aborts.send(()).unwrap();
        let _ = shutter.go.lock().unwrap().recv();
    }
}

/// The test's end of a [`Laser`].
struct Hand {
    begun: Receiver<()>,
    aborts: Receiver<()>,
    go: Option<Sender<()>>,
}

fn laser() -> (Device, Hand) {
    let (begun, has_begun) = channel();
    let (aborts, has_aborted) = channel();
    let (let_go, go) = channel();
    let shutter = Shutter {
        is_closed: Arc::default(),
        aborts,
        go: Arc::new(Mutex::new(go)),
    };
    let hand = Hand {
        begun: has_begun,
        aborts: has_aborted,
        go: Some(let_go),
    };
    let laser = Device::new(Laser { shutter, begun }).name("laser");
    (laser.overrun(OVERRUN), hand)
}

/// A connection in the role of an observer.
struct Observer(Probe);

impl Observer {
    fn connect(way: Way, server: &ServerHandle, name: &str) -> Self {
        let session = ClientSession::new(ClientConfig {
            name: name.into(),
            role: ConnectionRole::Observer,
            ..ClientConfig::default()
        });
        let mut probe = Probe::with_session(way, server.local_addr(), session);
        probe.await_ready();
        Self(probe)
    }

    fn begin(&mut self, method: &str) {
        let mut call = OutgoingCall::by_name(method, &Args::new());
        self.0.send(call.take_frame().unwrap().into_vec());
    }

    /// Waits for the answer of the only call.
    fn outcome(&mut self) -> CallOutcome {
        loop {
            let events = self.0.events().into_iter();
            let mut ends = events.filter_map(|event| match event {
                Event::Ended { outcome, .. } => Some(outcome),
                _ => None,
            });
            if let Some(outcome) = ends.next() {
                return outcome;
            }
            assert!(self.0.read(), "the server has closed the connection");
        }
    }

    fn call(&mut self, method: &str) -> CallOutcome {
        self.begin(method);
        self.outcome()
    }

    fn refusal(&mut self, method: &str) -> Refusal {
        match self.call(method) {
            CallOutcome::Refused(refusal) => *refusal,
            outcome => panic!("{outcome:?}"),
        }
    }
}

fn a_stop_is_answered_while_the_call_of_the_holder_runs(way: Way) {
    stop_in_time(way, way.server());
}

fn a_stop_is_answered_at_a_shared_server(way: Way) {
    stop_in_time(way, way.server().shared());
}

fn stop_in_time(way: Way, server: ServerBuilder) {
    let (laser, hand) = laser();
    let server = server.device(laser).spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    let mut observer = Observer::connect(way, &server, "panel");
    thread::scope(|scope| {
        let runs = scope.spawn(|| LaserProxy::new(&client).run());
        hand.begun.recv().unwrap();
        let start = Instant::now();
        let outcome = observer.call("close");
        assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
        assert!(matches!(outcome, CallOutcome::Returned(_)), "{outcome:?}");
        runs.join().unwrap().unwrap();
    });
    // The holder can call it, too.
    assert_eq!(LaserProxy::new(&client).close(), Ok(true));
}

fn a_third_urgent_call_is_refused_while_two_hang(way: Way) {
    let (laser, hand) = laser();
    let server = way.server().device(laser).spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    let mut two = ["panel", "desk"].map(|name| {
        let mut observer = Observer::connect(way, &server, name);
        observer.begin("abort");
        hand.aborts.recv().unwrap();
        observer
    });
    let mut third = Observer::connect(way, &server, "phone");
    let refusal = third.refusal("close");
    let text = refusal.to_string();
    let Refusal::Stuck {
        method,
        device,
        running,
        since_ms,
        by,
    } = refusal
    else {
        panic!("{text}");
    };
    assert_eq!((&*method, &*device, &*running), ("close", "laser", "abort"));
    assert!(by.starts_with("panel at "), "{by}");
    assert!(since_ms > 0);
    // The device itself goes on.
    assert_eq!(LaserProxy::new(&client).power(), Ok(0.5));
    assert_eq!(server.stuck(), []);
    let go = hand.go.unwrap();
    for _ in &two {
        go.send(()).unwrap();
    }
    for observer in &mut two {
        let outcome = observer.outcome();
        assert!(matches!(outcome, CallOutcome::Returned(_)), "{outcome:?}");
    }
    let outcome = third.call("close");
    assert!(matches!(outcome, CallOutcome::Returned(_)), "{outcome:?}");
}

fn an_observer_may_call_urgent_methods_only(way: Way) {
    let (laser, _hand) = laser();
    let server = way.server().device(laser).spawn().unwrap();
    let mut observer = Observer::connect(way, &server, "panel");
    let refusal = observer.refusal("power");
    let text = refusal.to_string();
    assert!(matches!(refusal, Refusal::Protocol { .. }), "{text}");
    assert!(text.contains("urgent methods only"), "{text}");
    assert!(text.contains("`power`"), "{text}");
    for unknown in ["clos", "shutter"] {
        let refusal = observer.refusal(unknown);
        let is_unknown = matches!(refusal, Refusal::UnknownMethod { .. });
        assert!(is_unknown, "{refusal}");
    }
    let outcome = observer.call("close");
    assert!(matches!(outcome, CallOutcome::Returned(_)), "{outcome:?}");
}

fn an_urgent_call_that_hangs_is_left_behind_alone(way: Way) {
    let (laser, mut hand) = laser();
    let events = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&events);
    let server = way
        .server()
        // Far more than this test takes.
        .stop_timeout(Duration::from_secs(600))
        .grace(OVERRUN)
        .device(laser)
        .on_event(move |event| match event {
            ServerEvent::Released { .. } => told.lock().unwrap().push("left"),
            ServerEvent::Stuck(_) => told.lock().unwrap().push("stuck"),
            _ => {}
        })
        .spawn()
        .unwrap();
    let mut observer = Observer::connect(way, &server, "panel");
    observer.begin("abort");
    hand.aborts.recv().unwrap();
    drop(observer);
    until("the place of the observer is free", || {
        events.lock().unwrap().contains(&"left")
    });
    let client: Client = way.client(&server).connect().unwrap();
    assert_eq!(LaserProxy::new(&client).power(), Ok(0.5));
    assert_eq!(server.stuck(), []);
    // The stop does not wait for the thread that hangs.
    server.stop();
    assert!(!events.lock().unwrap().contains(&"stuck"));
    drop(hand.go.take());
}

fn a_removed_device_has_no_urgent_methods(way: Way) {
    let (laser, hand) = laser();
    let server = way.server().device(laser).spawn().unwrap();
    let mut hangs = Observer::connect(way, &server, "panel");
    hangs.begin("abort");
    hand.aborts.recv().unwrap();
    // Does not wait for the urgent call.
    server.remove("laser").unwrap();
    let mut observer = Observer::connect(way, &server, "desk");
    let refusal = observer.refusal("close");
    let is_unknown = matches!(refusal, Refusal::UnknownMethod { .. });
    assert!(is_unknown, "{refusal}");
    hand.go.unwrap().send(()).unwrap();
    let outcome = hangs.outcome();
    assert!(matches!(outcome, CallOutcome::Returned(_)), "{outcome:?}");
}
