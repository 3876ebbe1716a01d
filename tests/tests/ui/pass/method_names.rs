//! Methods that are called like methods of clients and of proxies.
use ipc_core::{Local, Proxy, remote};

pub struct Meter;

#[remote]
impl Meter {
    pub fn read(&self) -> u8 { 1 }
    pub fn write(&mut self) {}
    pub fn close(&mut self) {}
    pub fn connect(&mut self) {}
    pub fn call(&mut self) {}
    pub fn help(&self) -> String { "help".into() }
    pub fn describe(&self) {}
    #[remote(get)]
    pub fn get(&self) -> u8 { 2 }
    pub fn new(&self) -> u8 { 3 }
    pub fn with_prefix(&self, prefix: u8) -> u8 { prefix }
    pub fn clone(&self) -> u8 { 4 }
    pub fn fmt(&self) {}
    pub fn drop(&mut self) {}
    pub fn interface(&self) -> u8 { 6 }
}

fn main() {
    let meter = <MeterProxy<_> as Proxy<Local>>::new(&Local::new(Meter).unwrap());
    assert_eq!((meter.read(), meter.get(), meter.new()), (Ok(1), Ok(2), Ok(3)));
    assert_eq!((meter.with_prefix(7), meter.clone()), (Ok(7), Ok(4)));
    assert_eq!(meter.interface(), Ok(6));
}
