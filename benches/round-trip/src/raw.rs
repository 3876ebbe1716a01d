//! TCP with nothing around it: the floor.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::contenders::{Contender, array};
use crate::{ARRAY_LEN, Failure};

/// One byte says what is wanted: a number back, or the array.
pub fn serve() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    let (mut stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    let bytes: Vec<u8> = array().iter().flat_map(|v| v.to_le_bytes()).collect();
    let mut request = [0; 32];
    loop {
        match stream.read(&mut request)? {
            0 => return Ok(()),
            1 => stream.write_all(&bytes)?,
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
        let mut bytes = vec![0; ARRAY_LEN * 8];
        self.0.read_exact(&mut bytes)?;
        Ok(bytes.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect())
    }
}
