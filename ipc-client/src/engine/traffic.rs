//! What the engine is told about the bytes that were written and read.

use std::io::{self, IoSlice};

use bytes::Bytes;
use ipc_core::session::client::Clock;
use ipc_core::wire::frame::PartialFrame;

use super::Engine;

/// How far a write has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// All bytes were written.
    Whole,
    /// The network took some of them.
    Partly,
    /// The network takes nothing at present.
    Blocked,
}

impl Engine {
    /// The next bytes to write; empty if there are none.
    pub(crate) fn output(&mut self) -> &[u8] {
        match self.write_failed {
            true => &[],
            false => self.session.transmit(),
        }
    }

    /// Writes the [`output`](Self::output) by one call of `write`, which is given all pieces of a long frame at once. Returns
    /// `None` if there is nothing to write.
    pub(crate) fn write(
        &mut self,
        write: impl FnOnce(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> Option<Written> {
        if self.write_failed {
            return None;
        }
        let (offered, result) = match self.session.has_more_pieces() {
            false => {
                let output = self.session.transmit();
                if output.is_empty() {
                    return None;
                }
                (output.len(), write(&[IoSlice::new(output)]))
            }
            true => {
                let mut slices = [IoSlice::new(&[]); SLICES];
                let count = self.session.transmit_vectored(&mut slices);
                let pieces = slices.get(..count).unwrap_or_default();
                (pieces.iter().map(|piece| piece.len()).sum(), write(pieces))
            }
        };
        Some(self.written(offered, result))
    }

    /// Takes the next bytes to write, for a thread that writes them outside of a lock. They count as written at once: a call
    /// must not be taken for unsent while the network has it.
    pub(crate) fn take_output(&mut self) -> Option<Bytes> {
        match self.write_failed {
            true => None,
            false => self.session.take_output(),
        }
    }

    /// Takes the result of writing `offered` bytes of the [`output`](Self::output). A socket that takes nothing at present
    /// reports `WouldBlock`.
    pub(crate) fn written(&mut self, offered: usize, result: io::Result<usize>) -> Written {
        match result {
            Ok(0) => self.write_failed(),
            Ok(count) => {
                self.session.consume(count);
                if count < offered {
                    return Written::Partly;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Written::Blocked,
            Err(_) => self.write_failed(),
        }
        Written::Whole
    }

    /// The connection takes no more bytes. It is not over yet: what the server sent before it closed is still read.
    pub(crate) fn write_failed(&mut self) {
        self.write_failed = true;
    }

    /// Takes the result of reading into `buffer`. Returns true if more bytes may be there.
    pub(crate) fn received(
        &mut self,
        buffer: &mut [u8],
        result: io::Result<usize>,
        now: impl Clock,
    ) -> bool {
        match result {
            Ok(0) => self.session.handle_eof(None),
            Ok(count) => {
                let is_full = count == buffer.len();
                let bytes = buffer.get_mut(..count).unwrap_or_default();
                self.session.handle_buffer(bytes, now);
                return is_full;
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => {}
                _ => self.session.handle_eof(Some(error.to_string())),
            },
        }
        false
    }

    /// Takes a long frame of which a part has come, into which the rest is read; see [`ClientSession::take_partial`].
    ///
    /// [`ClientSession::take_partial`]: ipc_core::session::client::ClientSession::take_partial
    pub(crate) fn take_partial(&mut self) -> Option<PartialFrame> {
        self.session.take_partial()
    }

    /// Takes back such a frame, and the result of reading into it.
    pub(crate) fn received_partial(
        &mut self,
        mut partial: PartialFrame,
        result: io::Result<usize>,
        now: impl Clock,
    ) {
        if let Ok(count) = &result {
            partial.advance(*count);
        }
        self.session.handle_partial(partial, &now);
        if !result.as_ref().is_ok_and(|count| *count > 0) {
            self.received(&mut [], result, now);
        }
    }

    /// A read has timed out. A connection that cannot be written to either is lost.
    pub(crate) fn received_nothing(&mut self) {
        if self.write_failed {
            self.lost_because("nothing can be written to it");
        }
    }

    /// The connection has become unusable.
    pub(crate) fn lost_because(&mut self, cause: &str) {
        self.session.handle_eof(Some(cause.into()));
    }

    /// Returns true if there is no connection to write to or to read from.
    pub(crate) fn is_disconnected(&self) -> bool {
        self.session.is_disconnected()
    }
}

/// Maximum number of pieces in one write.
const SLICES: usize = 8;
