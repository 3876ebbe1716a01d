use ipc_core::remote;

struct Meter;

pub struct Settings;

#[remote]
impl Meter {
    #[remote(gett)]
    pub fn range(&self) -> u8 {
        1
    }

    pub fn aim(&mut self, (x, y): (f64, f64)) -> f64 {
        x + y
    }

    pub fn name(&self) -> &str {
        "meter"
    }

    pub fn good(&self) -> u8 {
        1
    }
}

fn uses(meter: &MeterProxy<ipc_core::Local>) -> Result<u8, ipc_core::CallError> {
    meter.good()
}

fn main() {}
