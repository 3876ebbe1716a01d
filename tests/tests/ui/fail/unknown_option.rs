use ipc_core::remote;

struct Meter;

#[remote(drivers = "hardware")]
impl Meter {
    #[remote(gett)]
    pub fn range(&self) -> u8 {
        1
    }

    pub fn read(&self, #[remote(rage = 1..=5)] samples: u32) -> u32 {
        samples
    }
}

fn main() {}
