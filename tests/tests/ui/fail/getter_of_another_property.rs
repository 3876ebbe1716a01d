use ipc_core::remote;


struct Laser;

#[remote]
impl Laser {
    #[remote(get)]
    pub fn is_on(&self) -> bool {
        true
    }

    #[remote(set)]
    pub fn set_on(&mut self, on: bool) {
        let _ = on;
    }
}

struct Meter;

#[remote]
impl Meter {
    #[remote(set)]
    pub fn write_level(&mut self, level: u8) {
        let _ = level;
    }

    #[remote(get)]
    pub fn trigger(&self) -> Result<(), String> {
        Ok(())
    }
}

fn main() {}
