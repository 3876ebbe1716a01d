use ipc_core::remote;

struct Meter;

#[remote]
impl Meter {
    pub async unsafe fn poke(&mut self) {}

    pub async fn name(&mut self) -> &str {
        "meter"
    }
}

fn main() {}
