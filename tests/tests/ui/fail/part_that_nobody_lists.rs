use ipc_core::remote;


struct Meter;

#[remote]
impl Meter {
    pub fn read(&self) -> u8 {
        1
    }
}

#[remote(part, proxy = ServiceProxy)]
impl Meter {
    pub fn hours(&self) -> u32 {
        2
    }
}

fn main() {}
