use ipc_core::remote;

struct Meter;

#[remote]
impl Meter {
    #[remote(get)]
    fn range(&self) -> u8 {
        1
    }

    pub fn read(&self) -> u8 {
        1
    }
}

fn main() {}
