//! Long lists in types that decide themselves how they are written. A list is sent from where it lies only if nothing but
//! derived code meets it; all others are copied, and travel as they are.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "tests")]

use ipc_client::Client;
use ipc_core::remote;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tests::{Way, both_ways};

both_ways!(
    a_variant_writes_a_sum_before_its_list,
    an_option_under_a_condition_writes_a_sum_before_the_list,
    a_type_looks_at_its_list_before_it_is_written,
    lists_beside_a_plain_one_travel,
    a_type_that_relies_on_a_list_is_read,
);

/// Writes a list behind its sum, and checks the sum where the list is read.
mod checked {
    use serde::de::Error;
    use serde::ser::SerializeTuple;

    use super::*;

    #[allow(clippy::ptr_arg, reason = "serde passes the field as it is")]
    pub fn serialize<S: Serializer>(list: &Vec<f64>, serializer: S) -> Result<S::Ok, S::Error> {
        let mut pair = serializer.serialize_tuple(2)?;
        pair.serialize_element(&list.iter().sum::<f64>())?;
        pair.serialize_element(list)?;
        pair.end()
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
        let (sum, list) = <(f64, Vec<f64>)>::deserialize(deserializer)?;
        match sum.total_cmp(&list.iter().sum()) {
            std::cmp::Ordering::Equal => Ok(list),
            _ => Err(D::Error::custom("the sum is wrong")),
        }
    }
}

#[remote]
#[derive(Clone, Debug, PartialEq)]
pub enum Trace {
    Plain(Vec<f64>),
    #[serde(with = "checked")]
    Checked(Vec<f64>),
    #[cfg_attr(all(), serde(with = "checked"))]
    CheckedToo(Vec<f64>),
}

#[remote]
#[derive(Clone, Debug, PartialEq)]
pub struct Traces {
    plain: Vec<f64>,
    #[cfg_attr(all(), serde(with = "checked"))]
    checked: Vec<f64>,
}

/// Refuses to be written without samples.
#[remote]
#[derive(Clone, Debug, PartialEq)]
#[serde(remote = "Self")]
pub struct Samples {
    list: Vec<f64>,
}

impl Serialize for Samples {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.list.is_empty() {
            return Err(serde::ser::Error::custom("there are no samples"));
        }
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Samples {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

/// Takes it for granted that there is a first sample.
#[remote]
#[derive(Clone, Debug, PartialEq)]
#[serde(from = "RawWave", into = "RawWave")]
pub struct Wave {
    first: f64,
    list: Vec<f64>,
}

#[remote]
#[derive(Clone, Debug)]
pub struct RawWave {
    list: Vec<f64>,
}

impl From<RawWave> for Wave {
    fn from(RawWave { list }: RawWave) -> Self {
        #[allow(clippy::indexing_slicing, reason = "as in code of users")]
        let first = list[0];
        Self { first, list }
    }
}

impl From<Wave> for RawWave {
    fn from(Wave { list, .. }: Wave) -> Self {
        Self { list }
    }
}

/// Fields that cannot be referred to.
#[remote]
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, packed)]
pub struct Packed {
    channel: u8,
    level: f64,
}

pub struct Scope;

#[remote]
impl Scope {
    pub fn trace(&self, trace: Trace) -> Trace {
        trace
    }

    pub fn traces(&self, traces: Traces) -> Traces {
        traces
    }

    pub fn samples(&self, samples: Samples, packed: Packed) -> (Samples, Packed) {
        (samples, packed)
    }

    pub fn waves(&self, count: usize) -> Vec<Wave> {
        vec![RawWave { list: list() }.into(); count]
    }

    pub fn all(&self, all: Vec<(Trace, Option<Traces>)>) -> Vec<(Trace, Option<Traces>)> {
        all
    }
}

/// More bytes than are copied if they can be sent from where they lie.
fn list() -> Vec<f64> {
    (0..60_000).map(f64::from).collect()
}

fn traces() -> Traces {
    Traces {
        plain: list(),
        checked: list(),
    }
}

fn with_scope(way: Way, check: impl FnOnce(ScopeProxy<Client>)) {
    let server = way.server().device(Scope).spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    check(ScopeProxy::new(&client));
}

fn a_variant_writes_a_sum_before_its_list(way: Way) {
    with_scope(way, |scope| {
        for trace in [Trace::Checked(list()), Trace::CheckedToo(list())] {
            assert!(scope.trace(trace.clone()).unwrap() == trace);
        }
    });
}

fn an_option_under_a_condition_writes_a_sum_before_the_list(way: Way) {
    with_scope(way, |scope| {
        assert!(scope.traces(traces()).unwrap() == traces());
    });
}

fn a_type_looks_at_its_list_before_it_is_written(way: Way) {
    with_scope(way, |scope| {
        let samples = Samples { list: list() };
        let packed = Packed {
            channel: 1,
            level: 2.5,
        };
        let back = scope.samples(samples.clone(), packed).unwrap();
        assert!(back == (samples, packed));
    });
}

fn lists_beside_a_plain_one_travel(way: Way) {
    with_scope(way, |scope| {
        let all = vec![
            (Trace::Plain(list()), Some(traces())),
            (Trace::Checked(list()), None),
            (Trace::Plain(vec![]), Some(traces())),
        ];
        assert!(scope.all(all.clone()).unwrap() == all);
    });
}

/// Regression test: while the second wave was on its way, the first one was made of an empty list.
fn a_type_that_relies_on_a_list_is_read(way: Way) {
    with_scope(way, |scope| {
        let waves = scope.waves(4).unwrap();
        assert!(waves == vec![RawWave { list: list() }.into(); 4]);
    });
}
