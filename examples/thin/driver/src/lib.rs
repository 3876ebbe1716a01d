//! A shutter on a serial line. Without the feature `hardware`, only its proxy is built.

use ipc_core::remote;

#[cfg(feature = "hardware")]
mod hardware {
    use std::time::Duration;

    use serialport::SerialPort;

    /// The driver, on a serial port or on a simulated one.
    pub struct Shutter<P> {
        pub(crate) port: P,
        pub(crate) is_open: bool,
    }

    impl<P> Shutter<P> {
        pub fn new(port: P) -> Self {
            let is_open = false;
            Self { port, is_open }
        }
    }

    impl Shutter<Box<dyn SerialPort>> {
        pub fn open(path: &str) -> serialport::Result<Self> {
            let port = serialport::new(path, 9600).timeout(Duration::from_secs(1));
            Ok(Self::new(port.open()?))
        }
    }
}

#[cfg(feature = "hardware")]
pub use hardware::Shutter;

/// Position of the shutter.
#[remote]
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Position {
    Open,
    Closed,
}

/// A shutter in the beam.
#[remote(driver = "hardware")]
impl<P: std::io::Read + std::io::Write> Shutter<P> {
    /// Position.
    #[remote(get)]
    pub fn position(&self) -> Position {
        match self.is_open {
            true => Position::Open,
            false => Position::Closed,
        }
    }

    /// Moves the shutter and waits until it is there.
    pub fn go(&mut self, position: Position) -> std::io::Result<()> {
        self.is_open = position == Position::Open;
        let command = if self.is_open { b"O" } else { b"C" };
        self.port.write_all(command)?;
        self.port.read_exact(&mut [0])
    }
}
