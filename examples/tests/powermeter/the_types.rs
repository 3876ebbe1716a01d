//! What the types promise to the rest of the project.

use std::time::Duration;

use examples::powermeter::{Powermeter, PowermeterError};
use examples::simulator::{SimulatedPowermeter, SimulatorOptions};

use crate::bench;

#[test]
fn a_driver_can_move_to_another_thread() {
    fn assert_send<T: Send + 'static>() {}
    assert_send::<Powermeter>();
    assert_send::<SimulatedPowermeter>();
}

#[test]
fn errors_and_inputs_travel() {
    let (_simulator, mut pm) = bench(SimulatorOptions::fast());
    let inputs = pm.read_inputs().unwrap();
    let bytes = rmp_serde::to_vec(&inputs).unwrap();
    assert_eq!(inputs, rmp_serde::from_slice(&bytes).unwrap());

    let timeout = PowermeterError::Timeout {
        port: "/dev/ttyUSB0".into(),
        command: "VOLT?".into(),
        after: Duration::from_millis(1500),
    };
    for error in [pm.set_range(9).unwrap_err(), timeout] {
        let bytes = rmp_serde::to_vec(&error).unwrap();
        let arrived: PowermeterError = rmp_serde::from_slice(&bytes).unwrap();
        assert_eq!(error, arrived);
        assert_eq!(error.to_string(), arrived.to_string());
    }
}
