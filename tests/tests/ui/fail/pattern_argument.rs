use ipc_core::remote;

struct Meter;

#[remote]
impl Meter {
    pub fn aim(&mut self, (x, y): (f64, f64)) -> f64 {
        x + y
    }

    pub fn wait(&mut self, _: u32) {}
}

fn main() {}
