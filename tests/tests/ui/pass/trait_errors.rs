//! Errors of drivers behind a trait that arrive as themselves.
use ipc_core::{CallError, Local, remote};

#[remote]
#[derive(Clone, Debug, PartialEq)]
pub enum Jammed {
    Door(u8),
    Shutter,
}

impl std::fmt::Display for Jammed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("jammed")
    }
}

impl std::error::Error for Jammed {}

/// Each driver has an error of its own.
#[remote]
pub trait Open {
    type Error: std::error::Error + serde::Serialize + serde::de::DeserializeOwned;
    fn open(&mut self) -> Result<u8, Self::Error>;
}

/// The same, in a crate that does not depend on serde.
#[remote]
pub trait Shut {
    type Error: std::error::Error + ipc_core::Wire;
    fn shut(&mut self) -> Result<(), Self::Error>;
}

impl Shut for Laser {
    type Error = Jammed;
    fn shut(&mut self) -> Result<(), Jammed> {
        Err(Jammed::Shutter)
    }
}

#[derive(Debug, PartialEq)]
pub enum LaserError {
    Jammed(Jammed),
    Call(CallError),
}

impl From<CallError> for LaserError {
    fn from(error: CallError) -> Self {
        error.downcast().map_or(LaserError::Call(error), LaserError::Jammed)
    }
}

impl std::fmt::Display for LaserError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

pub struct Laser;

impl Open for Laser {
    type Error = Jammed;
    fn open(&mut self) -> Result<u8, Jammed> {
        Err(Jammed::Door(3))
    }
}

/// What opens lasers that are connected elsewhere.
pub struct Relay(OpenProxy<Local>);

impl Open for Relay {
    type Error = CallError;
    fn open(&mut self) -> Result<u8, CallError> {
        Open::open(&mut self.0)
    }
}

fn main() {
    let mut far = OpenProxy::new(&Local::new(OpenDevice(Laser)).unwrap());
    let error = Open::open(&mut far).unwrap_err();
    assert_eq!(error.downcast(), Some(Jammed::Door(3)));
    assert_eq!(LaserError::from(error), LaserError::Jammed(Jammed::Door(3)));

    let far_shutter = ShutProxy::new(&Local::new(ShutDevice(Laser)).unwrap());
    assert_eq!(far_shutter.shut().unwrap_err().downcast(), Some(Jammed::Shutter));

    let mut farther = OpenProxy::new(&Local::new(OpenDevice(Relay(far))).unwrap());
    let error: CallError = Open::open(&mut farther).unwrap_err().downcast().unwrap();
    assert_eq!(error.downcast(), Some(Jammed::Door(3)));
}
