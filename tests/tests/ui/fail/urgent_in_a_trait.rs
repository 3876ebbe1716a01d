use ipc_core::remote;

#[remote]
pub trait Shutter {
    type Error: std::error::Error;

    fn open(&mut self) -> Result<(), Self::Error>;

    #[remote(urgent)]
    fn close(handle: &u8) -> Result<(), Self::Error>;

    #[remote(handle)]
    fn handle(&self) -> u8;
}

#[remote(urgent)]
pub fn stop(_handle: &u8) {}

fn main() {}
