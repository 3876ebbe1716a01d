use ipc_core::remote;

#[remote]
pub trait Reads<T> {
    fn read(&mut self) -> Result<T, ipc_core::CallError>;
}

fn main() {}
