use ipc_core::remote;

struct Meter;

#[remote]
impl Meter {
    pub fn number(&self, #[remote(range = 5)] x: u8) {
        let _ = x;
    }

    pub fn backwards(&self, #[remote(range = 5..=1)] x: u8) {
        let _ = x;
    }

    pub fn everything(&self, #[remote(range = ..)] x: u8) {
        let _ = x;
    }

    pub fn integers(&self, #[remote(range = 0..=10)] x: f64) {
        let _ = x;
    }

    pub fn both(&self, #[remote(range = 0..=10, one_of = [1, 2])] x: u8) {
        let _ = x;
    }
}

fn main() {}
