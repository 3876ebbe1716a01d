//! Answers that are not what was asked for.

use std::time::{Duration, Instant};

use examples::powermeter::PowermeterError;
use examples::simulator::{SimulatorOptions, Speech};

use crate::{GENEROUS, asks, assert_names, assert_near, bench, port};

#[test]
fn garbage_is_shown_and_then_forgotten() {
    let (simulator, pm) = bench(SimulatorOptions::fast());
    let mut pm = pm.with_reply_timeout(Duration::from_millis(300));
    for garbage in [
        "\u{fffd}\x07\n",
        "V=?\n",
        "nan\n",
        "1e999\n",
        "0.1,0.2\n",
        "0x10\n",
    ] {
        pm.identity().unwrap();
        simulator.set_speech(Speech::Garbage(garbage.into()));
        let error = pm.read_voltage(1).unwrap_err();
        let PowermeterError::Garbled {
            port,
            command,
            reply,
        } = &error
        else {
            panic!("{garbage:?} gave {error:?}");
        };
        assert_eq!(
            (port, command.as_str()),
            (&crate::port(&simulator), "VOLT?")
        );
        assert!(reply.is_ascii() && !reply.contains('\x07'), "{reply:?}");
        assert_names(&error, &[port, "`VOLT?`", reply]);
        simulator.set_speech(Speech::Normal);
        assert_near(pm.read_voltage(1).unwrap(), 1.0, 0.01);
    }
}

#[test]
fn no_method_takes_garbage_for_an_answer() {
    let (simulator, pm) = bench(SimulatorOptions::fast());
    let mut pm = pm.with_reply_timeout(Duration::from_millis(300));
    for ask in asks() {
        pm.identity().unwrap();
        simulator.set_speech(Speech::Garbage(b"\xff\xfe0\n".to_vec()));
        let error = ask(&mut pm).unwrap_err();
        assert!(
            matches!(error, PowermeterError::Garbled { .. }),
            "{error:?}"
        );
        simulator.set_speech(Speech::Normal);
    }
}

#[test]
fn an_endless_line_is_bounded() {
    let (simulator, pm) = bench(SimulatorOptions::fast());
    let mut pm = pm.with_reply_timeout(Duration::from_millis(300));
    pm.identity().unwrap();
    simulator.set_speech(Speech::Garbage(vec![b'7'; 3000]));
    let start = Instant::now();
    let error = pm.read_voltage(1).unwrap_err();
    assert!(start.elapsed() < GENEROUS);
    assert!(matches!(&error, PowermeterError::Garbled { reply, .. } if *reply == "7".repeat(256)));

    // The instrument ends the line when it comes to its senses; its tail is nobody's answer.
    simulator.set_speech(Speech::Garbage(b"77 Powermeter\n".to_vec()));
    assert!(pm.read_voltage(1).is_err());
    simulator.set_speech(Speech::Normal);
    assert_near(pm.read_voltage(1).unwrap(), 1.0, 0.01);
}

#[test]
fn several_lines_for_one_command_do_not_shift_the_answers() {
    let (simulator, mut pm) = bench(SimulatorOptions::fast());
    pm.identity().unwrap();
    simulator.set_speech(Speech::Garbage(b"0.1\n0.2\n0.3\n".to_vec()));
    assert_eq!(pm.read_voltage(1).unwrap(), 0.1);
    simulator.set_speech(Speech::Normal);
    assert_near(pm.read_voltage(1).unwrap(), 1.0, 0.01);
}

#[test]
fn an_error_line_is_a_refusal() {
    let (simulator, pm) = bench(SimulatorOptions::fast());
    let mut pm = pm.with_reply_timeout(Duration::from_millis(300));
    pm.identity().unwrap();
    simulator.set_speech(Speech::Garbage(b"ERR not now\n".to_vec()));
    let refusals = [
        (pm.read_voltage(1).unwrap_err(), "VOLT?"),
        (pm.range().unwrap_err(), "RANGE?"),
        (pm.set_range(3).unwrap_err(), "RANGE 3"),
    ];
    for (error, command) in refusals {
        let expected = PowermeterError::Refused {
            port: port(&simulator),
            command: command.into(),
            reply: "ERR not now".into(),
        };
        assert_eq!(error, expected);
    }
    simulator.set_speech(Speech::Normal);
    assert_eq!(pm.range().unwrap(), 1);
}

#[test]
fn a_setting_that_reads_back_differently_is_not_applied() {
    let (simulator, mut pm) = bench(SimulatorOptions::fast());
    pm.identity().unwrap();
    simulator.set_speech(Speech::Garbage(b"4\n".to_vec()));
    let error = pm.set_range(3).unwrap_err();
    assert!(matches!(&error, PowermeterError::NotApplied { reply, .. } if reply == "4"));
    assert_names(&error, &[&port(&simulator), "`RANGE 3`", "\"4\""]);
}

#[test]
fn the_tail_of_an_overlong_line_is_not_taken_for_an_identity() {
    let (simulator, mut pm) = bench(SimulatorOptions::fast());
    for length in (520..1100).step_by(40) {
        pm.identity().unwrap();
        let line = format!("{} Powermeter\n", "7".repeat(length));
        simulator.set_speech(Speech::Garbage(line.into()));
        assert!(pm.read_voltage(1).is_err());
        simulator.set_speech(Speech::Normal);
        assert_near(pm.read_voltage(1).unwrap(), 1.0, 0.01);
    }
}

#[test]
fn the_confirmation_of_a_refused_setting_reaches_no_later_call() {
    // So slow that the refusal is read before the answer to the confirmation is sent.
    let (simulator, mut pm) = bench(SimulatorOptions {
        command_delay: Duration::from_millis(50),
        ..SimulatorOptions::fast()
    });
    pm.identity().unwrap();
    simulator.set_speech(Speech::Garbage(b"ERR busy\n".to_vec()));
    let error = pm.set_range(3).unwrap_err();
    assert!(
        matches!(error, PowermeterError::Refused { .. }),
        "{error:?}"
    );
    assert!(simulator.wait_for_commands("RANGE?", 1, GENEROUS));
    simulator.set_speech(Speech::Normal);
    assert_eq!(pm.range().unwrap(), 1);
}
