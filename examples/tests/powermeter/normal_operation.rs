//! An instrument and a line without faults.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use examples::powermeter::PowermeterError;
use examples::simulator::{SimulatorOptions, Speech};
use ipc_core::CallContext;

use crate::{assert_near, bench, deviation};

#[test]
fn every_method_has_its_command() {
    let (simulator, mut pm) = bench(SimulatorOptions::default());
    assert_eq!(
        pm.identity().unwrap(),
        "Example Instruments,Powermeter,SIM-0001,1.0"
    );
    assert_eq!(pm.range().unwrap(), 1, "range after power-on");
    pm.set_range(2).unwrap();
    assert_eq!(pm.range().unwrap(), 2);
    // 2 uW at 0.5 A/W through 100 kOhm.
    assert_near(pm.read_voltage(20).unwrap(), 0.1, 0.002);
    assert_near(
        f64::from(pm.read_raw().unwrap()),
        0.1 / 2.5 * 65535.0,
        100.0,
    );
    assert_eq!(pm.read_waveform(&CallContext::local(), 7).unwrap().len(), 7);
    pm.reset().unwrap();
    assert_eq!(pm.range().unwrap(), 1, "range after a reset");
    assert_eq!(simulator.commands("VOLT?"), 27);
    assert_eq!(simulator.commands("*RST"), 1);
    assert_eq!(simulator.commands("ERR"), 0);
}

#[test]
fn inputs_come_in_order() {
    let (_simulator, mut pm) = bench(SimulatorOptions::fast());
    pm.set_range(2).unwrap();
    let inputs = pm.read_inputs().unwrap();
    let expected_v = [0.1, 0.1, 0.2, 0.5, 1.0, 1.2, 1.8, 2.0];
    for (volts, expected) in inputs.volts.iter().zip(expected_v) {
        assert_near(*volts, expected, 0.005);
    }
    assert_near(inputs.temperature_c, 23.5, 1.0);
}

#[test]
fn each_range_is_ten_times_less_sensitive_until_saturation() {
    let (simulator, mut pm) = bench(SimulatorOptions::fast());
    simulator.set_light_w(20e-6);
    // 10 uA through 1 MOhm would be 10 V.
    pm.set_range(1).unwrap();
    assert_eq!(
        pm.read_waveform(&CallContext::local(), 10).unwrap(),
        [2.5; 10]
    );
    assert_eq!(pm.read_raw().unwrap(), u16::MAX);
    for (range, expected_v) in [(2, 1.0), (3, 0.1), (4, 0.01)] {
        pm.set_range(range).unwrap();
        assert_near(pm.read_voltage(50).unwrap(), expected_v, 0.001);
    }
}

#[test]
fn averaging_reduces_noise() {
    let (_simulator, mut pm) = bench(SimulatorOptions::fast());
    let mut spread = |samples| {
        let means: Vec<f64> = (0..60).map(|_| pm.read_voltage(samples).unwrap()).collect();
        deviation(&means)
    };
    let (single, averaged) = (spread(1), spread(25));
    assert_near(single, 0.5e-3, 0.15e-3);
    // The mean of 25 has a fifth of the noise.
    assert_near(single / averaged, 5.0, 1.5);
}

#[test]
fn the_same_seed_gives_the_same_readings() {
    let readings = |seed| {
        let options = SimulatorOptions {
            seed,
            drift: 1e-3,
            ..SimulatorOptions::fast()
        };
        bench(options)
            .1
            .read_waveform(&CallContext::local(), 20)
            .unwrap()
    };
    assert_eq!(readings(7), readings(7));
    assert_ne!(readings(7), readings(8));
}

#[test]
fn carriage_returns_are_tolerated() {
    let (simulator, mut pm) = bench(SimulatorOptions::fast());
    pm.identity().unwrap();
    simulator.set_speech(Speech::Garbage(b"\r\n0.25\r\n".to_vec()));
    assert_eq!(pm.read_voltage(3).unwrap(), 0.25);
}

#[test]
fn a_driver_that_is_in_step_sends_nothing_on_its_own() {
    let (simulator, mut pm) = bench(SimulatorOptions::fast());
    pm.read_voltage(100).unwrap();
    assert_eq!(simulator.commands("VOLT?"), 100);
    assert_eq!(simulator.commands("*IDN?"), 1, "once, after opening");
}

#[test]
fn an_answer_takes_the_time_of_command_and_line() {
    let (_simulator, mut pm) = bench(SimulatorOptions::default());
    pm.identity().unwrap();
    let start = Instant::now();
    pm.read_voltage(10).unwrap();
    // 2 ms and 15 bytes at 86.8 us each.
    assert!(start.elapsed() >= Duration::from_micros(10 * 3300));
}

/// Nobody has to wait for a million readings that nobody wants.
#[test]
fn a_waveform_says_how_far_it_is_and_stops_when_it_is_given_up() {
    let (simulator, mut pm) = bench(SimulatorOptions::fast());
    let told: Arc<Mutex<Vec<f64>>> = Arc::default();
    let (seen, telling) = (Arc::clone(&told), Arc::clone(&told));
    let ctx = CallContext::watched(
        move || seen.lock().unwrap().len() == 3,
        move |fraction, _| telling.lock().unwrap().push(fraction),
    );
    let error = pm.read_waveform(&ctx, 1000).unwrap_err();
    assert!(
        matches!(error, PowermeterError::Cancelled { taken: 300, .. }),
        "{error}"
    );
    assert_eq!(*told.lock().unwrap(), [0.0, 0.1, 0.2]);
    assert_eq!(simulator.commands("VOLT?"), 300);
}
