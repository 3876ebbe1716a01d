use ipc_core::remote;

struct Meter;

#[remote(part, parts(OtherProxy))]
impl Meter {
    pub fn read(&self) {}
}

fn main() {}
