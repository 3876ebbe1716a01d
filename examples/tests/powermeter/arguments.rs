//! Arguments out of bounds.

use examples::powermeter::PowermeterError;
use examples::simulator::SimulatorOptions;
use ipc_core::CallContext;

use crate::{assert_names, bench, port};

#[test]
fn bad_arguments_are_named_and_never_sent() {
    let (simulator, mut pm) = bench(SimulatorOptions::fast());
    for range in [0, 6, 255] {
        let error = pm.set_range(range).unwrap_err();
        assert!(
            matches!(&error, PowermeterError::Argument { argument, .. } if argument == "range")
        );
        assert_names(&error, &[&port(&simulator), "`range`", &range.to_string()]);
    }
    for samples in [0, 1_000_001, u32::MAX] {
        let errors = [
            pm.read_voltage(samples).unwrap_err(),
            pm.read_waveform(&CallContext::local(), samples)
                .unwrap_err(),
        ];
        for error in errors {
            assert_names(&error, &["`samples`", &samples.to_string(), "1 to 1000000"]);
        }
    }
    assert_eq!(simulator.commands("RANGE") + simulator.commands("VOLT?"), 0);
}
