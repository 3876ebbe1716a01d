use ipc_core::remote;

struct Meter;

#[remote]
impl Meter {
    #[remote(set)]
    pub fn set_range(&mut self, range: u8) {
        let _ = range;
    }

    pub fn range(&self) -> u8 {
        1
    }
}

fn main() {}
