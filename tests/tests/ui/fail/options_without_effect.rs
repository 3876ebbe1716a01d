use ipc_core::remote;

struct Meter;

#[remote(parts())]
impl Meter {
    #[remote(get)]
    pub fn wavelength(&self) -> f64 {
        532.0
    }

    #[remote(set, unit = "nm")]
    pub fn set_wavelength(&mut self, wavelength: f64) {
        let _ = wavelength;
    }

    #[remote(unit = "mm")]
    pub fn go_to(&mut self, target: &f64, fast: bool) -> Result<(), String> {
        let _ = (target, fast);
        Ok(())
    }

    #[remote(unit = "V")]
    pub fn zero(&mut self) {}

    #[remote(unit = "")]
    pub fn power(&self, #[remote(range = 0..=255)] gain: u8, #[remote(range = 0..)] samples: Option<u32>) -> f64 {
        let _ = (gain, samples);
        0.5
    }
}

#[remote]
pub trait Shutter {
    type Error: std::error::Error;

    #[remote(unit = "s")]
    fn open(&mut self) -> Result<(), Self::Error>;

    #[remote(skip, unit = "s")]
    fn age(&self) -> f64 {
        0.5
    }
}

#[remote(unit = "V", driver = "")]
pub fn set_level(level: f64) {
    let _ = level;
}

#[remote]
pub struct Reading {
    volts: f64,
    #[serde(skip)]
    #[remote(unit = "s")]
    age: f64,
}

fn main() {}
