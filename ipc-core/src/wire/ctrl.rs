//! The control messages and what each carries. Numbers and layouts are fixed for ever.

use serde::{Deserialize, Serialize};

macro_rules! ctrl_messages {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// What a frame is. The number is the first thing in it.
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
    /// Messages with this number or a higher one are optional: who does not know one passes it over. So a later release
    /// can say more without being misunderstood by an earlier one.
    pub const OPTIONAL: u16 = 0x8000;
}

ctrl_messages! {
    /// Client: who I am and what I want to resume. Carries [`Hello`].
    Hello = 1,
    /// Server: you have the control session. Carries [`Welcome`].
    Welcome = 2,
    /// Either: the connection ends, and why. Carries [`Bye`].
    Bye = 3,
    /// Either: are you there? Carries a `u64` to be returned.
    Ping = 4,
    /// Either: I am here. Carries the `u64` of the ping.
    Pong = 5,
    /// Client: run a method, arguments as the codec writes them. Carries [`CallHeader`] and the arguments.
    Call = 10,
    /// Client: run a method, arguments in self-describing form. Carries [`CallHeader`] and MessagePack as bytes.
    CallByName = 11,
    /// Client: say what you offer. Carries [`CallHeader`]; answered with MessagePack as bytes.
    Describe = 12,
    /// Client: I no longer wait for this call. Carries its number.
    Cancel = 13,
    /// Client: all answers below this number have arrived. Carries a call number.
    Ack = 14,
    /// Server: queue place, progress, notice. Carries [`Info`].
    Info = 100,
    /// Server: the method ran and returned. Carries the call number and the result.
    Ok = 200,
    /// Server: refused, the driver was not entered. Carries the call number and a [`Refusal`](crate::Refusal).
    Error = 400,
    /// Server: the driver ran and failed. Carries the call number and a [`Fault`](crate::Fault).
    ErrorForwarded = 500,
}

/// The first frame of a client.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs)]
pub struct Hello {
    /// The session to go on with, if there was one.
    pub resume: Option<SessionKey>,
    /// Counts the connections of this client; a lower number never takes over from a higher one.
    pub connection: u64,
    /// The service that the client wants to reach; must be the server's.
    pub service: String,
    /// What the client calls itself, for others who wait.
    pub name: String,
    /// The longest frame the client accepts, in bytes.
    pub max_frame: u64,
}

/// Which session, of which run of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs)]
pub struct SessionKey {
    /// Random at each start of the server.
    pub incarnation: u128,
    /// Random for each session, chosen by the server.
    pub session: u128,
}

/// The server's answer to a [`Hello`], once the client's turn has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs)]
pub struct Welcome {
    /// The session.
    pub key: SessionKey,
    /// True if it is the one the client asked to resume.
    pub resumed: bool,
    /// The highest call number that the server has seen in this session; 0 for none.
    pub last_call: u64,
    /// Counts how often the server has changed hands; a change means that somebody else may have used the devices.
    pub lease_epoch: u64,
    /// The longest frame the server accepts, in bytes.
    pub max_frame: u64,
}

/// What stands before the arguments of a call. The numbers come first, so that they can be filled in late.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs)]
pub struct CallHeader {
    /// The number of the call; rises within a session, gaps are allowed.
    pub number: u64,
    /// The lowest call number whose answer has not arrived.
    pub acknowledged: u64,
    /// How long the caller waits, in milliseconds; 0 for as long as it takes.
    pub timeout_ms: u64,
    /// The fingerprint of the method that the client was built for; 0 in calls by name.
    pub fingerprint: u64,
    /// The method on the wire.
    pub method: String,
}

/// Why a connection ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs)]
pub struct Bye {
    /// The reason, for the program.
    pub reason: ByeReason,
    /// The reason, for a person.
    pub message: String,
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ByeReason {
    /// The client has finished; its session ends with the connection.
    Done,
    /// The server is stopping.
    Stopping,
    /// The holder was idle while others waited; the session is kept.
    IdleHandover,
    /// Another connection of the same session has taken over.
    Superseded,
    /// The operator of the server disconnected this client.
    Disconnected,
    /// The queue of waiting clients, or the table of sessions, is full.
    Full,
    /// The client asked for another service than this server's.
    WrongService,
    /// The peer broke the protocol.
    Protocol,
}

/// What the server tells without having been asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Info {
    /// Others are before you.
    Queued(QueueStatus),
    /// How far a running call is.
    Progress {
        /// The number of the call.
        call: u64,
        /// From 0 to 1.
        fraction: f64,
        /// What is going on.
        message: String,
    },
}

impl Info {
    /// How many kinds this version defines. Others are passed over.
    pub(crate) const KINDS: u32 = 2;
}

/// The view from the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs)]
pub struct QueueStatus {
    /// 1 for the next in line; 0 if nobody is before this client but an earlier call of its own.
    pub place: u32,
    /// How many wait.
    pub waiting: u32,
    /// What the holder calls itself.
    pub holder: String,
    /// Where the holder's connection comes from.
    pub holder_address: String,
    /// For how long the holder has had the server, in milliseconds.
    pub held_ms: u64,
    /// For how long the holder has not called anything, in milliseconds; 0 while a call runs.
    pub idle_ms: u64,
    /// The method that runs, for a person: `device.method` at a server with several devices, else its name on the wire.
    /// Empty while none runs.
    pub running: String,
    /// How long it has run, in milliseconds.
    pub running_ms: u64,
}

impl std::fmt::Display for QueueStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            place,
            waiting,
            holder,
            holder_address,
            held_ms,
            idle_ms,
            running,
            running_ms,
        } = self;
        let held = held_ms / 1000;
        if *place == 0 && running.is_empty() {
            return write!(
                f,
                "an earlier call of this client still runs, for {held} s so far"
            );
        }
        let runs = running_ms / 1000;
        if *place == 0 {
            return write!(
                f,
                "an earlier call of this client still runs: `{running}`, for {runs} s so far"
            );
        }
        write!(
            f,
            "place {place} of {waiting} in the queue; {holder} at {holder_address} has held the server for {held} s, "
        )?;
        match running.as_str() {
            "" => write!(f, "idle for {} s", idle_ms / 1000),
            method => write!(f, "and `{method}` has run for {runs} s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::codec;

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
        assert_eq!(defined.count(), 14);
    }

    #[test]
    fn the_kinds_of_info_are_all_counted() {
        let progress = Info::Progress {
            call: 1,
            fraction: 0.5,
            message: String::new(),
        };
        let last = match progress {
            // The last kind; whoever adds one counts it, too.
            Info::Queued(_) | Info::Progress { .. } => progress,
        };
        let mut bytes = Vec::new();
        codec::encode(&last, &mut bytes, 100).unwrap();
        assert_eq!(bytes[..4], (Info::KINDS - 1).to_le_bytes());
    }
}
