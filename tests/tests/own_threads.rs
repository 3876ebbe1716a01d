//! Drivers on threads of their own.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::io;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use ipc_client::CallError;
use ipc_core::{CallContext, Device, Fault, OpenError, Refusal, remote};
use ipc_server::ServerHandle;
use tests::{Bench, BenchProxy, Way, both_ways, until};

both_ways!(
    a_driver_that_is_not_send_is_served_from_its_thread,
    a_driver_on_a_thread_can_hang_like_any_other,
    a_hook_on_a_thread_finds_the_runtime_and_can_stop_its_server,
);

const OVERRUN: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(10);

type Log = Arc<Mutex<Vec<String>>>;

fn log(log: &Log, line: impl Into<String>) {
    log.lock().unwrap().push(line.into());
}

/// Cannot leave its thread.
pub struct Camera {
    frames: Rc<u32>,
    home: ThreadId,
    log: Log,
}

#[remote]
impl Camera {
    /// Frames so far, if it was called on its own thread.
    pub fn frames(&self) -> u32 {
        assert_eq!(thread::current().id(), self.home);
        *self.frames
    }

    pub fn expose(&mut self, count: u32) -> Result<u32, String> {
        if count == 0 {
            return Err("no frames".into());
        }
        *Rc::get_mut(&mut self.frames).unwrap() += count;
        Ok(*self.frames)
    }

    pub fn break_down(&mut self) {
        panic!("the lens fell off");
    }

    pub async fn wait(&mut self) -> bool {
        tokio::time::sleep(Duration::from_millis(1)).await;
        thread::current().id() == self.home
    }

    /// True if a runtime is at hand, as in other plain methods.
    pub fn has_runtime(&self) -> bool {
        tokio::runtime::Handle::try_current().is_ok()
    }

    pub fn until_cancelled(&self, ctx: &CallContext) {
        while !ctx.is_cancelled() {
            thread::sleep(Duration::from_millis(1));
        }
        log(&self.log, "cancelled");
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        assert_eq!(thread::current().id(), self.home);
        log(&self.log, "dropped");
    }
}

fn camera(to: &Log) -> Device {
    let (own, hooked) = (Arc::clone(to), Arc::clone(to));
    let open = move || {
        Ok::<_, io::Error>(Camera {
            frames: Rc::new(0),
            home: thread::current().id(),
            log: own,
        })
    };
    let hook = move |camera: &mut Camera, why| {
        assert_eq!(thread::current().id(), camera.home);
        log(&hooked, format!("{why:?}"));
    };
    Device::on_thread_with_release(open, hook).unwrap()
}

fn a_driver_that_is_not_send_is_served_from_its_thread(way: Way) {
    let log = Log::default();
    let device = camera(&log).name("camera").prefix("cam_");
    let server = way.server().device(device).spawn().unwrap();
    {
        let client = way.client(&server).connect().unwrap();
        let camera = CameraProxy::named(&client, "camera").unwrap();
        assert_eq!(camera.frames().unwrap(), 0);
        assert_eq!(camera.expose(3).unwrap(), 3);
        assert!(camera.wait().unwrap());
        assert!(camera.has_runtime().unwrap());
        let error = camera.expose(0).unwrap_err();
        assert!(error.to_string().contains("no frames"), "{error}");
        let error = camera.break_down().unwrap_err();
        let CallError::Fault { fault, .. } = &error else {
            panic!("{error}");
        };
        let Fault { message, .. } = &**fault;
        assert!(message.contains("the lens fell off"), "{message}");
        assert_eq!(camera.frames().unwrap(), 3, "it goes on");
        // By name, too.
        assert_eq!(client.call::<u32>("cam_frames", ()).unwrap(), 3);
        let hasty = CameraProxy::with_prefix(&client.timeout(Duration::from_millis(50)), "cam_");
        hasty.until_cancelled().unwrap_err();
        until("the cancellation is seen", || {
            log.lock().unwrap().contains(&"cancelled".into())
        });
    }
    until("the hook runs", || {
        log.lock().unwrap().contains(&"Finished".into())
    });
    server.stop();
    assert_eq!(log.lock().unwrap().last().unwrap(), "dropped");

    let failed = Device::on_thread(|| Err::<Camera, _>(io::Error::other("no camera"))).unwrap_err();
    assert!(matches!(failed, OpenError::Driver { .. }));
    assert_eq!(
        failed.to_string(),
        "cannot open the driver `Camera`: no camera"
    );
    let open = || -> io::Result<Camera> { panic!("no power") };
    let failed = Device::on_thread(open).unwrap_err();
    assert!(
        failed
            .to_string()
            .starts_with("the driver `Camera` panicked"),
        "{failed}"
    );
    assert!(failed.to_string().contains("no power"), "{failed}");
}

fn a_driver_on_a_thread_can_hang_like_any_other(way: Way) {
    let (sender, gate) = channel();
    let open = move || {
        let bench = Bench::new();
        sender.send(bench.gate()).unwrap();
        Ok::<_, String>(bench)
    };
    let device = Device::on_thread(open)
        .unwrap()
        .name("a")
        .prefix("a_")
        .overrun(OVERRUN);
    let gate = gate.recv().unwrap();
    let server = way
        .server()
        .device(device)
        .device(Device::new(Bench::new()).name("b").prefix("b_"))
        .spawn()
        .unwrap();
    let client = way.client(&server).connect().unwrap();
    let hasty = BenchProxy::with_prefix(&client.timeout(Duration::from_millis(100)), "a_");
    hasty.pass().unwrap_err();
    assert_eq!(BenchProxy::with_prefix(&client, "b_").step().unwrap(), 1);
    until("it is stuck", || !server.stuck().is_empty());
    let error = BenchProxy::with_prefix(&client, "a_").steps().unwrap_err();
    assert!(
        matches!(error, CallError::Refused(Refusal::Stuck { .. })),
        "{error}"
    );
    gate.open(1);
    until("it comes back", || {
        BenchProxy::with_prefix(&client.timeout(PATIENCE), "a_")
            .steps()
            .is_ok()
    });
}

/// The stop waited for the hook that it was in, and the hook panicked if it needed a runtime.
fn a_hook_on_a_thread_finds_the_runtime_and_can_stop_its_server(way: Way) {
    let handle: Arc<Mutex<Option<ServerHandle>>> = Arc::default();
    let (inner, said) = (Arc::clone(&handle), Log::default());
    let lines = Arc::clone(&said);
    let hook = move |_: &mut Bench, _| {
        let runtime = tokio::runtime::Handle::try_current();
        log(&lines, format!("runtime {}", runtime.is_ok()));
        inner.lock().unwrap().take().unwrap().stop();
        log(&lines, "stopped");
    };
    let device = Device::on_thread_with_release(|| Ok::<_, String>(Bench::new()), hook);
    let server = way.server().stop_timeout(Duration::from_secs(3600));
    let server = server.device(device.unwrap().overrun(Duration::from_secs(3600)));
    let server = server.spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    *handle.lock().unwrap() = Some(server);
    client.close();
    until("the hook returns", || {
        *said.lock().unwrap() == ["runtime true", "stopped"]
    });
}
