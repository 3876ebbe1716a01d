#![deny(dead_code)]

use ipc_core::remote;


pub struct Meter;

#[remote]
impl Meter {
    pub fn read(&self) -> u8 {
        1
    }
}

#[remote(part, proxy = ServiceProxy)]
impl Meter {
    pub fn hours(&self) -> u32 {
        2
    }
}

fn main() {
    let _ = ipc_core::Local::new(Meter).is_ok();
}
