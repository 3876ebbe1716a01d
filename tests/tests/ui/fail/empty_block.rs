use ipc_core::remote;

struct Meter;

#[remote]
impl Meter {
    pub fn open() -> Self {
        Meter
    }

    fn read(&self) {}
}

fn main() {}
