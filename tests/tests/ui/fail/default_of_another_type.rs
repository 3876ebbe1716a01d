use ipc_core::remote;

struct Meter;

#[remote]
impl Meter {
    pub fn read(&self, #[remote(default = "many")] samples: u32) -> u32 {
        samples
    }
}

fn main() {}
