use ipc_core::{Local, remote};

struct Meter;

#[remote]
impl Meter {
    pub fn set(&self, #[remote(range = 5..=1)] x: u8) {
        let _ = x;
    }

    pub fn name(&self, name: impl Into<String>) -> String {
        name.into()
    }

    pub fn fill(&self, values: &mut [f64]) -> Result<u32, std::fmt::Error> {
        values.fill(0.0);
        Ok(1)
    }

    #[remote(idempotant)]
    pub fn read(&self) -> u8 {
        1
    }
}

#[remote]
pub trait Reads {
    type Error: std::error::Error;

    fn read(&mut self) -> Result<u8, Self::Error>;

    fn convert(&mut self, x: impl Into<u8>) -> Result<u8, Self::Error>;

    fn open() -> Self
    where
        Self: Sized;

    fn volts(&mut self) -> f64;
}

fn read(reader: &mut impl Reads) -> u8 {
    reader.read().unwrap_or_default()
}

fn main() {
    let caller = Local::new(Meter).unwrap();
    let meter = MeterProxy::new(&caller);
    let _ = (meter.set(1), meter.read());
    let _ = (meter.name("a"), meter.fill(&mut [1.0]));
    read(&mut ReadsProxy::new(&caller));
}
