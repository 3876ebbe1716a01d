//! An instrument on a serial line, used remotely while the line fails.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::thread;
use std::time::{Duration, Instant};

use examples::powermeter::{Powermeter, PowermeterError, PowermeterProxy};
use examples::simulator::{SimulatedPowermeter, SimulatorOptions, Speech};
use ipc_client::{CallError, Client};
use ipc_server::ServerHandle;
use tests::{Way, both_ways};

both_ways!(
    a_port_that_is_missing_is_named,
    an_instrument_unplugged_in_mid_call_is_an_error_and_works_again_after_replug,
    a_silent_instrument_is_an_error_in_time,
    garbage_is_an_error,
    a_late_answer_reaches_no_other_call,
);

const REPLY_TIMEOUT: Duration = Duration::from_millis(300);
/// A command, and two more to get back in step; a busy computer included.
const BOUND: Duration = Duration::from_secs(4);

struct Lab {
    simulator: SimulatedPowermeter,
    _server: ServerHandle,
    client: Client,
    meter: PowermeterProxy<Client>,
}

impl Lab {
    fn new(way: Way) -> Self {
        let simulator = SimulatedPowermeter::start(SimulatorOptions::fast()).unwrap();
        let driver = Powermeter::open(simulator.path()).unwrap();
        let driver = driver.with_reply_timeout(REPLY_TIMEOUT);
        let server = way.server().device(driver).spawn().unwrap();
        let client = way.client(&server).connect().unwrap();
        let meter = PowermeterProxy::new(&client);
        meter.set_range(2).unwrap();
        Self {
            simulator,
            _server: server,
            client,
            meter,
        }
    }

    /// The driver's error, which names the port; in time.
    fn fails<T: std::fmt::Debug>(
        &self,
        call: impl FnOnce(&PowermeterProxy<Client>) -> Result<T, CallError>,
    ) -> PowermeterError {
        let start = Instant::now();
        let error = call(&self.meter).unwrap_err();
        assert!(start.elapsed() < BOUND, "{:?}: {error}", start.elapsed());
        let port = self.simulator.path().display().to_string();
        assert!(error.to_string().contains(&port), "{error}");
        assert_eq!(self.client.handovers(), 0, "the session goes on");
        error.downcast().unwrap()
    }

    fn works(&self) {
        self.meter.set_range(4).unwrap();
        assert_eq!(self.meter.range().unwrap(), 4);
        assert!((0.0..=2.5).contains(&self.meter.read_voltage(3).unwrap()));
    }
}

fn a_port_that_is_missing_is_named(way: Way) {
    let error = Powermeter::open("/dev/no-such-port").map(drop).unwrap_err();
    assert!(error.to_string().contains("/dev/no-such-port"), "{error}");
    // Missing later on.
    let lab = Lab::new(way);
    lab.simulator.unplug().unwrap();
    let lost = lab.fails(PowermeterProxy::range);
    assert!(
        matches!(lost, PowermeterError::Disconnected { .. }),
        "{lost}"
    );
    let missing = lab.fails(PowermeterProxy::range);
    assert!(matches!(missing, PowermeterError::Open { .. }), "{missing}");
    lab.simulator.replug().unwrap();
    lab.works();
}

fn an_instrument_unplugged_in_mid_call_is_an_error_and_works_again_after_replug(way: Way) {
    let lab = Lab::new(way);
    let error = thread::scope(|scope| {
        let call = scope.spawn(|| lab.fails(|meter| meter.read_waveform(1_000_000)));
        let bound = Duration::from_secs(20);
        assert!(lab.simulator.wait_for_commands("VOLT?", 50, bound));
        lab.simulator.unplug().unwrap();
        call.join().unwrap()
    });
    assert!(
        matches!(error, PowermeterError::Disconnected { .. }),
        "{error}"
    );
    lab.simulator.replug().unwrap();
    lab.works();
}

fn a_silent_instrument_is_an_error_in_time(way: Way) {
    let lab = Lab::new(way);
    lab.simulator.set_speech(Speech::Silent);
    let error = lab.fails(PowermeterProxy::read_raw);
    assert!(matches!(error, PowermeterError::Timeout { .. }), "{error}");
    lab.simulator.set_speech(Speech::Normal);
    lab.works();
}

fn garbage_is_an_error(way: Way) {
    let lab = Lab::new(way);
    for garbage in [
        &b"\xff\xfe\x00\n"[..],
        b"no number\n",
        b"3\x00.1\n",
        b"\n\n\n",
    ] {
        lab.simulator.set_speech(Speech::Garbage(garbage.to_vec()));
        lab.fails(|meter| meter.read_voltage(1));
        lab.simulator.set_speech(Speech::Normal);
        lab.works();
    }
}

fn a_late_answer_reaches_no_other_call(way: Way) {
    let lab = Lab::new(way);
    for _ in 0..3 {
        lab.meter.set_range(5).unwrap();
        lab.simulator.delay_next_answer(REPLY_TIMEOUT * 3 / 2);
        // The answer `5` comes when its call has failed and the next one waits.
        let error = lab.fails(PowermeterProxy::range);
        assert!(matches!(error, PowermeterError::Timeout { .. }), "{error}");
        let identity = lab.meter.identity().unwrap();
        assert!(identity.contains("Powermeter"), "{identity}");
        lab.works();
    }
}
