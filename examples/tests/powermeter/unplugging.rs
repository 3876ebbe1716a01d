//! Ports that are missing, taken, lost and found.

use std::thread;
use std::time::Instant;

use examples::powermeter::{Powermeter, PowermeterError};
use examples::simulator::{SimulatedPowermeter, SimulatorOptions};

use crate::{GENEROUS, assert_names, assert_near, bench, port};

#[test]
fn a_missing_port_is_named() {
    let path = std::env::temp_dir().join("no-such-power-meter");
    let error = Powermeter::open(&path).unwrap_err();
    assert!(matches!(error, PowermeterError::Open { .. }));
    assert_names(&error, &[path.to_str().unwrap(), "No such file"]);
}

#[test]
fn a_file_is_not_a_port() {
    let error = Powermeter::open("/dev/null").unwrap_err();
    assert!(matches!(error, PowermeterError::Open { .. }), "{error:?}");
}

#[test]
fn a_port_in_use_is_refused_at_once_and_free_afterwards() {
    let (simulator, mut pm) = bench(SimulatorOptions::fast());
    let error = Powermeter::open(simulator.path()).unwrap_err();
    assert!(matches!(error, PowermeterError::Open { .. }), "{error:?}");
    assert_names(&error, &[&port(&simulator)]);
    pm.identity().unwrap();
    drop(pm);
    Powermeter::open(simulator.path())
        .unwrap()
        .identity()
        .unwrap();
}

#[test]
fn unplugged_in_the_middle_of_a_call() {
    let (simulator, pm) = bench(SimulatorOptions::fast());
    let mut pm = pm.with_reply_timeout(GENEROUS);
    simulator.delay_next_answer(GENEROUS);
    let start = Instant::now();
    let call = thread::spawn(move || (pm.identity(), pm));
    assert!(simulator.wait_for_commands("*IDN?", 1, GENEROUS));
    simulator.unplug().unwrap();
    let (outcome, mut pm) = call.join().unwrap();
    let error = outcome.unwrap_err();
    assert!(
        matches!(error, PowermeterError::Disconnected { .. }),
        "{error:?}"
    );
    assert_names(&error, &[&port(&simulator), "`*IDN?`"]);

    // Still missing: said at once.
    let error = pm.read_voltage(1).unwrap_err();
    assert!(matches!(error, PowermeterError::Open { .. }), "{error:?}");
    assert_names(&error, &[&port(&simulator), "No such file"]);
    assert!(start.elapsed() < GENEROUS);

    simulator.replug().unwrap();
    assert_near(pm.read_voltage(10).unwrap(), 1.0, 0.01);
}

#[test]
fn a_loss_between_calls_is_reported_once_because_the_range_is_lost_too() {
    let (simulator, mut pm) = bench(SimulatorOptions::fast());
    for _ in 0..5 {
        pm.set_range(3).unwrap();
        simulator.unplug().unwrap();
        simulator.replug().unwrap();
        let error = pm.read_voltage(1).unwrap_err();
        assert!(
            matches!(error, PowermeterError::Disconnected { .. }),
            "{error:?}"
        );
        assert_eq!(pm.range().unwrap(), 1, "the instrument lost its power");
    }
}

#[test]
fn a_simulator_that_is_gone_leaves_nothing_behind() {
    let (simulator, mut pm) = bench(SimulatorOptions::fast());
    let path = simulator.path().to_owned();
    assert!(path.symlink_metadata().is_ok());
    let start = Instant::now();
    drop(simulator);
    assert!(start.elapsed() < GENEROUS);
    assert!(path.symlink_metadata().is_err());
    assert!(matches!(
        pm.identity(),
        Err(PowermeterError::Disconnected { .. })
    ));
}

#[test]
fn a_simulator_takes_over_a_stale_link_but_no_file() {
    let (donor, _pm) = bench(SimulatorOptions::fast());
    let path = donor.path().with_extension("chosen");
    let options = SimulatorOptions {
        path: Some(path.clone()),
        ..SimulatorOptions::fast()
    };
    std::os::unix::fs::symlink("/dev/pts/gone", &path).unwrap();
    let simulator = SimulatedPowermeter::start(options.clone()).unwrap();
    Powermeter::open(&path).unwrap().identity().unwrap();
    drop(simulator);

    std::fs::write(&path, "precious").unwrap();
    let error = SimulatedPowermeter::start(options).unwrap_err();
    assert!(error.to_string().contains(path.to_str().unwrap()));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    std::fs::remove_file(&path).unwrap();
}
