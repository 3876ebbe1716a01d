//! Words that a driver gets as what they mean, and its results as people see them.

#![expect(unreachable_pub, reason = "a driver offers its public methods")]

use std::collections::BTreeMap;
use std::time::Duration;

use ipc_client::{CallError, DynamicServer, Local, MethodKind, remote};

use super::*;
use crate::show;

#[remote(crate = ipc_client)]
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Mode {
    Off,
    Heat(f64),
    Ramp {
        #[remote(unit = "V")]
        from: f64,
        steps: u8,
    },
}

#[remote(crate = ipc_client)]
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Point {
    #[remote(unit = "V")]
    volts: f64,
    label: Option<String>,
}

pub(crate) struct Echo;

#[remote(crate = ipc_client)]
impl Echo {
    pub fn all_bits(&self, text: String, c: char, flag: bool, single: f32, wide: u128) -> String {
        format!("{text:?} {c:?} {flag} {single} {wide}")
    }

    pub fn choose(&self, mode: Mode, time: Duration, maybe: Option<Option<u8>>) -> String {
        format!("{mode:?} {time:?} {maybe:?}")
    }

    pub fn lists(&self, list: Vec<f64>, pair: (u8, String), rows: Vec<[i16; 2]>) -> String {
        format!("{list:?} {pair:?} {rows:?}")
    }

    pub fn structs(&self, point: Point, map: BTreeMap<u8, bool>) -> String {
        format!("{point:?} {map:?}")
    }

    pub fn mirror(&self, mode: Mode) -> Mode {
        mode
    }

    pub fn points(&self, volts: f64) -> Vec<Point> {
        let label = Some("a".into());
        vec![Point { volts, label: None }, Point { volts, label }]
    }

    pub fn wait(&self, time: Duration) -> Duration {
        time
    }
}

/// Calls a method with these words, and shows the result.
fn call(name: &str, words: &[&str]) -> Result<String, CallError> {
    let server = DynamicServer::new(&Local::new(Echo).unwrap());
    let description = server.description().unwrap();
    let method = description.find(name, MethodKind::Call).unwrap().method;
    let args = read_with(method, words, b"").unwrap();
    let value = server.call(name, args)?;
    Ok(show::result(
        "x",
        &value,
        &method.result,
        method.unit.as_deref(),
    ))
}

#[test]
fn a_driver_gets_what_the_words_mean() {
    for (name, words, text) in [
        (
            "all_bits",
            &[
                "a=b",
                "µ",
                "on",
                "0.1",
                "340282366920938463463374607431768211455",
            ][..],
            r#""a=b" 'µ' true 0.1 340282366920938463463374607431768211455"#,
        ),
        ("choose", &["off", "500ms", "none"], "Off 500ms None"),
        (
            "choose",
            &["heat=2", "2s", "3"],
            "Heat(2.0) 2s Some(Some(3))",
        ),
        (
            "choose",
            &["Ramp={from: 2 mV, steps: 3}", "1us", r#"{"$some": null}"#],
            "Ramp { from: 0.002, steps: 3 } 1µs Some(None)",
        ),
        (
            "choose",
            &[r#"{"Heat": 2}"#, r#"{"secs": 1, "nanos": 5}"#, "null"],
            "Heat(2.0) 1.000000005s None",
        ),
        (
            "lists",
            &["1,nan,-inf", "7,a", "[[1, -2], [3, 4]]"],
            r#"[1.0, NaN, -inf] (7, "a") [[1, -2], [3, 4]]"#,
        ),
        ("lists", &["", "[7, \"a\"]", "[]"], r#"[] (7, "a") []"#),
        (
            "structs",
            &["{volts: 20 mV}", "{1: on, 2: off}"],
            "Point { volts: 0.02, label: None } {1: true, 2: false}",
        ),
        (
            "structs",
            &[r#"{"volts": 2, "label": "a"}"#, "{}"],
            r#"Point { volts: 2.0, label: Some("a") } {}"#,
        ),
    ] {
        assert_eq!(call(name, words).unwrap(), format!("x = {text}"));
    }
}

#[test]
fn results_of_a_driver_are_shown_by_its_description() {
    assert_eq!(call("mirror", &["heat=2"]).unwrap(), "x = Heat(2)");
    let ramp = call("mirror", &["ramp={from: 2, steps: 3}"]).unwrap();
    assert_eq!(ramp, "x = Ramp {from: 2 V, steps: 3}");
    let table = "x:\n  volts [V]  label\n        0.5  none\n        0.5  a";
    assert_eq!(call("points", &["0.5"]).unwrap(), table);
    assert_eq!(call("wait", &["1.5s"]).unwrap(), "x = 1.5s");
}

#[test]
fn what_the_words_leave_open_is_refused_before_the_driver() {
    let error = call("structs", &[r#"{"volts": 2, "lable": "a"}"#, "{}"]).unwrap_err();
    assert!(
        error.to_string().contains("did you mean `label`?"),
        "{error}"
    );
    let error = call("mirror", &[]).unwrap_err().to_string();
    assert!(
        error.contains("the argument `mode: Mode` is missing"),
        "{error}"
    );
}
