//! "Leave it" and "remove it" are different commands: `Some(None)` never arrives as `None`, neither typed, by name nor
//! as a value, in arguments, results and errors.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fmt;

use ipc_client::Client;
use ipc_core::{Args, Value, remote};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tests::{Way, both_ways};

both_ways!(
    every_option_arrives_as_it_was_sent,
    an_error_of_the_driver_keeps_its_options,
);

type Nested = Option<Option<u8>>;

#[remote]
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    pub low: Option<Option<f64>>,
    pub per: Vec<Result<Option<()>, String>>,
    pub unit: (),
    pub none: Option<()>,
}

#[remote]
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Keep,
    Level(Nested),
    Window { low: Nested, high: Option<()> },
    Pair(Nested, Option<Wrapped>),
}

#[remote]
#[derive(Clone, Debug, PartialEq)]
pub struct Wrapped(pub Nested);

#[remote]
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    pub old: Nested,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}

pub struct Echo;

#[remote]
impl Echo {
    pub fn option(&self, v: Nested) -> Nested {
        v
    }

    pub fn unit(&self, v: Option<()>) -> Option<()> {
        v
    }

    pub fn list(&self, v: Vec<Nested>) -> Vec<Nested> {
        v
    }

    pub fn map(&self, v: BTreeMap<Nested, Nested>) -> BTreeMap<Nested, Nested> {
        v
    }

    pub fn limits(&self, v: Limits) -> Limits {
        v
    }

    pub fn change(&self, v: Change) -> Change {
        v
    }

    pub fn wrapped(&self, v: Option<Wrapped>) -> Option<Wrapped> {
        v
    }

    pub fn set(&self, v: Nested) -> Result<(), Refused> {
        Err(Refused { old: v })
    }
}

/// By name with its type, by name without, and back with what came.
fn by_name<T>(client: &Client, method: &str, value: &T)
where
    T: Serialize + DeserializeOwned + PartialEq + fmt::Debug + Send + 'static,
{
    let said = format!("{method}({value:?})");
    let typed: T = client.call(method, (value,)).unwrap();
    assert_eq!(typed, *value, "{said}");
    let named = Args::new().named("v", value).unwrap();
    let typed: T = client.call_with_args(method, &named).unwrap();
    assert_eq!(typed, *value, "{said}");
    let untyped: Value = client.call(method, (value,)).unwrap();
    assert_eq!(untyped, Value::from_serialize(value).unwrap(), "{said}");
    let back: T = client.call(method, (untyped,)).unwrap();
    assert_eq!(back, *value, "{said}");
}

fn every_option_arrives_as_it_was_sent(way: Way) {
    let server = way.server().device(Echo).spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    let echo = EchoProxy::new(&client);
    macro_rules! arrives {
        ($method:ident, $values:expr) => {
            for value in $values {
                assert_eq!(echo.$method(value.clone()), Ok(value.clone()));
                by_name(&client, stringify!($method), &value);
            }
        };
    }
    let options = [None, Some(None), Some(Some(7))];
    arrives!(option, options);
    arrives!(unit, [None, Some(())]);
    arrives!(list, [options.to_vec(), vec![]]);
    arrives!(map, [BTreeMap::from_iter(options.map(|v| (v, v)))]);
    arrives!(
        limits,
        [None, Some(None), Some(Some(0.5))].map(|low| Limits {
            low,
            per: vec![Ok(None), Ok(Some(())), Err("open".into())],
            unit: (),
            none: low.map(|_| ()),
        })
    );
    arrives!(wrapped, options.map(|v| v.map(|v| Wrapped(v.map(Some)))));
    arrives!(
        wrapped,
        [None, Some(Wrapped(None)), Some(Wrapped(Some(None)))]
    );
    for v in options {
        let window = Change::Window {
            low: v,
            high: v.map(|_| ()),
        };
        let pair = Change::Pair(v, Some(Wrapped(v)));
        arrives!(change, [Change::Keep, Change::Level(v), window, pair]);
    }
}

fn an_error_of_the_driver_keeps_its_options(way: Way) {
    let server = way.server().device(Echo).spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    let echo = EchoProxy::new(&client);
    for old in [None, Some(None), Some(Some(7))] {
        let typed = echo.set(old).unwrap_err();
        let named = client.call::<()>("set", (old,)).unwrap_err();
        for error in [typed, named] {
            assert_eq!(error.downcast(), Some(Refused { old }));
        }
    }
}
