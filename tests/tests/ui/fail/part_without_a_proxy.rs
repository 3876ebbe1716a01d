use ipc_core::remote;


struct Meter;

#[remote(parts(ServiceProxy))]
impl Meter {
    pub fn read(&self) -> u8 {
        1
    }
}

#[remote(part)]
impl Meter {
    pub fn hours(&self) -> u32 {
        2
    }
}

struct Laser;

#[remote(part)]
impl Laser {
    pub fn hours(&self) -> u32 {
        2
    }
}

fn main() {}
