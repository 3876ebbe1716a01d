//! The control messages and what each carries. Numbers and layouts never change.

use serde::{Deserialize, Serialize};

#[cfg(feature = "protocol")]
pub use super::bye::{Bye, ByeReason};
#[cfg(feature = "protocol")]
pub use super::hello::{ConnectionRole, Feature, Features, Hello, SessionKey, Welcome};
#[cfg(feature = "protocol")]
pub use super::info::{Info, WaitingStatus};
pub use super::notice::{Notice, NoticeKind};
pub use super::queue_status::QueueStatus;

macro_rules! ctrl_messages {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// The kind of a frame. Its number comes first in the frame.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum CtrlMsg {
            $($(#[$doc])* $name,)*
        }

        impl CtrlMsg {
            /// The number on the wire.
            pub fn number(self) -> u16 {
                match self {
                    $(CtrlMsg::$name => $number,)*
                }
            }

            /// The message with this number, if this version defines it.
            pub fn from_number(number: u16) -> Option<Self> {
                match number {
                    $($number => Some(CtrlMsg::$name),)*
                    _ => None,
                }
            }
        }
    };
}

impl CtrlMsg {
    /// Messages with this number or a higher one are optional: a receiver ignores those that it does not know.
    pub const OPTIONAL: u16 = 0x8000;
}

ctrl_messages! {
    /// Client: introduces itself, and names the session to resume. Carries `Hello`.
    Hello = 1,
    /// Server: the session has begun. Carries `Welcome`.
    Welcome = 2,
    /// Either: the connection ends, and why. Carries `Bye`.
    Bye = 3,
    /// Either: asks for a `Pong`. Carries a `u64` to be returned.
    Ping = 4,
    /// Either: answers a `Ping`. Carries its `u64`.
    Pong = 5,
    /// Client: calls a method, arguments as the codec writes them. Carries [`CallHeader`] and the arguments.
    Call = 10,
    /// Client: calls a method, arguments in self-describing form. Carries [`CallHeader`] and MessagePack as bytes.
    CallByName = 11,
    /// Client: asks what the server offers. Carries [`CallHeader`]; answered with MessagePack as bytes.
    Describe = 12,
    /// Client: calls a command of the server itself. Carries [`CallHeader`] and MessagePack as bytes, as `CallByName`.
    Command = 15,
    /// Client: no longer waits for this call. Carries its number.
    Cancel = 13,
    /// Client: all answers below this number have arrived. Carries a call number.
    Ack = 14,
    /// Server: place in the queue, progress, and the like. Carries `Info`.
    Info = 100,
    /// Server: the method returned. Carries the call number and the result.
    Ok = 200,
    /// Server: refused, the driver was not entered. Carries the call number and a [`Refusal`](crate::Refusal).
    Error = 400,
    /// Server: the driver ran and failed, or the outcome is unknown. Carries the call number and a [`Fault`](crate::Fault).
    ErrorForwarded = 500,
}

/// The header of a call. The numbers come first, so that they can be filled in just before it is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs)]
pub struct CallHeader {
    /// The number of the call. Rises within a session; gaps are allowed.
    pub number: u64,
    /// The lowest call number whose answer has not arrived.
    pub acknowledged: u64,
    /// How long the caller waits, in milliseconds; 0 for no limit.
    pub timeout_ms: u64,
    /// The fingerprint of the method that the client was built for; 0 in calls by name.
    pub fingerprint: u64,
    /// The method on the wire.
    pub method: String,
}

/// How the arguments and the result of a call are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum Form {
    /// As the codec writes their types, which both ends know.
    Typed,
    /// As MessagePack, which carries its own shape.
    ByName,
    /// Not a call of a method, but the question what there is to call.
    Describe,
    /// Of a command of the server itself; written as by name.
    Command,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_the_first_protocol_are_kept() {
        let kept = [
            CtrlMsg::Info,
            CtrlMsg::Ok,
            CtrlMsg::Error,
            CtrlMsg::ErrorForwarded,
        ];
        assert_eq!(kept.map(CtrlMsg::number), [100, 200, 400, 500]);
    }

    #[test]
    fn numbers_and_messages_match_both_ways() {
        let defined = (0..=u16::MAX).filter_map(|number| {
            CtrlMsg::from_number(number).map(|message| assert_eq!(message.number(), number))
        });
        assert_eq!(defined.count(), 15);
    }
}
