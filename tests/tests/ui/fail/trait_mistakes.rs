use ipc_core::remote;

#[remote]
pub trait Reads {
    type Error;
    type Sample;

    const KIND: u8;

    fn read<T>(&mut self) -> Result<T, Self::Error>;

    fn volts(&mut self) -> f64;

    fn open() -> Result<u8, Self::Error>;

    fn close(self) -> Result<(), Self::Error>;

    fn copy(&self) -> Result<Self, Self::Error>
    where
        Self: Sized;

    #[remote(skip)]
    fn hidden(&self) -> Result<(), Self::Error>;
}

fn main() {}
