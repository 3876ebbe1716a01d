//! The server, for the lab host: `shutter-host 0.0.0.0 /dev/ttyUSB0`; without the last argument, the shutter is
//! simulated.

use std::error::Error;
use std::io::{self, Read, Write};

use ipc_server::{Device, Server};
use shutter::Shutter;

/// A shutter that answers every command with one byte.
struct Simulated;

impl Read for Simulated {
    fn read(&mut self, answer: &mut [u8]) -> io::Result<usize> {
        answer.fill(b'!');
        Ok(answer.len())
    }
}

impl Write for Simulated {
    fn write(&mut self, command: &[u8]) -> io::Result<usize> {
        Ok(command.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1".into());
    let shutter = match arguments.next() {
        Some(port) => Device::new(Shutter::open(&port)?),
        None => Device::new(Shutter::new(Simulated)),
    };
    Ok(Server::builder().bind(&address).device(shutter).run()?)
}
