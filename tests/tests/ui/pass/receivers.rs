//! All ways to write that a method borrows its driver.
use ipc_core::{Local, remote};

pub struct Meter<T>(T);

#[remote]
impl Meter<u8> {
    pub fn a(self: &Self) -> u8 {
        self.0
    }

    pub fn b(self: &mut Self) -> u8 {
        self.0
    }

    pub fn c(self: &Meter<u8>) -> u8 {
        self.0
    }

    pub fn d(self: &mut Meter<u8>) {
        self.0 += 1;
    }
}

#[remote]
pub trait Reads {
    type Error: std::error::Error;
    fn read(self: &mut Self) -> Result<u8, Self::Error>;
}

impl Reads for Meter<u8> {
    type Error = std::fmt::Error;
    fn read(&mut self) -> Result<u8, std::fmt::Error> {
        Ok(self.0)
    }
}

fn main() {
    let meter = MeterProxy::new(&Local::new(Meter(1)).unwrap());
    meter.d().unwrap();
    assert_eq!((meter.a(), meter.b(), meter.c()), (Ok(2), Ok(2), Ok(2)));
    let mut meter = ReadsProxy::new(&Local::new(ReadsDevice(Meter(1))).unwrap());
    assert_eq!(Reads::read(&mut meter), Ok(1));
}
