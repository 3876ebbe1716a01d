use std::rc::Rc;
use std::sync::mpsc;
use std::time::Instant;

use ipc_core::remote;

pub struct Meter;

#[remote]
impl Meter {
    pub fn started(&self) -> std::time::Instant {
        Instant::now()
    }

    pub fn last(&self) -> Option<Instant> {
        None
    }

    pub fn log(&mut self, file: std::fs::File) {
        let _ = file;
    }

    pub fn readings(&self) -> mpsc::Receiver<f64> {
        mpsc::channel().1
    }

    pub fn shared(&self) -> Rc<u8> {
        Rc::new(1)
    }

    pub fn all(&self, _like: &Rc<u8>) -> Result<Vec<std::rc::Rc<u8>>, String> {
        Ok(vec![])
    }
}

#[remote]
pub struct Reading {
    at: std::time::Instant,
    worker: std::thread::JoinHandle<()>,
    values: Vec<Rc<f64>>,
}

fn main() {}
