//! Readings that may be old: answered from the last one while a long call runs.

#![allow(clippy::panic, clippy::unwrap_used, unreachable_pub, reason = "tests")]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ipc_client::{CallError, Client, Refusal};
use ipc_core::{Shared, remote};
use ipc_server::ServerHandle;
use tests::way::run;
use tests::{Way, both_ways, until};

both_ways!(
    a_long_call_does_not_keep_a_reader_waiting,
    a_reading_that_is_too_old_is_not_given_out,
    what_a_call_has_changed_is_read_anew,
    what_the_servers_own_code_has_changed_is_read_anew,
    what_was_never_read_is_waited_for,
    a_lease_that_refuses_reads_refuses_old_ones_too,
    mistakes_are_refused_as_always,
    calls_without_a_pause_do_not_keep_a_reader_waiting,
    what_an_urgent_method_has_changed_is_read_anew,
    a_client_that_lost_the_device_is_told_so,
    an_async_client_reads_old_values_too,
);

/// A call that takes longer has failed.
const LIMIT: Duration = Duration::from_secs(20);
/// Old enough for every reading of a test.
const LONG: Duration = Duration::from_secs(600);

/// A device whose measurements last for as long as a test keeps the shutter.
#[derive(Clone, Default)]
struct Spectrometer {
    shutter: Arc<Mutex<()>>,
    scans: u32,
    power: f64,
}

#[remote]
impl Spectrometer {
    /// Counts one more scan, and waits for the shutter.
    pub fn scan(&mut self) {
        self.scans += 1;
        drop(hold(&self.shutter));
    }

    /// Has nothing to stop.
    #[remote(urgent)]
    pub fn stop(_shutter: &Arc<Mutex<()>>) {}

    #[remote(handle)]
    pub fn handle(&self) -> Arc<Mutex<()>> {
        Arc::clone(&self.shutter)
    }

    /// Number of scans.
    #[remote(get)]
    pub fn scans(&self) -> u32 {
        self.scans
    }

    /// Power of the lamp.
    #[remote(get)]
    pub fn power(&self) -> f64 {
        self.power
    }

    #[remote(set)]
    pub fn set_power(&mut self, power: f64) {
        self.power = power;
    }

    /// The number of scans, `length` times.
    #[remote(read)]
    pub fn spectrum(&self, length: usize) -> Vec<f64> {
        vec![f64::from(self.scans); length]
    }
}

fn hold(shutter: &Mutex<()>) -> MutexGuard<'_, ()> {
    shutter.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A server with one device, whose driver is here, too.
struct Lab {
    server: ServerHandle,
    driver: Shared<Spectrometer>,
    shutter: Arc<Mutex<()>>,
    way: Way,
}

impl Lab {
    fn new(way: Way) -> Self {
        let spectrometer = Spectrometer::default();
        let shutter = Arc::clone(&spectrometer.shutter);
        let driver = Shared::new(spectrometer);
        let server = way.server().shared().device(driver.clone());
        Self {
            server: server.spawn().unwrap(),
            driver,
            shutter,
            way,
        }
    }

    fn connect(&self, name: &str) -> Client {
        self.way.connect(&self.server, name).timeout(LIMIT)
    }

    /// Begins a scan that lasts until the shutter is free, and returns when it is inside of the driver.
    fn begin_scan(&self, client: &Client) -> JoinHandle<Result<(), CallError>> {
        let sweep = SpectrometerProxy::new(client);
        let scan = thread::spawn(move || sweep.scan());
        until("the scan begins", || {
            let devices = client.server().devices().unwrap();
            devices.iter().any(|device| device.running == "scan")
        });
        scan
    }
}

/// Makes a call that has to wait for its device, frees the shutter as soon as it waits, and returns the result.
fn wait_for<T: Send + 'static>(
    reader: &Client,
    held: MutexGuard<'_, ()>,
    read: impl FnOnce(SpectrometerProxy<Client>) -> T + Send + 'static,
) -> T {
    let (waits, waiting) = mpsc::channel();
    let handle = reader.on_waiting(move |_| waits.send(()).unwrap_or_default());
    let reading = thread::spawn(move || read(SpectrometerProxy::new(&handle)));
    waiting.recv().unwrap();
    drop(held);
    reading.join().unwrap()
}

fn a_long_call_does_not_keep_a_reader_waiting(way: Way) {
    let lab = Lab::new(way);
    let (sweep, wall) = (lab.connect("sweep"), lab.connect("wall"));
    let monitor = SpectrometerProxy::new(&wall.max_age(LONG));
    assert_eq!(monitor.scans(), Ok(0));
    assert_eq!(monitor.spectrum(100_000), Ok(vec![0.0; 100_000]));
    assert_eq!(wall.max_age(LONG).call("get_power", ()), Ok(0.0));
    let held = hold(&lab.shutter);
    let scan = lab.begin_scan(&sweep);
    assert_eq!(monitor.scans(), Ok(0), "from before the scan");
    assert_eq!(monitor.spectrum(100_000), Ok(vec![0.0; 100_000]));
    assert_eq!(wall.max_age(LONG).call("get_power", ()), Ok(0.0));
    // Without that, it has to wait.
    assert_eq!(wait_for(&wall, held, |plain| plain.scans()), Ok(1));
    scan.join().unwrap().unwrap();
    assert_eq!(monitor.scans(), Ok(1));
    assert_eq!(monitor.spectrum(2), Ok(vec![1.0; 2]));
}

fn a_reading_that_is_too_old_is_not_given_out(way: Way) {
    let lab = Lab::new(way);
    let (sweep, wall) = (lab.connect("sweep"), lab.connect("wall"));
    let monitor = wall.max_age(Duration::ZERO);
    SpectrometerProxy::new(&monitor).scans().unwrap();
    let held = hold(&lab.shutter);
    let scan = lab.begin_scan(&sweep);
    assert_eq!(wait_for(&monitor, held, |monitor| monitor.scans()), Ok(1));
    scan.join().unwrap().unwrap();
}

fn what_a_call_has_changed_is_read_anew(way: Way) {
    let lab = Lab::new(way);
    let (sweep, wall) = (lab.connect("sweep"), lab.connect("wall"));
    let monitor = wall.max_age(LONG);
    let lamp = SpectrometerProxy::new(&monitor);
    assert_eq!(lamp.power(), Ok(0.0));
    lamp.set_power(1.5).unwrap();
    let held = hold(&lab.shutter);
    let scan = lab.begin_scan(&sweep);
    assert_eq!(wait_for(&monitor, held, |lamp| lamp.power()), Ok(1.5));
    scan.join().unwrap().unwrap();
}

fn what_the_servers_own_code_has_changed_is_read_anew(way: Way) {
    let lab = Lab::new(way);
    let (sweep, wall) = (lab.connect("sweep"), lab.connect("wall"));
    let monitor = wall.max_age(LONG);
    assert_eq!(SpectrometerProxy::new(&monitor).power(), Ok(0.0));
    lab.driver.lock().power = 2.5;
    let held = hold(&lab.shutter);
    let scan = lab.begin_scan(&sweep);
    assert_eq!(wait_for(&monitor, held, |lamp| lamp.power()), Ok(2.5));
    scan.join().unwrap().unwrap();
}

fn what_was_never_read_is_waited_for(way: Way) {
    let lab = Lab::new(way);
    let (sweep, wall) = (lab.connect("sweep"), lab.connect("wall"));
    let monitor = wall.max_age(LONG);
    assert_eq!(
        SpectrometerProxy::new(&monitor).spectrum(3),
        Ok(vec![0.0; 3])
    );
    let held = hold(&lab.shutter);
    let scan = lab.begin_scan(&sweep);
    let other = wait_for(&monitor, held, |monitor| monitor.spectrum(2));
    assert_eq!(other, Ok(vec![1.0; 2]), "with other arguments");
    scan.join().unwrap().unwrap();
}

fn a_lease_that_refuses_reads_refuses_old_ones_too(way: Way) {
    let lab = Lab::new(way);
    let (sweep, wall) = (lab.connect("sweep"), lab.connect("wall"));
    let monitor = SpectrometerProxy::new(&wall.max_age(LONG));
    let device = lab.server.devices().swap_remove(0).name;
    let strict = sweep.lease([&device]).refuse_reads().acquire().unwrap();
    let Err(CallError::Refused(Refusal::Held(told))) = monitor.scans() else {
        panic!("not held");
    };
    assert_eq!((&*told.method, &*told.holder), ("get_scans", "sweep"));
    strict.release().unwrap();
    assert_eq!(monitor.scans(), Ok(0));
}

fn mistakes_are_refused_as_always(way: Way) {
    let lab = Lab::new(way);
    let client = lab.connect("notebook").max_age(LONG);
    let unknown = client.call::<u32>("skans", ()).unwrap_err();
    assert!(unknown.to_string().contains("`skans`"), "{unknown}");
    let wrong = client.call::<Vec<f64>>("spectrum", ("many",)).unwrap_err();
    let told = "`spectrum`: argument `length` must be of type `u64`, but is \"many\"";
    assert_eq!(wrong.to_string(), told);
    // What does not only read is made as always.
    client.call::<()>("scan", ()).unwrap();
    assert_eq!(client.call("get_scans", ()), Ok(1));
}

fn calls_without_a_pause_do_not_keep_a_reader_waiting(way: Way) {
    let lab = Lab::new(way);
    let (sweep, wall) = (lab.connect("sweep"), lab.connect("wall"));
    let monitor = SpectrometerProxy::new(&wall.max_age(LONG));
    assert_eq!(monitor.scans(), Ok(0));
    SpectrometerProxy::new(&sweep).scan().unwrap();
    let held = hold(&lab.shutter);
    let scan = lab.begin_scan(&sweep);
    assert_eq!(monitor.scans(), Ok(0), "from before both scans");
    drop(held);
    scan.join().unwrap().unwrap();
}

fn what_an_urgent_method_has_changed_is_read_anew(way: Way) {
    let lab = Lab::new(way);
    let (sweep, wall) = (lab.connect("sweep"), lab.connect("wall"));
    let monitor = wall.max_age(LONG);
    assert_eq!(SpectrometerProxy::new(&monitor).scans(), Ok(0));
    let held = hold(&lab.shutter);
    let scan = lab.begin_scan(&sweep);
    SpectrometerProxy::new(&monitor).stop().unwrap();
    assert_eq!(wait_for(&monitor, held, |monitor| monitor.scans()), Ok(1));
    scan.join().unwrap().unwrap();
    assert_eq!(wall.max_age(LONG).call("stop", ()), Ok(()));
}

fn a_client_that_lost_the_device_is_told_so(way: Way) {
    let lab = Lab::new(way);
    let (sweep, wall) = (lab.connect("sweep"), lab.connect("wall"));
    let monitor = SpectrometerProxy::new(&wall.max_age(LONG));
    let device = lab.server.devices().swap_remove(0).name;
    let lease = wall.lease([&device]).acquire().unwrap();
    assert_eq!(monitor.scans(), Ok(0));
    let kicked = sweep
        .server()
        .kick_lease(&device, "my turn", Duration::ZERO);
    kicked.unwrap();
    let held = hold(&lab.shutter);
    let scan = lab.begin_scan(&sweep);
    let Err(CallError::Refused(Refusal::Fenced(told))) = monitor.scans() else {
        panic!("not fenced");
    };
    assert_eq!((&*told.method, &*told.why), ("get_scans", "my turn"));
    drop((held, lease));
    scan.join().unwrap().unwrap();
}

fn an_async_client_reads_old_values_too(way: Way) {
    let lab = Lab::new(way);
    let sweep = lab.connect("sweep");
    run(async {
        let wall = way.async_client(&lab.server).connect().await.unwrap();
        let monitor = SpectrometerProxy::new(&wall.max_age(LONG));
        assert_eq!(monitor.scans().await, Ok(0));
        let (opens, opened) = mpsc::channel::<()>();
        let shutter = Arc::clone(&lab.shutter);
        let (holds, held) = mpsc::channel();
        let holder = thread::spawn(move || {
            let _held = hold(&shutter);
            holds.send(()).unwrap();
            opened.recv().unwrap_err();
        });
        held.recv().unwrap();
        let scan = lab.begin_scan(&sweep);
        assert_eq!(monitor.scans().await, Ok(0));
        drop(opens);
        holder.join().unwrap();
        scan.join().unwrap().unwrap();
        assert_eq!(monitor.scans().await, Ok(1));
    });
}
