use ipc_core::remote;

struct Meter;

#[remote]
impl Meter {
    pub fn write(&mut self, text: impl Into<String>) {
        let _ = text.into();
    }

    pub fn values(&self) -> impl Iterator<Item = u8> {
        [1].into_iter()
    }
}

fn main() {}
