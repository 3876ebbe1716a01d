//! The library under another name.
extern crate ipc_core as lab;

mod reexport {
    pub use lab::*;
}

struct Meter;

#[lab::remote(crate = crate::reexport)]
impl Meter {
    pub fn read(&self, #[remote(default = 1)] n: u32) -> Reading { Reading { n } }
}

#[reexport::remote(crate = lab)]
pub struct Reading { n: u32 }

#[reexport::remote(crate = lab)]
fn add(n: u32) -> u32 { n }

#[reexport::remote(crate = lab)]
trait Reads {
    fn read(&self) -> Result<Reading, lab::CallError>;
}

fn main() {
    let meter = MeterProxy::new(&lab::Local::new(Meter).unwrap());
    assert_eq!(meter.read(7).unwrap().n, 7);
}
