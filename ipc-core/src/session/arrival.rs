//! A connection at the server before it has a session: preamble, hello, and waiting in the queue.

use super::link::{Link, LinkError};
use crate::wire::codec::CodecError;
use crate::wire::ctrl::{Bye, ByeReason, CtrlMsg, Hello, Info, QueueStatus};
use crate::wire::message::{beginning_of, frame_of, value_of};

/// A connection that has not been admitted.
///
/// Until the hello has come, nothing but the preamble and one short frame is accepted.
#[cfg_attr(feature = "proof", derive(Clone))]
#[derive(Debug)]
pub struct Arrival {
    link: Link,
    hello: Option<Hello>,
    pong: Option<u64>,
}

/// Maximum length of a frame before the session has begun, in bytes.
pub const MAX_HELLO: usize = 8192;

impl Arrival {
    /// Starts with a connection that has not received a byte.
    pub fn new(mut link: Link) -> Self {
        link.set_max_frame(MAX_HELLO);
        Self {
            link,
            hello: None,
            pong: None,
        }
    }

    /// Takes bytes from the network. After an error, the connection ends once [`transmit`](Self::transmit) is empty.
    pub fn handle_input(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        self.link.handle_input(bytes)?;
        while let Some(frame) = self.link.next_frame()? {
            let read = |error| LinkError::Message {
                ctrl: frame.ctrl,
                error,
            };
            match (frame.ctrl, &self.hello) {
                (CtrlMsg::Hello, None) => {
                    let hello = beginning_of(&frame).map_err(read)?;
                    self.hello = Some(self.check(hello).map_err(read)?);
                }
                (CtrlMsg::Pong, Some(_)) => self.pong = Some(value_of(&frame).map_err(read)?),
                (CtrlMsg::Bye, _) => {
                    return Err(LinkError::Bye(beginning_of(&frame).map_err(read)?));
                }
                (ctrl, None) => {
                    return Err(LinkError::Unexpected {
                        ctrl,
                        expected: "Hello",
                    });
                }
                (ctrl, _) => {
                    return Err(LinkError::Unexpected {
                        ctrl,
                        expected: "an answer to a ping, or a goodbye,",
                    });
                }
            }
        }
        Ok(())
    }

    /// Refuses a hello that breaks a limit, or asks for what this version does not serve. The client is told why.
    fn check(&mut self, hello: Hello) -> Result<Hello, CodecError> {
        let Some(problem) = hello.problem() else {
            return Ok(hello);
        };
        self.refuse(ByeReason::Protocol, problem.as_str());
        Err(CodecError::Invalid(problem))
    }

    /// Handles the end of the input and returns what it means.
    pub fn handle_eof(&mut self) -> LinkError {
        self.link.handle_eof()
    }

    /// The client's hello, once it has arrived.
    pub fn hello(&self) -> Option<&Hello> {
        self.hello.as_ref()
    }

    /// Takes the client's hello, once it has arrived. A second hello is still an error.
    pub fn take_hello(&mut self) -> Option<Hello> {
        self.hello.as_mut().map(std::mem::take)
    }

    /// Tells the client its place in the queue.
    pub fn tell_place(&mut self, status: QueueStatus) {
        self.link
            .send(frame_of(CtrlMsg::Info, &Info::Queued(status)));
    }

    /// Sends a ping; [`answered`](Self::answered) tells whether the client has returned it.
    pub fn ping(&mut self, token: u64) {
        self.pong = None;
        self.link.send(frame_of(CtrlMsg::Ping, &token));
    }

    /// Returns true once the client has answered the ping with this token.
    pub fn answered(&self, token: u64) -> bool {
        self.pong == Some(token)
    }

    /// Sends a goodbye for this reason.
    pub fn refuse(&mut self, reason: ByeReason, message: impl Into<String>) {
        self.link.send_last(bye(reason, message));
    }

    /// The next bytes for the network; empty if there are none.
    pub fn transmit(&mut self) -> &[u8] {
        self.link.transmit()
    }

    /// Removes `count` bytes that the network has taken.
    pub fn consume(&mut self, count: usize) {
        self.link.consume(count);
    }

    /// The connection.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// Returns the connection for the session that the client was admitted to.
    pub fn into_link(self) -> Link {
        self.link
    }
}

pub(crate) fn bye(reason: ByeReason, message: impl Into<String>) -> Vec<u8> {
    frame_of(CtrlMsg::Bye, &Bye::new(reason, message))
}
