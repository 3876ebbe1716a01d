use ipc_core::{CallContext, remote};

struct Laser;

#[remote]
impl Laser {
    #[remote(handle)]
    pub fn shutter(&self) -> u8 {
        1
    }

    #[remote(urgent)]
    pub fn with_self(&self, _shutter: &u8) {}

    #[remote(urgent)]
    pub fn with_nothing() {}

    #[remote(urgent)]
    pub fn by_value(_shutter: u8) {}

    #[remote(urgent)]
    pub fn to_change(_shutter: &mut u8) {}

    #[remote(urgent)]
    pub fn context_first(_ctx: &CallContext, _shutter: &u8) {}

    #[remote(urgent)]
    pub fn with_options(#[remote(unit = "mm")] _shutter: &u8) {}

    #[remote(urgent, get)]
    pub fn position(_shutter: &u8) -> u8 {
        *_shutter
    }

    #[remote(urgent, skip)]
    pub fn hidden(_shutter: &u8) {}

    #[remote(urgent)]
    fn private(_shutter: &u8) {}
}

fn main() {
    let laser = LaserProxy::new(&ipc_core::Local::default());
    let _ = laser.by_value(3);
    let _ = laser.with_options();
    let _ = laser.position();
}
