//! A driver that takes and returns values of every kind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ipc_core::remote;

#[remote]
#[derive(Clone, Debug, PartialEq)]
pub enum Mode {
    Off,
    Heat { watts: f64 },
    Pair(u8, i16),
    Label(String),
}

#[remote]
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    pub name: String,
    pub modes: Vec<Mode>,
    pub inner: Vec<Tree>,
}

/// Has the name of the type inside of it, which has another one.
#[remote]
#[derive(Clone, Debug, PartialEq)]
#[serde(rename = "Tree")]
pub struct Forest {
    pub id: u8,
    pub roots: Vec<Branch>,
}

#[remote]
#[derive(Clone, Debug, PartialEq)]
#[serde(rename = "Forest")]
pub struct Branch {
    pub branches: Vec<Branch>,
    pub length: u16,
}

/// Its last variant has another number than it seems, because of an option that the macro does not see.
#[remote]
#[derive(Clone, Debug, PartialEq)]
pub enum Hidden {
    First,
    #[cfg_attr(all(), serde(skip))]
    #[allow(dead_code, reason = "no caller can name it")]
    Second,
    #[cfg_attr(all(), serde(rename = "last"))]
    Third,
}

#[remote]
#[derive(Clone, Debug, PartialEq)]
pub struct Waveform {
    pub t0: f64,
    pub samples: Vec<f64>,
    pub points: Vec<(f32, f32)>,
    pub flags: Vec<bool>,
    pub wide: Option<Option<u128>>,
}

/// A driver with values of every kind.
#[derive(Default)]
pub struct Zoo {
    range: f64,
    is_stopped: Arc<AtomicBool>,
}

const SAMPLES: u32 = 7;

#[remote]
impl Zoo {
    pub fn tree(&self, tree: Tree) -> Tree {
        tree
    }

    pub fn hidden(&self, hidden: Hidden) -> Hidden {
        hidden
    }

    pub fn forest(&self, forest: Forest) -> Forest {
        forest
    }

    pub fn waveform(&self, waveform: Waveform) -> Waveform {
        waveform
    }

    pub fn numbers(&self, numbers: Vec<f64>) -> Vec<f64> {
        numbers
    }

    pub fn table(&self, table: BTreeMap<i16, [u8; 3]>) -> BTreeMap<i16, [u8; 3]> {
        table
    }

    pub fn mode(&self, mode: Mode) -> Mode {
        mode
    }

    #[remote(unit = "V")]
    pub fn read(
        &self,
        #[remote(default = 1, range = 1..=1000)] samples: u32,
        #[remote(default = "fast", one_of = ["fast", "slow"])] speed: String,
    ) -> Result<f64, String> {
        match speed.as_str() {
            "fast" => Ok(f64::from(samples)),
            _ => Err("too slow".into()),
        }
    }

    #[remote(get, unit = "V")]
    pub fn range(&self) -> f64 {
        self.range
    }

    #[remote(set)]
    pub fn set_range(&mut self, #[remote(unit = "V", range = 0.0..=10.0)] range: f64) {
        self.range = range;
    }

    pub fn wait(&self, time: Duration, #[remote(default = SAMPLES)] samples: u32) -> Vec<f64> {
        vec![time.as_secs_f64(), f64::from(samples)]
    }

    pub fn sleep(&self) {
        while !self.is_stopped.load(Ordering::SeqCst) {
            thread::yield_now();
        }
    }

    #[remote(urgent)]
    pub fn stop(is_stopped: &Arc<AtomicBool>) {
        is_stopped.store(true, Ordering::SeqCst);
    }

    #[remote(handle)]
    fn handle(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_stopped)
    }
}
