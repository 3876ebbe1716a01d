use ipc_core::remote;

struct Meter;

pub struct Settings;

#[remote]
impl Meter {
    pub fn configure(&mut self, settings: Settings) -> Settings {
        settings
    }
}

fn main() {}
