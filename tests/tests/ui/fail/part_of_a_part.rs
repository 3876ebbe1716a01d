use ipc_core::remote;

struct Meter;

#[remote(part, proxy = SomeProxy, parts(OtherProxy))]
impl Meter {
    pub fn read(&self) {}
}

fn main() {}
