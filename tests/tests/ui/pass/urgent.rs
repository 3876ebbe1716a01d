//! Urgent methods under conditions, in blocks behind a feature, and with names that generated code uses.

#![deny(warnings)]
#![allow(unexpected_cfgs)]

use ipc_core::remote;

pub struct Laser {
    shutter: u8,
}

#[remote(driver = "absent")]
impl Laser {
    #[remote(handle)]
    fn shutter(&self) -> u8 {
        self.shutter
    }

    #[remote(urgent)]
    pub fn close(shutter: &u8) -> u8 {
        *shutter
    }
}

#[derive(Clone)]
pub struct Port<'a>(&'a str);

pub struct Stage;

#[remote]
impl Stage {
    /// The handle may have any type that is `'static`, and any name.
    #[remote(handle)]
    pub fn handle(&self) -> Port<'static> {
        Port("a")
    }

    #[cfg(unix)]
    #[remote(urgent, rename = "stop", idempotent)]
    pub fn halt(handle: &Port<'_>, method: u8, call: u8) -> Result<u8, String> {
        match handle.0.is_empty() {
            true => Ok(method + call),
            false => Err(handle.0.into()),
        }
    }

    #[cfg(not(unix))]
    #[remote(urgent, rename = "stop")]
    pub fn halt_elsewhere(_: &Port<'_>, method: u8, call: u8) -> u8 {
        method + call
    }

    pub fn driver(&self) {}
}

fn main() {
    let laser = Laser { shutter: 1 };
    assert_eq!(laser.shutter, 1);
    let local = ipc_core::Local::new(Stage).unwrap();
    let error = StageProxy::new(&local).halt(1, 2).unwrap_err();
    assert_eq!(error.fault().unwrap().message, "a");
}
