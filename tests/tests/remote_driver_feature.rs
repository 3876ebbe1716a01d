//! `#[remote(driver = "..")]`: without the feature, neither the driver nor what it needs is there.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

use ipc_core::{Local, Mock, remote};

// Stands for what only a computer with the instrument has.
#[cfg(feature = "hardware")]
mod serial {
    pub struct Port;
    #[derive(Debug)]
    pub struct Lost;
    impl std::fmt::Display for Lost {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("lost")
        }
    }
}

#[cfg(feature = "hardware")]
pub struct Meter(serial::Port);

#[remote(driver = "hardware")]
impl Meter {
    /// Mean voltage.
    pub fn read_voltage(
        &mut self,
        #[remote(range = 1..=9)] samples: u32,
    ) -> Result<f64, serial::Lost> {
        let serial::Port = self.0;
        Ok(samples.into())
    }
}

#[remote(driver = "hardware")]
pub fn both(samples: u32) -> Result<u32, serial::Lost> {
    Ok(samples)
}

#[remote(driver = "hardware")]
pub trait Reads {
    type Error: std::error::Error;
    fn read(&mut self) -> Result<f64, Self::Error>;
}

// Without the feature, the name is free.
#[cfg(not(feature = "hardware"))]
struct ReadsDevice;

#[test]
fn a_trait_and_its_proxy_are_there_without_the_device() {
    let mock = Mock::new(|call| call.answer(0.5));
    assert_eq!(Reads::read(&mut ReadsProxy::new(&mock)), Ok(0.5));
    #[cfg(not(feature = "hardware"))]
    let ReadsDevice = ReadsDevice;
}

#[test]
fn the_proxy_is_there_without_the_driver() {
    let mock = Mock::new(|call| call.answer(0.5));
    assert_eq!(MeterProxy::new(&mock).read_voltage(1), Ok(0.5));
    assert!(
        MeterProxy::new(&mock)
            .read_voltage(0)
            .unwrap_err()
            .is_not_executed()
    );
    let mock = Mock::new(|call| call.answer(3_u32));
    assert_eq!(both::call(&mock, 3), Ok(3));
    let _: Option<MeterProxy<Local>> = None;
}

#[cfg(feature = "hardware")]
#[test]
fn the_driver_is_there_with_the_feature() {
    let local = Local::new(Meter(serial::Port)).unwrap();
    assert_eq!(MeterProxy::new(&local).read_voltage(3), Ok(3.0));
    let _ = both::function();
}
