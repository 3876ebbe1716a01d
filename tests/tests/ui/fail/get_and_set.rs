use ipc_core::remote;

struct Meter;

#[remote]
impl Meter {
    #[remote(get, set)]
    pub fn set_range(&mut self) -> u8 {
        1
    }
}

fn main() {}
