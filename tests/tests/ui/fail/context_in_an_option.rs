use ipc_core::{CallContext, remote};

struct Meter;

#[remote]
impl Meter {
    pub fn read(&self, ctx: Option<&CallContext>) {
        let _ = ctx;
    }
}

fn main() {}
