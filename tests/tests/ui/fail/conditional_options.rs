use ipc_core::remote;

struct Meter;

#[remote]
impl Meter {
    #[cfg_attr(all(), remote(skip))]
    pub fn hidden(&self) {}

    pub fn read(&self, #[cfg_attr(all(), remote(default = 1))] _samples: u32) {}

    #[cfg_attr(all(), cfg_attr(all(), deprecated, remote(get)))]
    pub fn range(&self) -> u8 {
        1
    }

    pub fn set(&self, #[cfg_attr(all(), cfg(any()))] _odd: u8) {}
}

#[remote]
pub struct Reading {
    #[cfg_attr(all(), remote(unit = "V"))]
    volts: f64,
}

fn main() {}
