//! A session and the socket it speaks through, on the thread that serves it.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

use ipc_core::Refusal;
use ipc_core::session::server::ServerSession;
use ipc_core::wire::ctrl::ByeReason;

use crate::activity::Activity;

/// The state machine and its socket.
pub(crate) struct Conversation {
    pub(crate) session: Box<ServerSession>,
    pub(crate) stream: Option<TcpStream>,
    /// True once an idle holder that has to leave has had its last calls answered.
    pub(crate) has_last_word: bool,
    pub(crate) buffer: Box<[u8]>,
    pub(crate) activity: Arc<Activity>,
}

impl Conversation {
    /// Nobody to talk to yet.
    pub(crate) fn new(session: Box<ServerSession>, activity: Arc<Activity>) -> Self {
        Self {
            session,
            stream: None,
            has_last_word: false,
            buffer: vec![0; READ_BUFFER].into_boxed_slice(),
            activity,
        }
    }

    /// Waits for bytes.
    pub(crate) fn read(&mut self) {
        let Some(stream) = &mut self.stream else {
            return self
                .session
                .handle_eof(Some("there is no connection".into()));
        };
        let read = stream.read(&mut self.buffer);
        self.take(read);
    }

    /// Takes the bytes that are here already.
    pub(crate) fn read_available(&mut self) {
        let Some(stream) = self.stream.as_mut().filter(|_| self.session.wants_input()) else {
            return;
        };
        if stream.set_nonblocking(true).is_ok() {
            let read = stream.read(&mut self.buffer);
            let _ = stream.set_nonblocking(false);
            self.take(read);
        }
    }

    fn take(&mut self, read: io::Result<usize>) {
        match read {
            // Somebody who wants this thread to leave shuts the socket's reading half.
            Ok(0) if self.activity.request().is_some() => {}
            Ok(0) => self.session.handle_eof(None),
            Ok(count) => {
                self.activity.add_received(count);
                let bytes = self.buffer.get(..count).unwrap_or_default();
                self.session.handle_input(bytes, Instant::now());
            }
            Err(error) if is_retry(&error) => {}
            Err(error) => self.lose(&error),
        }
    }

    /// Ends the calls that wait, none of which was run.
    pub(crate) fn refuse_all(&mut self, reason: ByeReason) {
        while let Some((call, _)) = self.session.next_call(Instant::now()) {
            let method = call.header.method;
            let refusal = match reason {
                ByeReason::Stopping => Refusal::Stopping { method },
                _ => Refusal::Cancelled { method },
            };
            self.session.refuse(call.header.number, refusal);
        }
        self.flush();
    }

    fn lose(&mut self, error: &io::Error) {
        self.session.handle_eof(Some(error.to_string()));
    }

    /// Writes all there is to say. Waits for a slow client, but not for ever.
    pub(crate) fn flush(&mut self) {
        while let (bytes @ [_, ..], Some(stream)) = (self.session.transmit(), &mut self.stream) {
            match stream.write(bytes) {
                Ok(count) if count > 0 => {
                    self.activity.add_sent(count);
                    self.session.consume(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) => return self.session.handle_eof(None),
                Err(error) => return self.lose(&error),
            }
        }
    }

    /// Writes what the network takes at once.
    pub(crate) fn flush_available(&mut self) {
        let Some(stream) = &mut self.stream else {
            return;
        };
        if self.session.transmit().is_empty() || stream.set_nonblocking(true).is_err() {
            return;
        }
        if let Ok(count) = stream.write(self.session.transmit()) {
            self.activity.add_sent(count);
            self.session.consume(count);
        }
        let _ = stream.set_nonblocking(false);
    }

    pub(crate) fn disconnect(&mut self) {
        self.session.detach();
        self.stream = None;
    }
}

fn is_retry(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

const READ_BUFFER: usize = 64 * 1024;
