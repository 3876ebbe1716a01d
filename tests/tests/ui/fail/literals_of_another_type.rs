use ipc_core::remote;


struct Meter;

#[remote]
impl Meter {
    pub fn texts(&self, #[remote(one_of = ["a", "b"])] x: u8) {
        let _ = x;
    }

    pub fn numbers(&self, #[remote(one_of = [1, 2])] x: &str) {
        let _ = x;
    }

    pub fn integers(&self, #[remote(one_of = [0.5, 1])] x: f64) {
        let _ = x;
    }

    pub fn fractions(&self, #[remote(range = 1.0..=5.0)] x: u8) {
        let _ = x;
    }

    pub fn too_large(&self, #[remote(default = 300, range = -1..=255)] x: u8) {
        let _ = x;
    }

    pub fn two_bounds(&self, #[remote(range = 1, 5)] x: u8) {
        let _ = x;
    }
}

fn main() {}
