//! What a trait may demand of everything that implements it.
use std::fmt::Debug;

use ipc_core::{BlockingCaller, CallError, Local, remote};

#[remote]
pub trait Everywhere: Send + Sync + Debug + Clone + 'static {
    type Error: std::error::Error + Send + Sync + Clone + PartialEq + 'static;
    fn read(&mut self) -> Result<u8, Self::Error>;
}

#[remote]
pub trait Conditional
where
    Self: Send + 'static,
    Self::Error: Send,
{
    type Error: std::error::Error;
    fn read(&mut self) -> Result<u8, Self::Error>;
}

#[remote]
trait Waits: Send {
    type Error: std::error::Error + Send;
    async fn wait(&mut self) -> Result<u8, Self::Error>;
}

pub trait Named {
    fn name(&self) -> String;
}

/// Its supertrait is implemented for the proxy by hand.
#[remote]
pub trait Reads: Named {
    type Error: std::error::Error;
    fn read(&mut self) -> Result<u8, Self::Error>;
}

impl<C: BlockingCaller> Named for ReadsProxy<C> {
    fn name(&self) -> String {
        "far".into()
    }
}

#[derive(Clone, Debug)]
struct Meter;

impl Everywhere for Meter {
    type Error = std::fmt::Error;
    fn read(&mut self) -> Result<u8, std::fmt::Error> {
        Ok(1)
    }
}

impl Conditional for Meter {
    type Error = std::fmt::Error;
    fn read(&mut self) -> Result<u8, std::fmt::Error> {
        Ok(2)
    }
}

impl Named for Meter {
    fn name(&self) -> String {
        "near".into()
    }
}

impl Reads for Meter {
    type Error = std::fmt::Error;
    fn read(&mut self) -> Result<u8, std::fmt::Error> {
        Ok(3)
    }
}

fn read_elsewhere<M: Everywhere>(mut meter: M) -> Result<u8, M::Error> {
    std::thread::spawn(move || meter.read()).join().unwrap()
}

fn named<M: Reads>(meter: &mut M) -> Result<(String, u8), M::Error> {
    Ok((meter.name(), meter.read()?))
}

fn main() -> Result<(), CallError> {
    let local = Local::new(EverywhereDevice(Meter)).unwrap();
    assert_eq!(EverywhereProxy::new(&local).read()?, 1);
    assert_eq!(read_elsewhere(EverywhereProxy::new(&local)), Ok(1));
    let local = Local::new(ConditionalDevice(Meter)).unwrap();
    assert_eq!(Conditional::read(&mut ConditionalProxy::new(&local))?, 2);
    let local = Local::new(ReadsDevice(Meter)).unwrap();
    assert_eq!(named(&mut ReadsProxy::new(&local))?, ("far".into(), 3));
    assert_eq!(read_elsewhere(Meter), Ok(1));
    Ok(())
}
