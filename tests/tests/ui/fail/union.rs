use ipc_core::remote;

#[remote]
pub union Bits {
    float: f32,
    bits: u32,
}

#[remote]
pub const LIMIT: u32 = 1;

fn main() {}
