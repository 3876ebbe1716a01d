use ipc_core::remote;

struct Meter;

pub struct Settings;

#[remote]
impl Meter {
    pub fn settings(&self) -> Result<Settings, String> {
        Ok(Settings)
    }
}

fn main() {}
