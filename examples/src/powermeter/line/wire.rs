//! An open port: bytes in and out, split into lines, and kept in step with the instrument.
//!
//! *In step* means that the instrument owes no answer, so that the next line answers the next query. Silence, garbage,
//! an unexpected line or a port that was just opened leave that in doubt. To get back in step, the driver
//! asks `*IDN?` and discards lines until the identity comes: the instrument works through its commands in order, so
//! nothing older can follow. Nothing is ever flushed on the way, because half a stale line could pass for a whole one.

use std::io::{self, Read, Write};
use std::mem;
use std::path::Path;
use std::time::{Duration, Instant};

use serialport::{ClearBuffer, SerialPort};

use super::{Ask, identity, is_reading, is_refusal};

pub(super) struct Wire {
    port: Box<dyn SerialPort>,
    received: Vec<u8>,
    // The rest of an overlong line is still to come and must be discarded.
    skipping: bool,
    in_step: bool,
    // Number of unanswered `*IDN?`. Their answers cannot be told from the answer to the next one.
    owed_identities: u32,
}

/// Why an exchange failed, before the port has a name.
#[derive(Debug)]
pub(super) enum Failure {
    Silent { command: String },
    Garbled { command: String, reply: String },
    Refused { command: String, reply: String },
    Lost(io::Error),
}

impl Wire {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let name = path.to_str().ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "the path is not valid Unicode, which a serial port needs",
            )
        })?;
        // 8 data bits, no parity, 1 stop bit and no flow control are the defaults.
        let port = serialport::new(name, BAUD).open()?;
        port.clear(ClearBuffer::All)?;
        Ok(Self {
            port,
            received: Vec::new(),
            skipping: false,
            in_step: false,
            owed_identities: 0,
        })
    }

    /// Resynchronizes, sends the commands of `ask`, and reads the answer, each within `timeout`.
    pub(super) fn ask<T>(
        &mut self,
        ask: Ask<'_>,
        timeout: Duration,
        parse: fn(&str) -> Option<T>,
    ) -> Result<T, Failure> {
        self.get_in_step(timeout)?;
        self.in_step = false;
        let command = ask.blame().to_owned();
        let outcome = self.exchange(ask, Instant::now() + timeout);
        if ask.query == IDENTIFY && !outcome.as_deref().is_ok_and(|r| identity(r).is_some()) {
            self.owed_identities = self.owed_identities.saturating_add(1);
        }
        let reply = outcome.map_err(|trouble| trouble.into_failure(&command))?;
        if is_refusal(&reply) {
            // A refused setting leaves the answer to its confirmation still to come.
            self.in_step = ask.setting.is_none() && ask.query != IDENTIFY;
            return Err(Failure::Refused { command, reply });
        }
        match parse(&reply) {
            Some(value) => {
                self.in_step = true;
                Ok(value)
            }
            None => Err(Failure::Garbled { command, reply }),
        }
    }

    fn exchange(&mut self, ask: Ask<'_>, deadline: Instant) -> Result<String, Trouble> {
        let mut text = String::new();
        for command in ask.setting.into_iter().chain([ask.query]) {
            text.push_str(command);
            text.push('\n');
        }
        self.send(&text, deadline)?;
        self.read_line(deadline)
    }

    /// Takes at most twice `timeout`; costs one look at the input buffer when nothing went wrong before.
    fn get_in_step(&mut self, timeout: Duration) -> Result<(), Failure> {
        let unread = self.port.bytes_to_read().map_err(io::Error::from);
        let unread = unread.map_err(Failure::Lost)?;
        if self.in_step && self.received.is_empty() && unread == 0 {
            return Ok(());
        }
        self.in_step = false;
        self.resynchronise(Instant::now() + timeout, timeout)
            .map_err(|trouble| trouble.into_failure(IDENTIFY))?;
        self.in_step = true;
        Ok(())
    }

    fn resynchronise(&mut self, mut deadline: Instant, timeout: Duration) -> Result<(), Trouble> {
        // The empty line ends a command of which the instrument may have received only a part.
        self.send("\n*IDN?\n", deadline)?;
        self.owed_identities = self.owed_identities.saturating_add(1);
        let mut heard_identity = false;
        let mut noise = None;
        while self.owed_identities > 0 {
            match self.read_line(deadline) {
                Ok(line) if identity(&line).is_some() => {
                    self.owed_identities -= 1;
                    if !mem::replace(&mut heard_identity, true) {
                        // The instrument answers, so the other identities come within a timeout from now, or were lost.
                        deadline = Instant::now() + timeout;
                    }
                }
                Ok(line) if is_reading(&line) || is_refusal(&line) => {}
                Ok(line) | Err(Trouble::Noise(line)) => noise = Some(line),
                Err(Trouble::Silent) if heard_identity => self.owed_identities = 0,
                Err(Trouble::Silent) => return Err(noise.map_or(Trouble::Silent, Trouble::Noise)),
                Err(lost) => return Err(lost),
            }
        }
        Ok(())
    }

    fn send(&mut self, text: &str, deadline: Instant) -> Result<(), Trouble> {
        self.limit_wait(deadline)?;
        // No flush: it would wait without limit for a device that accepts no bytes.
        self.port.write_all(text.as_bytes()).map_err(Trouble::from)
    }

    /// The next non-empty line, without its line end.
    fn read_line(&mut self, deadline: Instant) -> Result<String, Trouble> {
        loop {
            if let Some(end) = self.received.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.received.drain(..=end).collect();
                let line = line.trim_ascii();
                if !mem::take(&mut self.skipping) && !line.is_empty() {
                    return decode(line);
                }
            } else if self.received.len() > MAX_LINE || self.skipping {
                let start = mem::take(&mut self.received);
                if !mem::replace(&mut self.skipping, true) {
                    return Err(Trouble::Noise(excerpt(&start)));
                }
                self.fill(deadline)?;
            } else {
                self.fill(deadline)?;
            }
        }
    }

    fn fill(&mut self, deadline: Instant) -> Result<(), Trouble> {
        self.limit_wait(deadline)?;
        let mut chunk = [0; MAX_LINE];
        match self.port.read(&mut chunk) {
            Ok(0) => Err(Trouble::Lost(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the device hung up",
            ))),
            Ok(count) => {
                self.received.extend(chunk.iter().take(count));
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn limit_wait(&mut self, deadline: Instant) -> Result<(), Trouble> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Trouble::Silent);
        }
        self.port
            .set_timeout(left)
            .map_err(|error| Trouble::Lost(error.into()))
    }
}

/// Why no line could be read.
enum Trouble {
    Silent,
    Noise(String),
    Lost(io::Error),
}

impl Trouble {
    fn into_failure(self, command: &str) -> Failure {
        let command = command.to_owned();
        match self {
            Self::Silent => Failure::Silent { command },
            Self::Noise(reply) => Failure::Garbled { command, reply },
            Self::Lost(cause) => Failure::Lost(cause),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Self::Silent,
            _ => Self::Lost(error),
        }
    }
}

fn decode(line: &[u8]) -> Result<String, Trouble> {
    let printable = line.iter().all(|byte| matches!(byte, b' '..=b'~'));
    match str::from_utf8(line) {
        Ok(text) if printable && line.len() <= MAX_LINE => Ok(text.to_owned()),
        _ => Err(Trouble::Noise(excerpt(line))),
    }
}

fn excerpt(line: &[u8]) -> String {
    let (start, _) = line.split_at(line.len().min(MAX_LINE));
    start.escape_ascii().to_string()
}

const BAUD: u32 = 115_200;
const IDENTIFY: &str = "*IDN?";
const MAX_LINE: usize = 256;
