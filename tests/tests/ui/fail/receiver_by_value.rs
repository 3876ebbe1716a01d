use ipc_core::remote;

struct Meter;

#[remote]
impl Meter {
    pub fn close(self) {}

    pub fn open(self: Box<Self>) {}
}

fn main() {}
