use ipc_core::remote;

struct Meter;

pub struct Shared(std::rc::Rc<u8>);

#[remote]
impl Shared {
    pub fn read(&self) -> u8 {
        *self.0
    }
}

fn main() {}
