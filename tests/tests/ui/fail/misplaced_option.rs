use ipc_core::remote;

struct Meter;

#[remote(get)]
impl Meter {
    #[remote(range = 1..=5)]
    pub fn set_range(&mut self, range: u8) {
        let _ = range;
    }

    #[remote(driver = "hardware")]
    pub fn read(&self, #[remote(rename = "n")] samples: u32) -> u32 {
        samples
    }
}

fn main() {}
