use ipc_core::{Local, remote};

struct Plain;

impl Plain {
    pub fn read(&self) -> u8 {
        1
    }
}

#[remote]
pub trait Reads {
    type Error: std::error::Error;

    fn read(&mut self) -> Result<u8, Self::Error>;
}

struct Simulation;

impl Reads for Simulation {
    type Error = std::fmt::Error;

    fn read(&mut self) -> Result<u8, std::fmt::Error> {
        Ok(Plain.read())
    }
}

struct OnlyParts;

#[remote(part, proxy = SomePartProxy)]
impl OnlyParts {
    pub fn read(&self) -> u8 {
        1
    }
}

fn main() {
    let _ = Local::new(Plain);
    let _ = Local::new(Simulation);
    let _ = Local::new(OnlyParts);
}
