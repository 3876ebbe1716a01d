use ipc_core::remote;


struct Meter;

pub struct MeterProxy;

#[remote]
impl Meter {
    pub fn read(&self) -> u8 {
        1
    }
}

pub struct ReadsDevice;

#[remote]
pub trait Reads {
    type Error: std::error::Error;

    fn read(&mut self) -> Result<u8, Self::Error>;
}

mod add {}

#[remote]
pub fn add(a: f64, b: f64) -> f64 {
    a + b
}

fn main() {}
