use ipc_core::remote;

struct Meter;

#[remote]
impl Meter {
    #[remote(get)]
    pub fn range(&self, channel: u8) -> u8 {
        channel
    }

    #[remote(get)]
    pub fn nothing(&self) {}
}

fn main() {}
