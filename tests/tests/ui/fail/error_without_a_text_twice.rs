use ipc_core::remote;


struct Meter;

pub struct Broken;

type Outcome<T> = Result<T, Broken>;

#[remote]
impl Meter {
    pub fn read(&self) -> Result<u8, Broken> {
        Err(Broken)
    }

    pub fn reset(&self) -> Result<(), Broken> {
        Err(Broken)
    }

    pub fn outcome(&self) -> Outcome<u8> {
        Err(Broken)
    }

    pub fn other_outcome(&self) -> Outcome<u8> {
        Err(Broken)
    }
}

fn main() {}
