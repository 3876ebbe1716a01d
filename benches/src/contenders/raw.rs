//! Plain TCP, the reference: a length, a kind and the bytes, by the standard library alone.
//!
//! The server copies the reply for each call, as a driver makes its data anew, and the client reads it into a fresh vector.

use std::io::{BufReader, IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytemuck::{cast_slice, cast_slice_mut};

use super::{Contender, Target};
use crate::data::{Argument, Failure, Reply, Shape, receipt, samples, small};
use crate::works::Work;

const SMALL: u8 = 0;
const REPLY: u8 = 1;
const TAKE: u8 = 2;

/// Serves one connection after the other.
pub fn serve(work: &Work) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    let reply = samples(work.size);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // A client that leaves ends its connection with an error of the read.
            let _ = stream
                .map_err(Failure::from)
                .and_then(|stream| answer(stream, &reply));
        }
    });
    crate::process::wait_for_parent()
}

fn answer(mut stream: TcpStream, reply: &[f64]) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let (length, kind) = read_head(&mut reader)?;
        match kind {
            SMALL => {
                let mut number = [0; 4];
                reader.read_exact(&mut number)?;
                let value = small(u32::from_le_bytes(number)).to_le_bytes();
                send(&mut stream, kind, &value)?;
            }
            REPLY => {
                let reply = reply.to_vec();
                send(&mut stream, kind, cast_slice(&reply))?;
            }
            _ => {
                let mut samples = vec![0.0; length / 8];
                reader.read_exact(cast_slice_mut(&mut samples))?;
                send(&mut stream, kind, &receipt(&samples).to_le_bytes())?;
            }
        }
    }
}

fn read_head(reader: &mut impl Read) -> Result<(usize, u8), Failure> {
    let mut head = [0; 5];
    reader.read_exact(&mut head)?;
    let [a, b, c, d, kind] = head;
    Ok((usize::try_from(u32::from_le_bytes([a, b, c, d]))?, kind))
}

/// Head and payload in one write, from where they lie.
fn send(stream: &mut TcpStream, kind: u8, payload: &[u8]) -> Result<(), Failure> {
    let [a, b, c, d] = u32::try_from(payload.len())?.to_le_bytes();
    let head = [a, b, c, d, kind];
    let written = stream.write_vectored(&[IoSlice::new(&head), IoSlice::new(payload)])?;
    stream.write_all(head.get(written..).unwrap_or_default())?;
    let written = written.saturating_sub(head.len());
    stream.write_all(payload.get(written..).unwrap_or_default())?;
    Ok(())
}

/// The client of [`serve`].
pub struct Raw(Mutex<(TcpStream, BufReader<TcpStream>)>);

impl Raw {
    fn call(&self, n: u32) -> Result<f64, Failure> {
        self.with(|stream, reader| {
            send(stream, SMALL, &n.to_le_bytes())?;
            number(reader)
        })
    }

    /// The reference for many calls at once: what they take without any help.
    fn one_after_the_other(&self, calls: u32) -> Result<(), Failure> {
        (0..calls).try_for_each(|n| match self.call(n)? == small(n) {
            true => Ok(()),
            false => Err("the answer is wrong".into()),
        })
    }

    fn with<T>(
        &self,
        call: impl FnOnce(&mut TcpStream, &mut BufReader<TcpStream>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (stream, reader) = &mut *connection;
        call(stream, reader)
    }
}

fn number(reader: &mut impl Read) -> Result<f64, Failure> {
    read_head(reader)?;
    let mut value = [0; 8];
    reader.read_exact(&mut value)?;
    Ok(f64::from_le_bytes(value))
}

impl Contender for Raw {
    /// Bytes are bytes.
    fn expected(work: &Work) -> Reply {
        Reply::of(Shape::Samples, work.size)
    }

    async fn pause(time: Duration) {
        std::thread::sleep(time);
    }

    async fn connect(target: &Target) -> Result<Self, Failure> {
        let stream = TcpStream::connect(&target.address)?;
        stream.set_nodelay(true)?;
        let reader = BufReader::new(stream.try_clone()?);
        Ok(Self(Mutex::new((stream, reader))))
    }

    async fn small(&self, n: u32) -> Result<f64, Failure> {
        self.call(n)
    }

    async fn reply(&self, _shape: Shape) -> Result<Reply, Failure> {
        self.with(|stream, reader| {
            send(stream, REPLY, &[])?;
            let (length, _) = read_head(reader)?;
            let mut samples = vec![0.0; length / 8];
            reader.read_exact(cast_slice_mut(&mut samples))?;
            Ok(Reply::Samples(samples))
        })
    }

    async fn take(&self, argument: Argument) -> Result<f64, Failure> {
        let (Argument::Samples(samples)
        | Argument::Waveform(crate::data::Waveform { samples, .. })) = argument;
        self.with(|stream, reader| {
            send(stream, TAKE, cast_slice(&samples))?;
            number(reader)
        })
    }

    async fn in_flight(self: &Arc<Self>, width: u32, each: u32) -> Result<(), Failure> {
        self.one_after_the_other(width * each)
    }

    fn threads(&self, threads: u32, each: u32) -> Result<(), Failure> {
        self.one_after_the_other(threads * each)
    }
}
