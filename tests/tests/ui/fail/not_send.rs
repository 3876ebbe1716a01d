use std::rc::Rc;

use ipc_core::{Local, remote};

struct Cache(Rc<u8>);

pub struct Meter {
    cache: Cache,
}

#[remote]
impl Meter {
    pub fn read(&self) -> u8 {
        *self.cache.0
    }
}

#[remote]
pub trait Reads {
    type Error: std::error::Error;

    fn read(&mut self) -> Result<u8, Self::Error>;
}

impl Reads for Cache {
    type Error = std::fmt::Error;

    fn read(&mut self) -> Result<u8, std::fmt::Error> {
        Ok(*self.0)
    }
}

pub struct Buffer<T>(T);

#[remote]
impl<T> Buffer<T> {
    pub fn size(&self) -> usize {
        size_of::<T>()
    }
}

fn main() {
    // A device on a thread of its own may be like this, so it is said where the driver is served.
    let meter = Meter { cache: Cache(Rc::new(1)) };
    let _ = MeterProxy::new(&Local::new(meter).unwrap()).read();
    let _ = Local::new(ReadsDevice(Cache(Rc::new(1))));
    let _ = Local::new(Buffer(Cache(Rc::new(1))));
}
