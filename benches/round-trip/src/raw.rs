//! Plain TCP, the lower bound. An array is read straight into its destination.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::contenders::{Contender, array};
use crate::{ARRAY_LEN, Failure};

/// Serves requests of one byte, which asks for a number or for the array.
pub fn serve() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    let (mut stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    let array = array();
    let mut request = [0; 32];
    loop {
        match stream.read(&mut request)? {
            0 => return Ok(()),
// Allocated for each call, as by the drivers here.
            1 => stream.write_all(bytemuck::cast_slice(&array.clone()))?,
            _ => stream.write_all(&f64::from(u32::from_le_bytes([request[0], request[1], request[2], request[3]])).to_le_bytes())?,
        }
    }
}

/// The client of [`serve`].
pub struct Raw(TcpStream);

impl Raw {
    /// Connects.
    pub fn connect(address: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self(stream))
    }
}

impl Contender for Raw {
    fn small(&mut self, n: u32) -> Result<f64, Failure> {
        self.0.write_all(&n.to_le_bytes())?;
        let mut answer = [0; 32];
        self.0.read(&mut answer)?;
        let mut value = [0; 8];
        value.copy_from_slice(&answer[..8]);
        Ok(f64::from_le_bytes(value))
    }

    fn array(&mut self) -> Result<Vec<f64>, Failure> {
        self.0.write_all(&[0])?;
        let mut values = vec![0.0; ARRAY_LEN];
        self.0.read_exact(bytemuck::cast_slice_mut(&mut values))?;
        Ok(values)
    }
}
