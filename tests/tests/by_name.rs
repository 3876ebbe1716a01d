//! Calls by name, without the types of the driver: arguments that do not fit are refused with a helpful error.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use ipc_core::private::OutgoingCall;
use ipc_core::{Args, CallError, Caller, Local, Value, remote};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[remote]
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub gain: f32,
    pub offset: Option<f64>,
    pub trigger: Trigger,
}

#[remote]
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    Off,
    Window { low: f64, high: Option<f64> },
}

pub struct Scope;

#[remote]
impl Scope {
    pub fn name(&self) -> String {
        "scope".into()
    }

    pub fn dur(&self, window: Duration) -> f64 {
        window.as_secs_f64()
    }

    pub fn level(&self, level: f32) -> f32 {
        level
    }

    pub fn apply(&self, settings: Vec<Settings>) -> Option<Settings> {
        settings.into_iter().next()
    }

    pub fn peer(&self, peer: IpAddr) -> bool {
        peer.is_ipv4()
    }

    pub fn fraction(&self, #[remote(range = 0.0..=1.0)] fraction: Option<f64>) -> Option<f64> {
        fraction
    }
}

fn call<R: DeserializeOwned + Send + 'static>(
    name: &str,
    args: impl Serialize,
) -> Result<R, CallError> {
    let args = Args::from_serialize(&args).unwrap();
    let local = Local::new(Scope).unwrap();
    local.call(OutgoingCall::by_name(name, &args))
}

fn says<T: std::fmt::Debug>(result: Result<T, CallError>, words: &[&str]) -> CallError {
    let error = result.unwrap_err();
    for word in words {
        assert!(error.to_string().contains(word), "`{word}` in: {error}");
    }
    error
}

#[test]
fn a_result_of_another_type_is_shown_beside_what_was_expected() {
    let error = call::<u8>("name", ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`name` was executed, but its reply cannot be read: invalid type: string \"scope\", expected u8; \
         `help_for(\"name\")` says what it returns, and a `Value` holds any result"
    );
    assert!(matches!(error, CallError::BadReply { .. }), "{error:?}");
    assert_eq!(call("name", ()), Ok(Value::String("scope".into())));
    assert_eq!(call::<String>("name", ()), Ok("scope".into()));
}

#[test]
fn one_struct_as_the_only_argument_goes_into_a_tuple() {
    let window = Duration::from_millis(1500);
    let error = says(
        call::<f64>("dur", window),
        &["no argument `nanos`", "tuple: `(value,)`", "dur(window: "],
    );
    assert!(error.is_not_executed());
    assert_eq!(call("dur", (window,)), Ok(1.5));
    // A caller that misspells one of several names did not mean a struct.
    let two = BTreeMap::from([("window", window), ("windows", window)]);
    let error = call::<f64>("dur", two).unwrap_err().to_string();
    assert!(!error.contains("tuple"), "{error}");
}

#[test]
fn a_number_that_is_too_large_for_its_type_is_refused() {
    let error = says(call::<f32>("level", 1e300), &["`level`", "f32", "1e300"]);
    assert!(error.is_not_executed());
    assert_eq!(call("level", f64::INFINITY), Ok(f32::INFINITY));
    assert_eq!(call("level", 0.1), Ok(0.1_f32));
    assert_eq!(call("level", -3), Ok(-3.0_f32));
}

#[derive(Clone, Serialize)]
struct Misspelt {
    gain: f64,
    ofset: f64,
    trigger: Trigger,
}

#[derive(Clone, Serialize)]
struct Variant {
    gain: f64,
    trigger: BTreeMap<&'static str, BTreeMap<&'static str, f64>>,
}

#[test]
fn a_misspelt_field_of_an_argument_is_not_lost() {
    let misspelt = Misspelt {
        gain: 1.0,
        ofset: 2.0,
        trigger: Trigger::Off,
    };
    let error = says(
        call::<Option<Settings>>("apply", (vec![misspelt],)),
        &[
            "`settings`",
            "must be of type `Vec<Settings>`, which `help_for(\"apply\")` describes, but is [",
            "unknown field `ofset`",
            "`gain`",
            "`offset`",
            "`trigger`",
        ],
    );
    assert!(error.is_not_executed());
    let window = |high| Variant {
        gain: 1.0,
        trigger: BTreeMap::from([("Window", BTreeMap::from([("low", 1.0), (high, 2.0)]))]),
    };
    says(
        call::<Option<Settings>>("apply", (vec![window("hihg")],)),
        &["unknown field `hihg`", "`low` or `high`"],
    );
    let settings = call::<Option<Settings>>("apply", (vec![window("high")],));
    let trigger = Trigger::Window {
        low: 1.0,
        high: Some(2.0),
    };
    assert_eq!(settings.unwrap().unwrap().trigger, trigger);
}

#[derive(Debug, PartialEq, Deserialize)]
struct Older {
    gain: f64,
}

#[test]
fn a_result_may_say_more_than_its_reader_knows() {
    let settings = Settings {
        gain: 0.5,
        offset: None,
        trigger: Trigger::Off,
    };
    let older = call::<Option<Older>>("apply", (vec![settings],));
    assert_eq!(older, Ok(Some(Older { gain: 0.5 })));
}

#[test]
fn a_type_of_which_only_the_name_is_known_says_what_it_expects() {
    says(
        call::<bool>("peer", "::1"),
        &["IpAddr", "::1", "`V4` or `V6`"],
    );
}

#[test]
fn a_value_out_of_its_limits_is_shown_as_it_was_given() {
    let by_name = call::<Option<f64>>("fraction", 1.5);
    let typed = ScopeProxy::new(&Local::new(Scope).unwrap()).fraction(Some(1.5));
    for result in [by_name, typed] {
        let error = says(result, &["`fraction`", "a number from 0 to 1, but is 1.5"]);
        assert!(!error.to_string().contains("Some"), "{error}");
    }
}
