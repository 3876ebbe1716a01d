use ipc_core::remote;

struct Meter;

#[remote]
impl Meter {
    #[remote(get)]
    pub fn range() -> u8 {
        1
    }

    pub fn read(&self) -> u8 {
        1
    }
}

fn main() {}
