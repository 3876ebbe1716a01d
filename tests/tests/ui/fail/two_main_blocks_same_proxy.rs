use ipc_core::remote;

struct Meter;

#[remote]
impl Meter {
    pub fn read(&self) {}
}

#[remote]
impl Meter {
    pub fn hours(&self) {}
}

fn main() {}
