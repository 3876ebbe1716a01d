use ipc_core::remote;

struct Meter;

#[remote]
impl Meter {
    #[remote(get)]
    pub fn range(&self) -> u8 {
        1
    }

    #[remote(set)]
    pub fn set_range(&mut self, channel: u8, range: u8) {
        let _ = (channel, range);
    }

    #[remote(set)]
    pub fn set_default(&mut self) {}
}

fn main() {}
