//! Answers that do not come, or come too late.

use std::thread;
use std::time::{Duration, Instant};

use examples::powermeter::{Powermeter, PowermeterError};
use examples::simulator::{SimulatorOptions, Speech};

use crate::{GENEROUS, asks, assert_names, assert_near, bench, changes, port};

#[test]
fn silence_is_a_timeout_and_speech_that_returns_is_heard() {
    let (simulator, pm) = bench(SimulatorOptions::fast());
    let timeout = Duration::from_millis(200);
    let mut pm = pm.with_reply_timeout(timeout);
    pm.identity().unwrap();
    simulator.set_speech(Speech::Silent);

    let start = Instant::now();
    let error = pm.read_voltage(1).unwrap_err();
    let took = start.elapsed();
    assert_eq!(
        error,
        PowermeterError::Timeout {
            port: port(&simulator),
            command: "VOLT?".into(),
            after: timeout
        }
    );
    assert_names(&error, &[&port(&simulator), "`VOLT?`", "200ms"]);
    assert!(took >= timeout && took < GENEROUS, "took {took:?}");

    // Still silent: the reading is not even asked for.
    assert!(
        matches!(pm.read_voltage(1), Err(PowermeterError::Timeout { command, .. }) if command == "*IDN?")
    );
    assert_eq!(simulator.commands("VOLT?"), 1);

    simulator.set_speech(Speech::Normal);
    assert_near(pm.read_voltage(10).unwrap(), 1.0, 0.01);
}

#[test]
fn a_setting_without_confirmation_names_the_setting() {
    let (simulator, pm) = bench(SimulatorOptions::fast());
    let mut pm = pm.with_reply_timeout(Duration::from_millis(200));
    for (change, command) in changes() {
        pm.identity().unwrap();
        simulator.set_speech(Speech::Silent);
        let error = change(&mut pm).unwrap_err();
        assert!(matches!(error, PowermeterError::Timeout { command: c, .. } if c == command));
        simulator.set_speech(Speech::Normal);
    }
}

#[test]
fn a_late_answer_never_reaches_the_next_call() {
    let (simulator, pm) = bench(SimulatorOptions::fast());
    let mut pm = pm.with_reply_timeout(Duration::from_millis(400));
    pm.set_range(2).unwrap();
    simulator.delay_next_answer(Duration::from_millis(500));
    assert!(matches!(
        pm.read_voltage(1),
        Err(PowermeterError::Timeout { .. })
    ));
    // The answer on its way was measured in light, this one is not.
    simulator.set_light_w(0.0);
    assert_near(pm.read_voltage(1).unwrap(), 0.0, 0.005);
    assert_eq!(pm.range().unwrap(), 2);
}

#[test]
fn a_very_late_answer_never_reaches_any_later_call() {
    thread::scope(|scope| {
        for ask in asks() {
            scope.spawn(move || {
                let (simulator, pm) = bench(SimulatorOptions::fast());
                let mut pm = pm.with_reply_timeout(Duration::from_millis(200));
                pm.set_range(2).unwrap();
                simulator.delay_next_answer(Duration::from_millis(700));
                assert!(matches!(ask(&mut pm), Err(PowermeterError::Timeout { .. })));
                simulator.set_light_w(0.0);

                assert_near(until_in_step(&mut pm), 0.0, 0.005);
                assert_eq!(pm.range().unwrap(), 2);
                assert_near(pm.read_voltage(5).unwrap(), 0.0, 0.005);
            });
        }
    });
}

/// Calls until the instrument is no longer silent; anything but a timeout on the way is a bug.
fn until_in_step(pm: &mut Powermeter) -> f64 {
    let start = Instant::now();
    loop {
        match pm.read_voltage(1) {
            Ok(volts) => return volts,
            Err(PowermeterError::Timeout { .. }) if start.elapsed() < GENEROUS => {}
            Err(error) => panic!("{error}"),
        }
    }
}
