use ipc_core::remote;

#[remote]
pub struct Inputs;

#[remote]
pub trait Reads {
    fn inputs(&mut self) -> Inputs;

    fn named(&mut self) -> std::io::Result<Inputs>;
}

fn main() {}
