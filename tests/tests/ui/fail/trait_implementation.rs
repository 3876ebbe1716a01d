use ipc_core::remote;

struct Meter;

pub trait Reads {
    fn read(&self) -> u8;
}

#[remote]
impl Reads for Meter {
    fn read(&self) -> u8 {
        1
    }
}

fn main() {}
