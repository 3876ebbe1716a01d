//! The driver of the examples, and the frames that its proxy makes.

use std::collections::BTreeMap;
use std::fmt;

use ipc_core::interface::registry::Registry;
use ipc_core::private::OutgoingCall;
use ipc_core::{Caller, Device, remote};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What the meter complains about.
#[remote]
#[derive(Clone, Debug, PartialEq)]
pub enum MeterError {
    Overload { range: u8 },
}

impl fmt::Display for MeterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("overload")
    }
}

impl std::error::Error for MeterError {}

/// When to begin.
#[remote]
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    Off,
    Level(f64),
    Window { low: f64, high: Option<f64> },
    Pair(u8, u8),
}

#[remote]
#[derive(Clone, Debug, PartialEq)]
pub struct Inputs {
    pub volts: [f64; 2],
    pub label: String,
}

#[remote]
#[derive(Clone, Debug, PartialEq)]
pub struct Volts(pub f64);

#[remote]
#[derive(Clone, Debug, PartialEq)]
pub struct Point(pub u8, pub u8);

#[remote]
#[derive(Clone, Debug, PartialEq)]
pub struct Nothing;

#[remote]
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    pub leaf: u8,
    pub below: Vec<Tree>,
}

/// A type that says nothing about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Foreign(u8);

pub struct Meter {
    range: u8,
}

/// A meter.
#[remote]
impl Meter {
    /// Mean voltage.
    #[remote(unit = "V", idempotent)]
    pub fn read_voltage(
        &mut self,
        #[remote(default = 1, range = 1..=1000)] samples: u32,
    ) -> Result<f64, MeterError> {
        match self.range {
            5 => Err(MeterError::Overload { range: 5 }),
            _ => Ok(f64::from(samples) * 0.125),
        }
    }

    #[remote(get)]
    pub fn range(&self) -> u8 {
        self.range
    }

    #[remote(set)]
    pub fn set_range(&mut self, #[remote(range = 1..=5)] range: u8) {
        self.range = range;
    }

    pub fn inputs(&self) -> Inputs {
        Inputs {
            volts: [0.5, 0.25],
            label: "rear".into(),
        }
    }

    pub fn arm(&mut self, trigger: Trigger, timeout: Option<f32>) -> (bool, Vec<i16>) {
        let _ = (trigger, timeout);
        (true, vec![])
    }

    pub fn store(
        &mut self,
        table: BTreeMap<String, Vec<Point>>,
        raw: [u8; 4],
        tree: Tree,
        wait: std::time::Duration,
    ) -> Result<(), String> {
        let _ = (table, raw, tree, wait);
        Ok(())
    }

    pub fn odd(&self, volts: Volts, nothing: Nothing, foreign: Vec<Foreign>) -> char {
        let _ = (volts, nothing, foreign);
        'x'
    }
}

/// What the server of the examples offers.
pub fn registry() -> Registry {
    let mut registry = Registry::new();
    let meter = Device::new(Meter { range: 1 }).prefix("pump_");
    registry.add_device(meter).expect("names of its own");
    registry
}

/// Keeps the frame of a call instead of sending it.
#[derive(Clone)]
pub struct Recorder;

impl Caller for Recorder {
    type Reply<T: Send + 'static> = Vec<u8>;

    fn call<T: DeserializeOwned + Send + 'static>(&self, mut call: OutgoingCall) -> Vec<u8> {
        let frame = call.take_frame().expect("values that can travel");
        frame.into_vec()
    }
}
