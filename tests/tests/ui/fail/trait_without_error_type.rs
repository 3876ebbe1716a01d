use ipc_core::remote;


#[remote]
pub trait Reads: std::fmt::Debug {
    fn read(&mut self) -> Result<u8, Self::Error>;

    fn reset(&mut self) -> Result<(), Self::Error>;
}

#[remote]
pub trait Plain {
    fn read(&mut self) -> u8;
}

#[remote]
pub trait Unbounded {
    type Error;

    fn read(&mut self) -> Result<u8, Self::Error>;
}

fn main() {}
