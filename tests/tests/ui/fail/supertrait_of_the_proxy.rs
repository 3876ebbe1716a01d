use ipc_core::{Local, remote};

pub trait Named {
    fn name(&self) -> String;
}

#[remote]
pub trait Reads: Named {
    type Error: std::error::Error;

    fn read(&mut self) -> Result<u8, Self::Error>;
}

fn read<R: Reads>(_: &mut R) {}

fn main() {
    read(&mut ReadsProxy::new(&Local::default()));
}
