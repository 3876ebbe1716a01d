use ipc_core::remote;

struct Laser;

#[remote]
impl Laser {
    #[remote(urgent)]
    pub fn close(shutter: &u8) -> u8 {
        *shutter
    }
}

struct Stage;

#[remote]
impl Stage {
    #[remote(handle)]
    pub fn port(&self) -> u8 {
        1
    }

    pub fn position(&self) -> u8 {
        1
    }
}

fn main() {
    let local = ipc_core::Local::default();
    let _ = LaserProxy::new(&local).close();
}
