use ipc_core::remote;

struct Meter;

#[remote]
impl Meter {
    pub extern "C" fn poke(&mut self, address: usize) {
        let _ = address;
    }
}

fn main() {}
