//! Drivers and arguments that are called like types and names of this library.
#![allow(dead_code)]

use ipc_core::remote;

pub struct Client;
pub struct Server;
pub struct Stub;
pub struct Interface;
pub struct C;
pub struct T;
pub struct Remote;
pub struct Invocation;
pub struct Caller;

#[remote]
impl Client {
    pub fn call(&self, call: u8, stub: &Stub2, caller: u8, prefix: &str, driver: u8, method: u8, value: u8) -> u8 {
        let _ = (stub, prefix);
        call + caller + driver + method + value
    }
}

#[remote]
pub struct Stub2;

#[remote]
impl Server {
    pub fn interface(&self) {}
    pub fn dispatch(&mut self, invocation: u8, error: u8, result: u8) {
        let _ = (invocation, error, result);
    }
}

#[remote]
impl Stub {
    pub fn begin(&self) {}
    pub fn send(&self) {}
}

#[remote]
impl Interface {
    pub fn methods(&self) {}
}

#[remote]
impl C {
    pub fn read(&self) {}
}

#[remote]
impl T {
    pub fn read(&self) {}
}

#[remote]
impl Remote {
    pub fn read(&self) {}
}

#[remote]
impl Invocation {
    pub fn argument(&self, low: u8, #[remote(range = 1..=9)] high: u8) {
        let _ = (low, high);
    }
}

#[remote]
impl Caller {
    pub fn wait(&self) {}
}

fn main() {}
