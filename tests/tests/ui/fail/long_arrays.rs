use std::collections::HashMap;

use ipc_core::{Local, remote};

const SAMPLES: usize = 64;

type Trace = [f64; 50];

pub struct Scope<const N: usize> {
    trace: [f64; N],
}

#[remote]
impl<const N: usize> Scope<N> {
    pub fn trace(&self) -> [f64; N] {
        self.trace
    }
}

pub struct Digitizer;

#[remote]
impl Digitizer {
    pub fn trace(&mut self) -> [f64; 64] {
        [0.0; 64]
    }

    pub fn rows(&self) -> Result<Vec<[f64; 40]>, String> {
        Ok(vec![])
    }

    pub fn load(&mut self, table: &[u8; 512], by_name: HashMap<String, [f64; 33]>) {
        let _ = (table, by_name);
    }

    pub fn samples(&self) -> [f64; SAMPLES] {
        [0.0; SAMPLES]
    }

    pub fn alias(&self) -> Trace {
        [0.0; 50]
    }

    pub fn short(&self) -> [f64; 32] {
        [0.0; 32]
    }
}

#[remote]
pub struct Frame<const N: usize> {
    data: [u8; N],
}

#[remote]
pub struct Page<T> {
    data: [u8; 64],
    rows: Vec<[T; 40]>,
    samples: [f64; SAMPLES],
}

#[remote]
pub fn calibrate(points: [f64; 100]) {
    let _ = points;
}

fn main() {
    let local = Local::new(Digitizer).unwrap();
    DigitizerProxy::new(&local).load(&[0; 512], HashMap::new()).unwrap();
}
