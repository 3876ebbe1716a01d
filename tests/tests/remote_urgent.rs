//! Urgent methods in what `#[remote]` makes of them, called in this process.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    dead_code,
    reason = "tests"
)]

use std::error::Error;
use std::fmt;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use ipc_client::{
    Args, CallContext, CallError, Device, FaultKind, Local, Mock, Registry, Remote, Shared, remote,
};
use tests::until;

/// What the urgent methods of a [`Laser`] act on.
#[derive(Clone, Debug, Default)]
pub struct Shutter {
    is_closed: Arc<AtomicBool>,
    counts: Arc<AtomicU32>,
}

/// A laser that runs until its shutter is closed.
#[derive(Default)]
pub struct Laser {
    shutter: Shutter,
    begun: Option<Sender<()>>,
}

/// The shutter does not move.
#[remote(crate = ipc_client)]
#[derive(Debug, PartialEq)]
pub struct Jammed {}

impl fmt::Display for Jammed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the shutter is jammed")
    }
}

impl Error for Jammed {}

#[remote(crate = ipc_client, parts(LaserLampProxy))]
impl Laser {
    /// Runs until the shutter is closed.
    pub fn run(&mut self) -> u32 {
        if let Some(begun) = &self.begun {
            begun.send(()).unwrap();
        }
        until("the shutter is closed", || {
            self.shutter.is_closed.load(Ordering::SeqCst)
        });
        self.shutter.counts.load(Ordering::SeqCst)
    }

    /// What the urgent methods act on.
    #[remote(handle)]
    fn shutter(&self) -> Shutter {
        self.shutter.clone()
    }

    /// Closes the shutter.
    #[remote(urgent)]
    pub fn close(shutter: &Shutter) {
        shutter.is_closed.store(true, Ordering::SeqCst);
    }

    /// A method like any other, between the urgent ones.
    pub fn is_closed(&self) -> bool {
        self.shutter.is_closed.load(Ordering::SeqCst)
    }

    /// Counts to `limit`, or fails.
    #[remote(urgent, unit = "counts")]
    pub fn count(
        shutter: &Shutter,
        ctx: &CallContext,
        #[remote(default = 1, range = 1..=3)] by: u32,
        #[remote(default = None)] limit: Option<&str>,
    ) -> Result<u32, Jammed> {
        assert!(!ctx.is_cancelled());
        if limit == Some("none") {
            return Err(Jammed {});
        }
        Ok(shutter.counts.fetch_add(by, Ordering::SeqCst) + by)
    }

    /// The counts, from a future.
    #[remote(urgent)]
    pub async fn later(shutter: &Shutter) -> u32 {
        std::future::ready(()).await;
        shutter.counts.load(Ordering::SeqCst)
    }

    /// Breaks.
    #[remote(urgent)]
    pub fn explode(_: &Shutter) {
        panic!("no air")
    }
}

#[remote(crate = ipc_client, part, proxy = LaserLampProxy)]
impl Laser {
    /// Another handle, for this block only.
    #[remote(handle)]
    pub fn lamp(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.shutter.is_closed)
    }

    /// Is given an `Arc` and takes what is in it.
    #[remote(urgent)]
    pub fn blink(lamp: &AtomicBool) -> bool {
        lamp.load(Ordering::SeqCst)
    }

    /// A method like any other.
    pub fn hours(&self) -> u32 {
        7
    }
}

#[test]
fn urgent_methods_answer_while_another_call_is_inside() {
    let (begun, has_begun) = channel();
    let laser = Laser {
        begun: Some(begun),
        ..Laser::default()
    };
    let local = Local::new(laser).unwrap();
    let laser = LaserProxy::new(&local);
    thread::scope(|scope| {
        let runs = scope.spawn(|| laser.run());
        has_begun.recv().unwrap();
        assert_eq!(laser.count(2, None), Ok(2));
        assert_eq!(laser.count(3, Some("x")), Ok(5));
        assert_eq!(laser.later(), Ok(5));
        assert_eq!(LaserLampProxy::new(&local).blink(), Ok(false));
        assert!(!runs.is_finished());
        laser.close().unwrap();
        assert_eq!(runs.join().unwrap(), Ok(5));
    });
    assert_eq!(laser.is_closed(), Ok(true));
    assert_eq!(LaserLampProxy::new(&local).hours(), Ok(7));
    assert_eq!(LaserLampProxy::new(&local).blink(), Ok(true));
}

#[test]
fn urgent_calls_are_checked_and_fail_as_other_calls_do() {
    let local = Local::new(Laser::default()).unwrap();
    let laser = LaserProxy::new(&local);
    let error = laser.count(4, None).unwrap_err();
    assert!(error.is_not_executed(), "{error}");
    let error = laser.count(1, Some("none")).unwrap_err();
    assert_eq!(error.downcast(), Some(Jammed {}));
    let error = laser.explode().unwrap_err();
    let fault = error.fault().unwrap();
    assert_eq!((fault.kind, &*fault.message), (FaultKind::Panic, "no air"));
    // By name, with a default.
    let counted: u32 = by_name(&local, "count").unwrap();
    assert_eq!(counted, 1);
    let error = by_name::<u32>(&local, "shutter").unwrap_err();
    assert!(error.to_string().contains("no method `shutter`"), "{error}");
}

fn by_name<T: serde::de::DeserializeOwned + Send + 'static>(
    local: &Local,
    method: &str,
) -> Result<T, CallError> {
    use ipc_client::Caller;
    local.call(ipc_client::OutgoingCall::by_name(method, &Args::new()))
}

#[test]
fn the_description_says_which_methods_are_urgent() {
    let interface = Laser::interface();
    let urgent = interface.methods.iter().filter(|method| method.urgent);
    let urgent: Vec<_> = urgent.map(|method| &*method.name).collect();
    assert_eq!(urgent, ["close", "count", "later", "explode", "blink"]);
    let mut registry = Registry::new();
    registry.add_device(Laser::default()).unwrap();
    let help = registry.description().help_for("close").unwrap();
    assert!(help.contains("urgent: runs at once"), "{help}");
    let help = registry.description().help_for("hours").unwrap();
    assert!(!help.contains("urgent"), "{help}");
}

#[test]
fn a_mock_answers_urgent_calls() {
    let mock = Mock::new(|call| call.answer(6_u32));
    assert_eq!(LaserProxy::new(&mock).count(2, None), Ok(6));
    assert_eq!(format!("{:?}", mock.calls()), "[count(by: 2, limit: null)]");
}

/// A driver that must stay on its thread; the handle is made there.
struct Camera {
    stop: Arc<AtomicBool>,
    begun: Sender<()>,
    not_send: Rc<()>,
}

#[remote(crate = ipc_client)]
impl Camera {
    pub fn expose(&mut self) {
        self.begun.send(()).unwrap();
        until("it is to stop", || self.stop.load(Ordering::SeqCst));
    }

    #[remote(handle)]
    fn handle(&self) -> (Arc<AtomicBool>, thread::ThreadId) {
        (Arc::clone(&self.stop), thread::current().id())
    }

    #[remote(urgent)]
    pub fn stop((stop, made_on): &(Arc<AtomicBool>, thread::ThreadId)) -> bool {
        stop.store(true, Ordering::SeqCst);
        *made_on != thread::current().id()
    }
}

#[test]
fn a_driver_on_its_own_thread_can_have_urgent_methods() {
    let (begun, has_begun) = channel();
    let camera = Device::on_thread(move || {
        Ok::<_, String>(Camera {
            stop: Arc::default(),
            begun,
            not_send: Rc::new(()),
        })
    });
    let local = Local::new(camera.unwrap()).unwrap();
    let camera = CameraProxy::new(&local);
    thread::scope(|scope| {
        let runs = scope.spawn(|| camera.expose());
        has_begun.recv().unwrap();
        assert_eq!(camera.stop(), Ok(true), "another thread");
        runs.join().unwrap().unwrap();
    });
}

/// A driver with a parameter that its handle has, too.
struct Stage<P> {
    port: Arc<Mutex<P>>,
}

#[remote(crate = ipc_client)]
impl<P: Send + Default + Into<u64> + Copy> Stage<P> {
    pub fn position(&self) -> u64 {
        (*self.port.lock().unwrap()).into()
    }

    #[remote(handle)]
    pub fn port(&self) -> Arc<Mutex<P>> {
        Arc::clone(&self.port)
    }

    #[remote(urgent)]
    pub fn halt(port: &Arc<Mutex<P>>) {
        *port.lock().unwrap() = P::default();
    }
}

#[test]
fn a_generic_driver_can_have_urgent_methods() {
    let stage = Shared::new(Stage {
        port: Arc::new(Mutex::new(3_u32)),
    });
    let local = Local::new(stage.clone()).unwrap();
    let proxy = StageProxy::new(&local);
    assert_eq!(proxy.position(), Ok(3));
    let guard = stage.lock();
    proxy.halt().unwrap();
    drop(guard);
    assert_eq!(proxy.position(), Ok(0));
}

/// The channel of a test, which is not used up.
struct Hangs {
    entered: Sender<()>,
    go: Arc<Mutex<Receiver<()>>>,
}

#[remote(crate = ipc_client)]
impl Hangs {
    #[remote(handle)]
    fn parts(&self) -> (Sender<()>, Arc<Mutex<Receiver<()>>>) {
        (self.entered.clone(), Arc::clone(&self.go))
    }

    /// Waits for the test.
    #[remote(urgent)]
    pub fn abort((entered, go): &(Sender<()>, Arc<Mutex<Receiver<()>>>)) {
        entered.send(()).unwrap();
        go.lock().unwrap().recv().unwrap();
    }
}

#[test]
fn at_most_two_urgent_calls_are_inside_a_device() {
    let (entered, has_entered) = channel();
    let (let_go, go) = channel();
    let go = Arc::new(Mutex::new(go));
    let local = Local::new(Device::new(Hangs { entered, go }).name("pump")).unwrap();
    let hangs = HangsProxy::new(&local);
    thread::scope(|scope| {
        let two = [0, 1].map(|_| scope.spawn(|| hangs.abort()));
        two.iter().for_each(|_| has_entered.recv().unwrap());
        let error = hangs.abort().unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("`pump`") && text.contains("`abort`"),
            "{text}"
        );
        assert!(error.is_not_executed());
        assert!(has_entered.try_recv().is_err());
        two.iter().for_each(|_| let_go.send(()).unwrap());
        two.into_iter()
            .for_each(|call| call.join().unwrap().unwrap());
        // There is room again.
        let_go.send(()).unwrap();
        hangs.abort().unwrap();
    });
}
