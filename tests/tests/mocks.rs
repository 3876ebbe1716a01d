//! A mock shows the calls it received, and rejects replies of another type than the method's.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::time::Duration;

use ipc_core::private::OutgoingCall;
use ipc_core::{Args, CallError, Caller, Mock, Value, remote};

#[remote]
#[derive(Clone, Debug, PartialEq)]
pub enum Mode {
    Off,
    Heat { watts: f64 },
    Fixed(i16),
}

#[remote]
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub mode: Mode,
    pub label: Option<String>,
}

pub struct Oven;

#[remote]
impl Oven {
    pub fn setpoint(&self) -> f64 {
        20.0
    }

    pub fn channels(&self) -> Vec<u16> {
        vec![]
    }

    pub fn name(&self) -> String {
        String::new()
    }

    pub fn apply(&mut self, settings: Settings, limits: [f32; 2], modes: Vec<Mode>) -> Mode {
        let _ = (limits, modes);
        settings.mode
    }

    pub fn wait(&mut self, samples: u32, at_most: Duration, strict: bool) {
        let _ = (samples, at_most, strict);
    }
}

fn settings() -> Settings {
    Settings {
        mode: Mode::Heat { watts: 1.5 },
        label: None,
    }
}

#[test]
fn a_call_is_shown_as_it_would_be_written() {
    let mock = Mock::new(|call| call.fail("too hot"));
    let oven = OvenProxy::with_prefix(&mock, "left_");
    let _ = oven.apply(settings(), [0.5, 2.0], vec![Mode::Off, Mode::Fixed(-3)]);
    let _ = oven.wait(3, Duration::from_secs(1), true);
    let _ = oven.name();
    let by_name = Args::new().arg(7).unwrap().named("strict", true).unwrap();
    let _ = mock.call::<Value>(OutgoingCall::by_name("left_wait", &by_name));
    let shown: Vec<_> = mock
        .calls()
        .iter()
        .map(|call| format!("{call:?}"))
        .collect();
    let expected = [
        r#"left_apply(settings: {"mode": {"Heat": {"watts": 1.5}}, "label": null}, limits: [0.5, 2.0], modes: ["Off", {"Fixed": -3}])"#,
        "left_wait(samples: 3, at_most: .., strict: ..)",
        "left_name()",
        "left_wait(7, strict: true)",
    ];
    assert_eq!(shown[0], expected[0]);
    assert!(
        shown[1].starts_with("left_wait(samples: 3, at_most: "),
        "{}",
        shown[1]
    );
    assert_eq!(shown[2..], expected[2..]);
}

#[test]
fn an_argument_is_found_by_its_name() {
    let mock = Mock::new(|call| call.answer(Mode::Off));
    let _ = OvenProxy::new(&mock).apply(settings(), [0.5, 2.0], vec![]);
    let call = &mock.calls()[0];
    let found = call.argument("settings").unwrap();
    assert_eq!(found.into_typed(), Ok(settings()));
    assert_eq!(
        call.argument("limits").unwrap().into_typed(),
        Ok([0.5, 2.0])
    );
    assert_eq!(call.argument("limit"), None);
}

#[test]
fn an_answer_may_be_of_a_type_that_is_written_alike() {
    let mock = Mock::new(|call| match call.method() {
        "setpoint" => call.answer(3),
        "channels" => call.answer([1, 2]),
        _ => call.answer("oven"),
    });
    let oven = OvenProxy::new(&mock);
    assert_eq!(oven.setpoint(), Ok(3.0));
    assert_eq!(oven.channels(), Ok(vec![1, 2]));
    assert_eq!(oven.name(), Ok("oven".into()));
}

#[test]
fn an_answer_that_the_method_does_not_return_is_noticed() {
    let mock = Mock::new(|call| match call.method() {
        "setpoint" => call.answer("warm"),
        "channels" => call.answer(vec![1, 70_000]),
        _ => call.answer(3_u64),
    });
    let oven = OvenProxy::new(&mock);
    let complains = |error: CallError, words: &[&str]| {
        assert!(matches!(error, CallError::BadReply { .. }), "{error:?}");
        for word in words {
            assert!(error.to_string().contains(word), "`{word}` in: {error}");
        }
    };
    complains(
        oven.setpoint().unwrap_err(),
        &["`setpoint`", "`&str`", "`f64`", "warm"],
    );
    complains(
        oven.channels().unwrap_err(),
        &["`Vec<i32>`", "`Vec<u16>`", "70000"],
    );
    complains(oven.name().unwrap_err(), &["`u64`", "`String`", "3"]);
    let unit = oven.wait(1, Duration::ZERO, false).unwrap_err();
    complains(unit, &["`u64`", "`()`"]);
}
