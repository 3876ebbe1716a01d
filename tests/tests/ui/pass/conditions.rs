#![allow(dead_code)]
use ipc_core::{Local, Remote, remote};

pub struct Meter;

#[remote]
#[cfg(all())]
impl Meter {
    #[cfg(any())]
    pub fn first(&self) -> Nothing {}

    pub fn second(&self) -> u8 { 2 }

    #[cfg(all())]
    #[remote(get)]
    pub fn third(&self) -> u8 { 3 }

    #[cfg(any())]
    #[remote(set)]
    pub fn set_third(&mut self, value: Nothing) {}

    #[cfg(all())]
    pub fn either(&self) -> u8 { 4 }

    #[cfg(not(all()))]
    pub fn either(&self) -> u16 { 5 }
}

#[remote]
#[cfg(any())]
impl Nobody {
    pub fn second(&self) -> u8 { 2 }
}

#[remote]
#[cfg(any())]
pub struct Absent {
    field: Nothing,
}

#[remote]
pub enum Mode {
    Slow,
    #[cfg(any())]
    Never(Nothing),
    #[cfg(all())]
    Fast { #[cfg(any())] never: Nothing, #[cfg(all())] speed: f64 },
}

fn main() {
    let meter = MeterProxy::new(&Local::new(Meter).unwrap());
    assert_eq!((meter.second(), meter.third(), meter.either()), (Ok(2), Ok(3), Ok(4)));
    assert_eq!(Meter::interface().methods.len(), 3);
}
