use ipc_core::remote;

#[remote]
pub trait Reads {
    fn open() -> Self
    where
        Self: Sized,
    {
        unimplemented!()
    }
}

fn main() {}
