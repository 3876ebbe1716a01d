use ipc_core::remote;

struct Meter;

pub struct Settings;
type Answer = std::io::Result<Settings>;

#[remote]
impl Meter {
    pub fn settings(&self) -> Answer {
        Ok(Settings)
    }
}

fn main() {}
