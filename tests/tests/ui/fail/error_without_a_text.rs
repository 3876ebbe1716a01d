use ipc_core::remote;

struct Meter;

pub struct Broken;

#[remote]
impl Meter {
    pub fn settings(&self) -> Result<u8, Broken> {
        Err(Broken)
    }
}

fn main() {}
