//! What hangs while it is dropped delays a stop for a bounded time, and keeps nothing else from being dropped.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use ipc_core::{Device, Shared, remote};
use ipc_server::{ServerBuilder, ServerHandle, StartError};
use tests::child::Peer;
use tests::{Way, both_ways, log, until};

both_ways!(
    a_stop_leaves_behind_what_hangs_while_it_is_dropped,
    drivers_are_dropped_in_order_on_one_thread,
    a_driver_that_hangs_on_its_own_thread_holds_no_stop_up,
    a_removed_driver_that_hangs_while_it_is_dropped_is_left_behind,
    a_stop_names_a_driver_that_removed_itself_and_hangs,
);

/// Much less than something that hangs takes, much more than a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
const HANGS_FOR: Duration = Duration::from_secs(120);

type Log = Arc<Mutex<Vec<(String, ThreadId)>>>;

/// Writes down when it is dropped, and then hangs until the sender is gone, if there is one.
struct Part {
    name: String,
    hangs: Option<Mutex<Receiver<()>>>,
    log: Log,
}

impl Part {
    fn touch(&self) {
        assert!(!self.name.is_empty());
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let dropped = (self.name.clone(), thread::current().id());
        self.log.lock().unwrap().push(dropped);
        if let Some(hangs) = &self.hangs {
            // The test may be over.
            let _ = hangs.lock().unwrap().recv_timeout(HANGS_FOR);
        }
    }
}

/// Makes parts. Those that hang do so for as long as it exists.
#[derive(Default)]
struct Shop {
    log: Log,
    held: Vec<Sender<()>>,
}

impl Shop {
    fn part(&self, name: &str) -> Part {
        self.make(name, None)
    }

    fn make(&self, name: &str, hangs: Option<Receiver<()>>) -> Part {
        Part {
            name: name.into(),
            hangs: hangs.map(Mutex::new),
            log: Arc::clone(&self.log),
        }
    }

    fn stubborn(&mut self, name: &str) -> Part {
        let (held, hangs) = channel();
        self.held.push(held);
        self.make(name, Some(hangs))
    }

    fn dropped(&self) -> Vec<String> {
        let log = self.log.lock().unwrap();
        log.iter().map(|(name, _)| name.clone()).collect()
    }
}

/// A driver.
pub struct Stage(Part);

#[remote]
impl Stage {
    pub fn rest(&mut self) {
        self.0.touch();
    }
}

fn stage(part: Part) -> Device {
    let name = part.name.clone();
    Device::new(Stage(part))
        .prefix(format!("{name}_"))
        .name(name)
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// A server with every kind of user value, each of which hangs while it is dropped, and two drivers that behave.
fn stubborn_server(way: Way, shop: &mut Shop, round: &str) -> ServerBuilder {
    let name = |part: &str| format!("{part}_{round}");
    let (closure, callback) = (shop.stubborn("closure"), shop.stubborn("callback"));
    let in_hook = shop.stubborn("hook");
    let hooked = Shared::new(Stage(shop.part("hooked")));
    let hooked = hooked.on_release(move |_, _| in_hook.touch());
    way.server()
        .stop_timeout(Duration::from_millis(200))
        .function(&name("closure"), move || closure.touch())
        .device(hooked.name(name("hooked")).prefix("hooked_"))
        .device(stage(shop.stubborn(&name("driver"))))
        .device(stage(shop.part("first")))
        .device(stage(shop.part("second")))
        .on_event(move |_| callback.touch())
}

/// A driver whose `Drop` waited for an instrument kept the program from ending.
fn a_stop_leaves_behind_what_hangs_while_it_is_dropped(way: Way) {
    log::capture();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stops: [(&str, &dyn Fn(ServerHandle)); 3] = [
        ("stop", &|server| server.stop()),
        ("drop", &|server| drop(server)),
        ("stop_async", &|server| {
            runtime.block_on(server.stop_async())
        }),
    ];
    for (name, stop) in stops {
        let round = format!("{name}_{way:?}");
        let mut shop = Shop::default();
        let server = stubborn_server(way, &mut shop, &round).spawn().unwrap();
        let took = timed(|| stop(server));
        assert!(took < PATIENCE, "{name}: {took:?}");
        let dropped = shop.dropped();
        for part in ["first", "second"] {
            assert!(dropped.contains(&part.into()), "{name}: {dropped:?}");
        }
        for left in [
            format!("the function `closure_{round}` hangs"),
            format!("`hooked_{round}` hangs"),
            format!("`driver_{round}` hangs"),
            "the callback of `on_event` hangs".into(),
        ] {
            log::expect(&["ERROR", &left]);
        }
        assert_eq!(log::lines(&["`first` hangs"]), Vec::<String>::new());
    }
}

fn drivers_are_dropped_in_order_on_one_thread(way: Way) {
    let shop = Shop::default();
    let names = ["a", "b", "c", "d"];
    let server = names.iter().fold(way.server(), |server, name| {
        server.device(stage(shop.part(name)))
    });
    server.spawn().unwrap().stop();
    assert_eq!(shop.dropped(), names);
    let log = shop.log.lock().unwrap();
    assert!(
        log.iter()
            .all(|(_, thread)| *thread == log.first().unwrap().1)
    );
}

/// The stop joined its thread.
fn a_driver_that_hangs_on_its_own_thread_holds_no_stop_up(way: Way) {
    let mut shop = Shop::default();
    let part = shop.stubborn("camera");
    let camera = Device::on_thread(move || Ok::<_, String>(Stage(part))).unwrap();
    let server = way.server().stop_timeout(Duration::ZERO);
    let server = server
        .device(camera.name("camera"))
        .device(stage(shop.part("other")));
    let server = server.spawn().unwrap();
    let took = timed(|| server.stop());
    assert!(took < PATIENCE, "{took:?}");
    assert!(shop.dropped().contains(&"other".into()));
}

/// `remove` named nothing, and the stop waited for its whole time.
fn a_removed_driver_that_hangs_while_it_is_dropped_is_left_behind(way: Way) {
    log::capture();
    let mut shop = Shop::default();
    let name = format!("removed_{way:?}");
    let device = stage(shop.stubborn(&name)).overrun(Duration::from_millis(300));
    let server = way.server().stop_timeout(HANGS_FOR).device(device);
    let server = server.spawn().unwrap();
    let took = timed(|| server.remove(&name).unwrap());
    assert!(took < PATIENCE, "{took:?}");
    log::expect(&["ERROR", &format!("`{name}` hangs while it is dropped")]);
    let took = timed(|| server.stop());
    assert!(took < PATIENCE, "{took:?}");
}

/// Removes itself.
pub struct Fuse {
    server: Arc<Mutex<Option<ServerHandle>>>,
    part: Part,
}

#[remote]
impl Fuse {
    pub fn blow(&mut self) {
        let server = self.server.lock().unwrap();
        server.as_ref().unwrap().remove(&self.part.name).unwrap();
    }
}

/// `remove` did not wait for it, and the stop did not say what it had waited for.
fn a_stop_names_a_driver_that_removed_itself_and_hangs(way: Way) {
    log::capture();
    let mut shop = Shop::default();
    let name = format!("fuse_{way:?}");
    let handle: Arc<Mutex<Option<ServerHandle>>> = Arc::default();
    let fuse = Fuse {
        server: Arc::clone(&handle),
        part: shop.stubborn(&name),
    };
    let server = way.server().stop_timeout(Duration::from_millis(200));
    let server = server
        .device(Device::new(fuse).name(&name))
        .spawn()
        .unwrap();
    let client = way.client(&server).connect().unwrap();
    *handle.lock().unwrap() = Some(server);
    FuseProxy::new(&client).blow().unwrap();
    until("it is dropped", || shop.dropped() == [name.as_str()]);
    let server = handle.lock().unwrap().take().unwrap();
    let took = timed(|| server.stop());
    assert!(took < PATIENCE, "{took:?}");
    log::expect(&[
        "ERROR",
        &format!("`{name}` was removed, and is left behind"),
    ]);
}

#[test]
fn a_failed_start_leaves_behind_what_hangs_while_it_is_dropped() {
    let mut shop = Shop::default();
    let server = Way::Plain.server().device(stage(shop.part("a")));
    let refused = server.device(stage(shop.stubborn("a")));
    let mut error = None;
    let took = timed(|| error = refused.spawn().err());
    assert!(matches!(error, Some(StartError::Register(_))), "{error:?}");
    assert!(took < PATIENCE, "{took:?}");
    assert_eq!(shop.dropped(), ["a", "a"]);
}

#[test]
fn a_refused_device_may_hang_while_it_is_dropped() {
    let mut shop = Shop::default();
    let server = Way::Plain.server().device(stage(shop.part("a")));
    let server = server.spawn().unwrap();
    let refused = stage(shop.stubborn("a"));
    let took = timed(|| drop(server.add_device(refused).unwrap_err()));
    assert!(took < PATIENCE, "{took:?}");
}

#[test]
fn a_program_ends_although_a_driver_hangs_while_it_is_dropped() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peer"));
    command.arg("stubborn");
    let (mut peer, _address) = Peer::server_by(command);
    peer.tell("stop");
    let status = peer.await_exit(PATIENCE);
    assert!(status.success(), "{status}");
    peer.expect("stopped");
}
