use ipc_core::remote;

struct Meter;

#[remote]
impl Meter {
    #[remote(unit)]
    pub fn read(&self) -> f64 {
        1.0
    }

    #[remote(idempotent = true)]
    pub fn reset(&self) {}

    #[remote(rename = volts)]
    pub fn volts(&self) {}

    #[remote(rename = "in volts")]
    pub fn in_volts(&self) {}

    #[remote]
    pub fn bare(&self) {}
}

fn main() {}
