use std::cell::Cell;
use std::rc::Rc;

use ipc_core::remote;

struct Laser {
    shutter: Rc<Cell<bool>>,
}

#[remote]
impl Laser {
    #[remote(handle)]
    pub fn shutter(&self) -> Rc<Cell<bool>> {
        self.shutter.clone()
    }

    #[remote(urgent)]
    pub fn close(shutter: &Rc<Cell<bool>>) {
        shutter.set(false);
    }
}

struct Stage;

#[remote]
impl Stage {
    #[remote(handle)]
    pub fn port(&self) -> u8 {
        1
    }

    #[remote(urgent)]
    pub fn halt(_port: &u16) {}
}

fn main() {}
