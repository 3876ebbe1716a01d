use ipc_core::remote;

struct Meter;

#[remote]
impl Meter {
    pub fn mode(&self, #[remote(range = 1..=5)] mode: String) {
        let _ = mode;
    }
}

fn main() {}
