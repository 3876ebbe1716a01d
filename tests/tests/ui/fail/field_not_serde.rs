use ipc_core::remote;

pub struct Foreign;

#[remote]
pub struct Settings {
    name: String,
    foreign: Foreign,
}

fn main() {}
