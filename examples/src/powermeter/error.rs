//! What can go wrong between the driver and the power meter.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a call of the power meter failed, what that means for the instrument, and what to do.
///
/// Plain data, so that a caller on another computer gets all of it.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum PowermeterError {
    /// The port could not be opened: missing, in use, or not a serial port. Nothing was sent.
    #[error(
        "cannot open serial port {port}: {cause}; plug the power meter in or correct the path, then call again"
    )]
    Open {
        /// Path of the serial port.
        port: String,
        /// The error of the operating system.
        cause: String,
    },

    /// The port was lost since the last call or during this one. A setting may or may not have been applied.
    #[error(
        "lost serial port {port} in `{command}`: {cause}; plug the power meter in again, call again (the port is reopened) \
         and set the range anew"
    )]
    Disconnected {
        /// Path of the serial port.
        port: String,
        /// The command that was to be executed.
        command: String,
        /// The error of the operating system.
        cause: String,
    },

    /// No complete answer in time. A setting may or may not have been applied.
    ///
    /// If `command` is `*IDN?` in a call that does not ask for the identity, the instrument was silent while the driver
    /// tried to resynchronize with it, and the command of the call was not sent.
    #[error(
        "the power meter on {port} did not answer `{command}` within {after:?}; check its power and cable, then call again"
    )]
    Timeout {
        /// Path of the serial port.
        port: String,
        /// The command that was not answered.
        command: String,
        /// How long the driver waited.
        after: Duration,
    },

    /// The answer is not valid for the command. A setting may or may not have been applied.
    #[error(
        "the power meter on {port} answered `{command}` with \"{reply}\", which is not a valid answer; check that the port is \
         a power meter at 115200 baud and its cable is sound, then call again"
    )]
    Garbled {
        /// Path of the serial port.
        port: String,
        /// The command that was sent.
        command: String,
        /// What came back, at most 256 bytes of it, with unprintable bytes as `\x..`.
        reply: String,
    },

    /// The instrument did not execute the command; its state has not changed.
    #[error(
        "the power meter on {port} refused `{command}`: \"{reply}\"; check that its firmware knows this command"
    )]
    Refused {
        /// Path of the serial port.
        port: String,
        /// The command that was sent.
        command: String,
        /// The error line of the instrument.
        reply: String,
    },

    /// A setting was sent and not refused, but reads back as something else.
    #[error(
        "the power meter on {port} still reads back \"{reply}\" after `{command}`; check that its knob is not being turned, then \
         set it again"
    )]
    NotApplied {
        /// Path of the serial port.
        port: String,
        /// The command that was sent.
        command: String,
        /// What the instrument reads back.
        reply: String,
    },

    /// An argument of the call is out of bounds. Nothing was sent.
    #[error(
        "`{argument}` is {given}, but the power meter on {port} takes {expected}; correct the argument"
    )]
    Argument {
        /// Path of the serial port.
        port: String,
        /// Name of the argument.
        argument: String,
        /// The values that are accepted.
        expected: String,
        /// The value that was given.
        given: String,
    },

    /// The caller cancelled the call. The state of the instrument has not changed.
    #[error(
        "stopped after {taken} readings of the power meter on {port}: the caller cancelled the call"
    )]
    Cancelled {
        /// Path of the serial port.
        port: String,
        /// How many readings had been taken.
        taken: u32,
    },
}
