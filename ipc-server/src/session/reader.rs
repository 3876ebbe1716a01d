//! The right to read from the connection of a client.

use std::io::{self, Read};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use ipc_core::session::link::{FIRST_READ_SIZE, grow_read_buffer};
use ipc_core::wire::frame::PartialFrame;

/// The right to read from the connection of a client, and the duty to do so.
///
/// There is exactly one for each client that is served. The thread that owns it reads, passes on what it has read, and
/// is the only one that attaches another connection, so bytes of two reads or of two connections never mix. A thread
/// that enters a driver leaves it in the [`Pump`](super::pump::Pump), where a companion can take it.
#[derive(Debug)]
pub(super) struct SocketReader {
    stream: Option<Arc<TcpStream>>,
    buffer: Vec<u8>,
    /// A long frame of which a part has come. The rest is read into its own memory.
    partial: Option<PartialFrame>,
    last: Last,
}

/// What the last read brought, until it is passed on.
#[derive(Debug)]
enum Last {
    Nothing,
    Bytes(usize),
    Ended,
    Failed(io::Error),
}

/// What a read brought.
#[derive(Debug)]
pub(super) enum Received<'a> {
    /// Nothing; reading is to be tried again.
    Nothing,
    Bytes(&'a mut [u8]),
    /// This number of bytes more of a long frame.
    Part(PartialFrame, usize),
    /// The peer, or this end, has ended the stream.
    Ended,
    Failed(io::Error),
}

impl SocketReader {
    /// Without a connection, reads fail.
    pub(super) fn new() -> Self {
        Self {
            stream: None,
            buffer: vec![0; FIRST_READ_SIZE],
            partial: None,
            last: Last::Nothing,
        }
    }

    /// Reads from `stream` from now on. What was read from an earlier one and not passed on is dropped.
    pub(super) fn attach(&mut self, stream: Arc<TcpStream>) {
        self.detach();
        self.stream = Some(stream);
    }

    /// The connection is over.
    pub(super) fn detach(&mut self) {
        self.stream = None;
        self.partial = None;
        self.last = Last::Nothing;
    }

    /// Reads the rest of `partial`, before anything else, into its own memory.
    pub(super) fn go_on_with(&mut self, partial: PartialFrame) {
        self.partial = Some(partial);
    }

    /// The frame of which the rest is missing.
    pub(super) fn take_partial(&mut self) -> Option<PartialFrame> {
        self.partial.take()
    }

    /// Waits for bytes. Blocks.
    pub(super) fn read(&mut self) {
        let room = match &mut self.partial {
            Some(partial) => partial.room(),
            None => &mut self.buffer,
        };
        let read = match self.stream.as_deref() {
            Some(mut stream) => stream.read(room),
            None => Err(io::ErrorKind::NotConnected.into()),
        };
        self.last = match read {
            Ok(0) => Last::Ended,
            Ok(count) => {
                if self.partial.is_none() && count == self.buffer.len() {
                    grow_read_buffer(&mut self.buffer);
                }
                Last::Bytes(count)
            }
            Err(error) if is_retry(&error) => Last::Nothing,
            Err(error) => Last::Failed(error),
        };
    }

    /// Reads what is here already, and nothing after it. Does not wait.
    pub(super) fn read_rest(&mut self) {
        if let Some(stream) = &self.stream {
            // It may be shut already.
            let _ = stream.shutdown(Shutdown::Read);
        }
        self.read();
    }

    /// What the last read brought; nothing the second time.
    pub(super) fn take(&mut self) -> Received<'_> {
        match std::mem::replace(&mut self.last, Last::Nothing) {
            Last::Nothing => Received::Nothing,
            Last::Bytes(count) => match self.partial.take() {
                Some(partial) => Received::Part(partial, count),
                None => Received::Bytes(self.buffer.get_mut(..count).unwrap_or_default()),
            },
            Last::Ended => Received::Ended,
            Last::Failed(error) => Received::Failed(error),
        }
    }
}

fn is_retry(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}
