//! The driver of an optical power meter on a serial port.
//!
//! The instrument is a photodiode across one of five shunt resistors, read by an analogue-to-digital converter, and speaks
//! lines of text at 115200 baud, 8 data bits, no parity, 1 stop bit.
//!
//! | command   | answer                                                                  |
//! |-----------|-------------------------------------------------------------------------|
//! | `*IDN?`   | identity of the instrument                                              |
//! | `RANGE?`  | the shunt resistor in use, `1` (most sensitive) to `5`                  |
//! | `RANGE n` | none                                                                    |
//! | `VOLT?`   | photodiode voltage in volts                                             |
//! | `RAW?`    | the same voltage in counts of the converter                             |
//! | `ALLIN?`  | eight input voltages in volts and the temperature in °C, comma separated |
//! | `*RST`    | none                                                                    |
//!
//! The instrument answers a command that it does not execute with a line that begins with `ERR`.
//!
//! # What the driver promises
//!
//! - A returned value is the answer to the command of that very call. An answer that comes after its call has timed out is
//!   discarded: the next call first sends `*IDN?` and waits for its answer before it sends its own command.
//! - No call hangs. Each command has one reply timeout; resynchronizing after a failure takes at most two more.
//! - A port that was unplugged and plugged in again works without a restart. The loss is always reported once, as
//!   [`PowermeterError::Disconnected`], because an instrument that has lost its power has also lost its range.

mod error;
mod line;

use std::path::PathBuf;
use std::time::Duration;

use ipc_core::{CallContext, remote};

pub use self::error::PowermeterError;
use self::line::{Ask, Line};

/// An optical power meter on a serial port.
///
/// Every method blocks until the instrument has answered or the reply timeout (1 s by default) has passed, and can fail
/// with:
///
/// - [`PowermeterError::Timeout`], [`PowermeterError::Garbled`]: a query changed nothing and can be repeated at once. The
///   next call resynchronizes with the instrument before it sends its own command.
/// - [`PowermeterError::Refused`]: the instrument did not execute the command.
/// - [`PowermeterError::Disconnected`]: the port was lost. The next call opens it again by its path; set the range anew.
/// - [`PowermeterError::Open`]: the lost port is still missing. Nothing was sent.
#[derive(Debug)]
pub struct Powermeter {
    line: Line,
}

impl Powermeter {
    /// Opens the serial port `path`, for example `/dev/serial/by-id/usb-CQT-Powermeter-QO100` or `COM3`.
    ///
    /// Prefer a path that stays the same when the instrument is plugged in again. The port is opened exclusively, and
    /// nothing is sent yet: only the first call shows whether a power meter answers.
    ///
    /// # Errors
    ///
    /// [`PowermeterError::Open`] at once if the port is missing, in use by another program, or not a serial port.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, PowermeterError> {
        Line::open(path.into(), DEFAULT_REPLY_TIMEOUT).map(|line| Self { line })
    }

    /// Sets how long each single answer of the instrument may take: 1 s by default, one hour at most.
    ///
    /// An instrument answers within a few milliseconds; a timeout below 50 ms mistakes a busy computer for a silent
    /// instrument.
    #[must_use]
    pub fn with_reply_timeout(mut self, timeout: Duration) -> Self {
        self.line.set_reply_timeout(timeout.min(MAX_REPLY_TIMEOUT));
        self
    }
}

#[remote]
impl Powermeter {
    /// Identity of the instrument: maker, model, serial number, version.
    ///
    /// # Errors
    ///
    /// As for every method, see [`Powermeter`].
    #[remote(get)]
    pub fn identity(&mut self) -> Result<String, PowermeterError> {
        self.line.ask(Ask::query("*IDN?"), line::identity)
    }

    /// Sensitivity range: the shunt resistor in use, 1 (most sensitive) to 5.
    ///
    /// # Errors
    ///
    /// As for every method, see [`Powermeter`].
    #[remote(get)]
    pub fn range(&mut self) -> Result<u8, PowermeterError> {
        self.line.ask(Ask::query("RANGE?"), line::range)
    }

    /// Selects the shunt resistor: 1 (most sensitive) to 5. Confirmed by reading it back.
    ///
    /// # Errors
    ///
    /// [`PowermeterError::Argument`] outside of 1 to 5: nothing was sent. [`PowermeterError::NotApplied`] if the
    /// instrument reads back another range. Otherwise as for every method, see [`Powermeter`]; after a `Timeout`,
    /// `Garbled` or `Disconnected` that names `RANGE`, the range may or may not have changed.
    #[remote(set)]
    pub fn set_range(&mut self, #[remote(range = 1..=5)] range: u8) -> Result<(), PowermeterError> {
        if !RANGES.contains(&range) {
            return Err(self.bad_argument("range", "1 (most sensitive) to 5", range.into()));
        }
        let command = format!("RANGE {range}");
        let applied = self.line.ask(Ask::set(&command, "RANGE?"), line::range)?;
        if applied == range {
            return Ok(());
        }
        Err(PowermeterError::NotApplied {
            port: self.line.port(),
            command,
            reply: applied.to_string(),
        })
    }

    /// Mean photodiode voltage in volts over `samples` readings, 1 to 1 000 000.
    ///
    /// Blocks for about 3 ms per reading. A voltage that stays at its maximum is saturated: select a higher range.
    ///
    /// # Errors
    ///
    /// [`PowermeterError::Argument`] if `samples` is out of bounds: nothing was sent. Otherwise as for every method, see
    /// [`Powermeter`]; the first reading that fails ends the call.
    #[remote(unit = "V")]
    pub fn read_voltage(
        &mut self,
        #[remote(default = 1, range = 1..=1_000_000)] samples: u32,
    ) -> Result<f64, PowermeterError> {
        self.check_samples(samples)?;
        let mut sum_v = 0.0;
        for _ in 0..samples {
            sum_v += self.read_once()?;
        }
        Ok(sum_v / f64::from(samples))
    }

    /// `samples` single photodiode voltages in volts, 1 to 1 000 000, one after the other as fast as the line allows.
    ///
    /// Blocks for about 3 ms per reading, reports its progress, and stops when the caller cancels it. The readings are not
    /// evenly spaced in time.
    ///
    /// # Errors
    ///
    /// [`PowermeterError::Cancelled`] if the caller has cancelled the call. Otherwise as for
    /// [`Powermeter::read_voltage`]; the readings before the one that failed are lost.
    #[remote(unit = "V")]
    pub fn read_waveform(
        &mut self,
        ctx: &CallContext,
        #[remote(range = 1..=1_000_000)] samples: u32,
    ) -> Result<Vec<f64>, PowermeterError> {
        self.check_samples(samples)?;
        let mut waveform = Vec::new();
        for taken in 0..samples {
            if taken % CHECK_EVERY == 0 {
                if ctx.is_cancelled() {
                    let port = self.line.port();
                    return Err(PowermeterError::Cancelled { port, taken });
                }
                ctx.progress(f64::from(taken) / f64::from(samples), "taking readings");
            }
            waveform.push(self.read_once()?);
        }
        Ok(waveform)
    }

    /// Photodiode voltage in counts of the analogue-to-digital converter: 0 to 65535 for 0 V to 2.5 V.
    ///
    /// # Errors
    ///
    /// As for every method, see [`Powermeter`].
    pub fn read_raw(&mut self) -> Result<u16, PowermeterError> {
        self.line.ask(Ask::query("RAW?"), line::counts)
    }

    /// All eight inputs in volts and the temperature of the instrument in °C, taken together.
    ///
    /// # Errors
    ///
    /// As for every method, see [`Powermeter`].
    pub fn read_inputs(&mut self) -> Result<Inputs, PowermeterError> {
        self.line.ask(Ask::query("ALLIN?"), line::inputs)
    }

    /// Resets the instrument to its state after power-on, which selects range 1.
    ///
    /// Confirmed by the instrument answering `*IDN?` afterwards.
    ///
    /// # Errors
    ///
    /// As for every method, see [`Powermeter`]; after a `Timeout`, `Garbled` or `Disconnected` that names `*RST`, the
    /// instrument may or may not have been reset.
    pub fn reset(&mut self) -> Result<(), PowermeterError> {
        self.line
            .ask(Ask::set("*RST", "*IDN?"), line::identity)
            .map(drop)
    }
}

impl Powermeter {
    fn read_once(&mut self) -> Result<f64, PowermeterError> {
        self.line.ask(Ask::query("VOLT?"), line::number)
    }

    fn check_samples(&self, samples: u32) -> Result<(), PowermeterError> {
        if (1..=MAX_SAMPLES).contains(&samples) {
            return Ok(());
        }
        Err(self.bad_argument("samples", "1 to 1000000", samples))
    }

    fn bad_argument(&self, argument: &str, expected: &str, given: u32) -> PowermeterError {
        PowermeterError::Argument {
            port: self.line.port(),
            argument: argument.into(),
            expected: expected.into(),
            given: given.to_string(),
        }
    }
}

/// The values that [`Powermeter::read_inputs`] reads together.
#[remote]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Inputs {
    /// The inputs in volts; the first one is the photodiode.
    #[remote(unit = "V")]
    pub volts: [f64; 8],
    /// Temperature of the instrument in °C.
    #[remote(unit = "°C")]
    pub temperature_c: f64,
}

const DEFAULT_REPLY_TIMEOUT: Duration = Duration::from_secs(1);
// Keeps `Instant + timeout` from overflowing.
const MAX_REPLY_TIMEOUT: Duration = Duration::from_secs(3600);
// Bounds the memory of a waveform to 8 MB and the time of a call to less than an hour.
const MAX_SAMPLES: u32 = 1_000_000;
// Number of readings between two checks for cancellation: about a third of a second.
const CHECK_EVERY: u32 = 100;
const RANGES: std::ops::RangeInclusive<u8> = 1..=5;
