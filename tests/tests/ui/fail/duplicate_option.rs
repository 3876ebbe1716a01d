use ipc_core::remote;

struct Meter;

#[remote]
impl Meter {
    #[remote(unit = "V", unit = "mV")]
    pub fn read(&self) -> f64 {
        1.0
    }

    #[remote(idempotent)]
    #[remote(idempotent)]
    pub fn reset(&self) {}
}

fn main() {}
