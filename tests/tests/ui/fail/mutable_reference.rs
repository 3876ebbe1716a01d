use ipc_core::remote;

struct Meter;

#[remote]
impl Meter {
    pub fn fill(&self, buffer: &mut [f64]) {
        buffer.fill(0.0);
    }
}

fn main() {}
