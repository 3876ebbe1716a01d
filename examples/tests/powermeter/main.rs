//! The driver of the power meter against a simulated one, through the real serial port code on a pseudo-terminal.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy does not see that helpers of tests are tests"
)]

mod arguments;
mod garbage;
mod normal_operation;
mod silence;
mod the_types;
mod unplugging;

use std::time::Duration;

use examples::powermeter::{Powermeter, PowermeterError};
use examples::simulator::{SimulatedPowermeter, SimulatorOptions};
use ipc_core::CallContext;

fn bench(options: SimulatorOptions) -> (SimulatedPowermeter, Powermeter) {
    let simulator = SimulatedPowermeter::start(options).unwrap();
    let pm = Powermeter::open(simulator.path()).unwrap();
    (simulator, pm)
}

fn port(simulator: &SimulatedPowermeter) -> String {
    simulator.path().display().to_string()
}

type Call = fn(&mut Powermeter) -> Result<(), PowermeterError>;

/// Every call that changes the instrument, with the command it sends.
fn changes() -> [(Call, &'static str); 2] {
    [(|pm| pm.set_range(3), "RANGE 3"), (|pm| pm.reset(), "*RST")]
}

/// Every call that leaves the instrument as it is.
fn asks() -> [Call; 6] {
    [
        |pm| pm.identity().map(drop),
        |pm| pm.range().map(drop),
        |pm| pm.read_voltage(1).map(drop),
        |pm| pm.read_waveform(&CallContext::local(), 1).map(drop),
        |pm| pm.read_raw().map(drop),
        |pm| pm.read_inputs().map(drop),
    ]
}

fn deviation(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count).sqrt()
}

#[track_caller]
fn assert_near(value: f64, expected: f64, tolerance: f64) {
    let off = (value - expected).abs();
    assert!(off <= tolerance, "{value} is not {expected} ± {tolerance}");
}

#[track_caller]
fn assert_names(error: &PowermeterError, parts: &[&str]) {
    let message = error.to_string();
    for part in parts {
        assert!(message.contains(part), "{part:?} is missing in: {message}");
    }
}

// No test waits this long unless it fails.
const GENEROUS: Duration = Duration::from_secs(20);
