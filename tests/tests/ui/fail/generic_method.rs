use ipc_core::remote;

struct Meter;

#[remote]
impl Meter {
    pub fn read<T: Default>(&mut self) -> Option<T> {
        None
    }

    pub fn fill<const N: usize>(&mut self) {}
}

fn main() {}
