//! A connection at the server before it has a session: preamble, hello, and the wait for its turn.

use super::link::{Link, LinkError};
use crate::wire::ctrl::{Bye, ByeReason, CtrlMsg, Hello, Info, QueueStatus};
use crate::wire::message::{frame_of, value_of};

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

/// The longest hello, in bytes.
pub const MAX_HELLO: usize = 4096;

impl Arrival {
    /// A connection from its first byte on.
    pub fn new(mut link: Link) -> Self {
        link.set_max_frame(MAX_HELLO);
        Self {
            link,
            hello: None,
            pong: None,
        }
    }

    /// Takes bytes from the network. An error ends the connection, after what [`transmit`](Self::transmit) has to say.
    pub fn handle_input(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        self.link.handle_input(bytes)?;
        while let Some(frame) = self.link.next_frame()? {
            let read = |error| LinkError::Message {
                ctrl: frame.ctrl,
                error,
            };
            match (frame.ctrl, &self.hello) {
                (CtrlMsg::Hello, None) => self.hello = Some(value_of(&frame).map_err(read)?),
                (CtrlMsg::Pong, Some(_)) => self.pong = Some(value_of(&frame).map_err(read)?),
                (CtrlMsg::Bye, _) => return Err(LinkError::Bye(value_of(&frame).map_err(read)?)),
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

    /// The network has ended.
    pub fn handle_eof(&mut self) -> LinkError {
        self.link.handle_eof()
    }

    /// What the client said of itself, once it has.
    pub fn hello(&self) -> Option<&Hello> {
        self.hello.as_ref()
    }

    /// Tells the client where it stands.
    pub fn tell_place(&mut self, status: QueueStatus) {
        self.link
            .send(frame_of(CtrlMsg::Info, &Info::Queued(status)));
    }

    /// Asks whether the client is still there; [`answered`](Self::answered) tells.
    pub fn ping(&mut self, token: u64) {
        self.pong = None;
        self.link.send(frame_of(CtrlMsg::Ping, &token));
    }

    /// True once the client has answered the ping with this token.
    pub fn answered(&self, token: u64) -> bool {
        self.pong == Some(token)
    }

    /// Sends the client away.
    pub fn refuse(&mut self, reason: ByeReason, message: impl Into<String>) {
        self.link.send_last(bye(reason, message));
    }

    /// The next bytes for the network.
    pub fn transmit(&self) -> &[u8] {
        self.link.transmit()
    }

    /// The network has taken `count` bytes.
    pub fn consume(&mut self, count: usize) {
        self.link.consume(count);
    }

    /// The connection.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// The connection, for the session it was admitted to.
    pub fn into_link(self) -> Link {
        self.link
    }
}

pub(crate) fn bye(reason: ByeReason, message: impl Into<String>) -> Vec<u8> {
    frame_of(
        CtrlMsg::Bye,
        &Bye {
            reason,
            message: message.into(),
        },
    )
}
