//! The serial line: opens and reopens the port, names it in every error, and parses answers.

mod wire;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Inputs, PowermeterError, RANGES};
use wire::{Failure, Wire};

/// A serial port that can be lost and found again.
pub(super) struct Line {
    path: PathBuf,
    reply_timeout: Duration,
    // `None` after the port was lost; the next call opens it again.
    wire: Option<Wire>,
}

impl Line {
    pub(super) fn open(path: PathBuf, reply_timeout: Duration) -> Result<Self, PowermeterError> {
        let wire = Some(open_wire(&path)?);
        Ok(Self {
            path,
            reply_timeout,
            wire,
        })
    }

    pub(super) fn set_reply_timeout(&mut self, timeout: Duration) {
        self.reply_timeout = timeout;
    }

    /// The port as it is named in errors.
    pub(super) fn port(&self) -> String {
        self.path.display().to_string()
    }

    /// Sends `ask` and returns the parsed answer.
    pub(super) fn ask<T>(
        &mut self,
        ask: Ask<'_>,
        parse: fn(&str) -> Option<T>,
    ) -> Result<T, PowermeterError> {
        let wire = match &mut self.wire {
            Some(wire) => wire,
            lost => lost.insert(open_wire(&self.path)?),
        };
        let outcome = wire.ask(ask, self.reply_timeout, parse);
        outcome.map_err(|failure| self.explain(ask, failure))
    }

    fn explain(&mut self, ask: Ask<'_>, failure: Failure) -> PowermeterError {
        let port = self.port();
        match failure {
            Failure::Silent { command } => PowermeterError::Timeout {
                port,
                command,
                after: self.reply_timeout,
            },
            Failure::Garbled { command, reply } => PowermeterError::Garbled {
                port,
                command,
                reply,
            },
            Failure::Refused { command, reply } => PowermeterError::Refused {
                port,
                command,
                reply,
            },
            Failure::Lost(cause) => {
                self.wire = None;
                PowermeterError::Disconnected {
                    port,
                    command: ask.blame().into(),
                    cause: cause.to_string(),
                }
            }
        }
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line")
            .field("path", &self.path)
            .field("reply_timeout", &self.reply_timeout)
            .field("open", &self.wire.is_some())
            .finish()
    }
}

/// One exchange: at most one setting, which has no answer of its own, then one query, whose answer confirms both.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask<'a> {
    setting: Option<&'a str>,
    query: &'a str,
}

impl<'a> Ask<'a> {
    pub(super) fn query(query: &'a str) -> Self {
        Self {
            setting: None,
            query,
        }
    }

    pub(super) fn set(setting: &'a str, query: &'a str) -> Self {
        Self {
            setting: Some(setting),
            query,
        }
    }

    /// The command that errors name: the setting if there is one, otherwise the query.
    fn blame(&self) -> &'a str {
        self.setting.unwrap_or(self.query)
    }
}

/// The identity of an instrument: text that is neither a reading nor an error.
pub(super) fn identity(reply: &str) -> Option<String> {
    let words = reply.contains(|c: char| c.is_ascii_alphabetic());
    (words && !is_refusal(reply) && !is_reading(reply)).then(|| reply.to_owned())
}

pub(super) fn range(reply: &str) -> Option<u8> {
    reply.parse().ok().filter(|range| RANGES.contains(range))
}

/// A finite number; `inf` and `nan` are not readings.
pub(super) fn number(reply: &str) -> Option<f64> {
    let value: f64 = reply.trim().parse().ok()?;
    value.is_finite().then_some(value)
}

pub(super) fn counts(reply: &str) -> Option<u16> {
    reply.parse().ok()
}

pub(super) fn inputs(reply: &str) -> Option<Inputs> {
    let values: Vec<f64> = reply.split(',').map(number).collect::<Option<_>>()?;
    let (temperature_c, volts) = values.split_last()?;
    Some(Inputs {
        volts: volts.try_into().ok()?,
        temperature_c: *temperature_c,
    })
}

fn is_refusal(reply: &str) -> bool {
    reply.starts_with("ERR")
}

fn is_reading(reply: &str) -> bool {
    reply.split(',').all(|item| number(item).is_some())
}

fn open_wire(path: &Path) -> Result<Wire, PowermeterError> {
    Wire::open(path).map_err(|cause| PowermeterError::Open {
        port: path.display().to_string(),
        cause: cause.to_string(),
    })
}
