//! A default that would be refused.

use ipc_core::remote;

pub struct Scope;

#[remote]
impl Scope {
    pub fn average(&mut self, #[remote(default = 0, range = 1..=5)] times: u8) {
        let _ = times;
    }

    pub fn gain(&mut self, #[remote(default = 2.5, range = -2.5..2.5)] gain: f64) {
        let _ = gain;
    }

    pub fn couple(&mut self, #[remote(default = "cd", one_of = ["ac", "dc"])] mode: &str) {
        let _ = mode;
    }

    pub fn fine(
        &mut self,
        #[remote(default = 1, range = 1..=5)] times: u8,
        #[remote(default = "dc", one_of = ["ac", "dc"])] mode: &str,
    ) {
        let _ = (times, mode);
    }
}

fn main() {}
