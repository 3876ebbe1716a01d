use ipc_core::remote;

struct Meter;

pub struct MeterProxy;

#[remote]
impl Meter {
    pub fn read(&self) -> u8 {
        1
    }
}

fn main() {}
