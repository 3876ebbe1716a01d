use ipc_core::remote;

struct Meter;

use ipc_core::CallContext;

#[remote]
impl Meter {
    pub fn twice(&self, ctx: &CallContext, again: &CallContext) {
        let _ = (ctx, again);
    }

    pub fn by_value(&self, ctx: CallContext) {
        let _ = ctx;
    }

    pub fn described(&self, #[remote(default = 1)] ctx: &CallContext) {
        let _ = ctx;
    }
}

fn main() {}
