//! What the task of an async client waits for.

use std::io;
use std::pin::Pin;
use std::time::Instant;

use ipc_core::session::link::FIRST_READ_SIZE;
use ipc_core::wire::frame::PartialFrame;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// Where the next bytes are read to.
pub(super) struct Reading {
    pub(super) buffer: Vec<u8>,
    /// A long frame to read into, in place of the buffer.
    pub(super) partial: Option<PartialFrame>,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            buffer: vec![0; FIRST_READ_SIZE],
            partial: None,
        }
    }
}

/// Waits for bytes, and returns the result of reading them, or `None` if there may be room to write.
///
/// Nothing is lost if the future is dropped.
pub(super) async fn exchange(
    stream: Option<&mut TcpStream>,
    reading: &mut Reading,
    wants_write: bool,
) -> Option<io::Result<usize>> {
    let stream = stream?;
    let (mut reads, writes) = stream.split();
    let read = async {
        match &mut reading.partial {
            Some(partial) => reads.read(partial.room()).await,
            None => reads.read(&mut reading.buffer).await,
        }
    };
    if !wants_write {
        return Some(read.await);
    }
    tokio::select! {
        result = read => Some(result),
        // An error shows when it is written to.
        _ = writes.writable() => None,
    }
}

/// Wakes the task when something is due.
#[derive(Default)]
pub(super) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Waits until `due`, or ends sooner. An alarm that is set for earlier is left as it is, because most calls end long
    /// before they are due, and setting it costs more than ringing for nothing now and then.
    pub(super) async fn at(&mut self, due: Option<Instant>) {
        let Some(due) = due else { return };
        let sleep = match &mut self.0 {
            Some(sleep) if sleep.deadline().into_std() <= due => sleep,
            Some(sleep) => {
                sleep.as_mut().reset(due.into());
                sleep
            }
            none => none.insert(Box::pin(tokio::time::sleep_until(due.into()))),
        };
        sleep.await;
    }

    /// Must be told once the wait is over.
    pub(super) fn has_rung(&mut self) {
        self.0 = None;
    }
}
