use ipc_core::remote;

struct Meter;

#[remote]
impl Meter {
    #[remote(get)]
    pub fn range(&self) -> u8 {
        1
    }

    #[remote(set)]
    pub fn change_range(&mut self, range: u8) {
        let _ = range;
    }
}

fn main() {}
