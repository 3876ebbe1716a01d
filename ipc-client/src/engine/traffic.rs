//! What the engine is told of the bytes that went and came.

use std::io;
use std::time::Instant;

use super::Engine;

/// How far a write has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// All that was to be written then; there may be more.
    Whole,
    /// The network took some of it.
    Partly,
    /// The network takes nothing now.
    Blocked,
}

impl Engine {
    /// The next bytes to write; empty when there are none.
    pub(crate) fn output(&self) -> &[u8] {
        match self.write_failed {
            true => &[],
            false => self.session.transmit(),
        }
    }

    /// How writing the [`output`](Self::output) went. A socket that takes nothing now says `WouldBlock`.
    pub(crate) fn written(&mut self, result: io::Result<usize>) -> Written {
        match result {
            Ok(0) => self.write_failed(),
            Ok(count) => {
                let is_whole = count == self.output().len();
                self.session.consume(count);
                if !is_whole {
                    return Written::Partly;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Written::Blocked,
            Err(_) => self.write_failed(),
        }
        Written::Whole
    }

    /// The connection takes no more bytes. What the peer said before it went away is still to be read, so this is not
    /// the end yet.
    pub(crate) fn write_failed(&mut self) {
        self.write_failed = true;
    }

    /// How reading went, into `buffer`. Returns true if there may be more at once.
    pub(crate) fn received(
        &mut self,
        buffer: &[u8],
        result: io::Result<usize>,
        now: Instant,
    ) -> bool {
        match result {
            Ok(0) => self.session.handle_eof(None),
            Ok(count) => {
                self.session
                    .handle_input(buffer.get(..count).unwrap_or_default(), now);
                return count == buffer.len();
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => {}
                _ => self.session.handle_eof(Some(error.to_string())),
            },
        }
        false
    }

    /// Nothing came for as long as somebody waited. A connection that cannot be written to either is lost.
    pub(crate) fn received_nothing(&mut self) {
        if self.write_failed {
            self.lost_because("nothing can be written to it");
        }
    }

    /// The connection is of no use any more.
    pub(crate) fn lost_because(&mut self, cause: &str) {
        self.session.handle_eof(Some(cause.into()));
    }

    /// True if there is no connection to write to and to read from.
    pub(crate) fn is_disconnected(&self) -> bool {
        self.session.is_disconnected()
    }
}
