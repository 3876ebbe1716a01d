//! The two records of a run: what the driver did (the ledger), and what callers were told (the log).

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use super::now_us;

/// How often each token was executed.
///
/// # Errors
///
/// Where the file cannot be read, or is not a ledger.
pub fn read_ledger(path: &Path) -> io::Result<HashMap<u64, u32>> {
    let mut executions = HashMap::new();
    for line in std::fs::read_to_string(path)?.lines() {
        *executions.entry(number(line, line)?).or_default() += 1;
    }
    Ok(executions)
}

/// Reads a number of a `line` in the form that tokens and leases have there.
pub(super) fn number(text: &str, line: &str) -> io::Result<u64> {
    u64::from_str_radix(text, 16).map_err(|_| damaged(line))
}

/// How a call ended, as its caller was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// With its own answer.
    Right,
    /// With something that is not its answer.
    Wrong,
    /// The driver ran and failed.
    Fault,
    /// The driver ran, its result was not kept.
    NotKept,
    /// Refused by the server.
    Refused,
    /// Refused because another client has a lease of the device.
    Held,
    /// Refused because the caller has lost the device.
    Fenced,
    /// Never sent.
    NotSent,
    /// No answer in time.
    TimedOut,
    /// No answer in time, and the server has said that it will not run.
    NotBegun,
    /// Given up by its caller.
    Cancelled,
    /// Nobody knows.
    Unknown,
}

const OUTCOMES: [(Outcome, &str); 12] = [
    (Outcome::Right, "right"),
    (Outcome::Wrong, "wrong"),
    (Outcome::Fault, "fault"),
    (Outcome::NotKept, "not-kept"),
    (Outcome::Refused, "refused"),
    (Outcome::Held, "held"),
    (Outcome::Fenced, "fenced"),
    (Outcome::NotSent, "not-sent"),
    (Outcome::TimedOut, "timed-out"),
    (Outcome::NotBegun, "not-begun"),
    (Outcome::Cancelled, "cancelled"),
    (Outcome::Unknown, "unknown"),
];

impl Outcome {
    /// Returns true if the caller was told that the call has not run and will not.
    pub fn is_not_executed(self) -> bool {
        let refused = matches!(self, Self::Refused | Self::Held | Self::Fenced);
        refused || matches!(self, Self::NotSent | Self::NotBegun)
    }

    /// Its name in the log.
    pub fn name(self) -> &'static str {
        OUTCOMES
            .iter()
            .find(|(outcome, _)| *outcome == self)
            .map_or("", |(_, name)| name)
    }
}

impl FromStr for Outcome {
    type Err = io::Error;

    fn from_str(text: &str) -> io::Result<Self> {
        let known = OUTCOMES.iter().find(|(_, name)| *name == text);
        known
            .map(|(outcome, _)| *outcome)
            .ok_or_else(|| damaged(text))
    }
}

/// Where callers write what they are about to do, and what came of it. Clones write into the same file.
#[derive(Clone, Debug)]
pub struct Log(Arc<File>);

impl Log {
    /// Goes on with the log at `path`.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self(Arc::new(file)))
    }

    /// A call is about to begin.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn begin(&self, token: u64, idempotent: bool) -> io::Result<()> {
        let may = if idempotent { "again" } else { "once" };
        self.line(&format!("begin {token:x} {may} {}", now_us()))
    }

    /// A call has ended.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn end(&self, token: u64, outcome: Outcome) -> io::Result<()> {
        self.line(&format!("end {token:x} {} {}", outcome.name(), now_us()))
    }

    /// The call that is about to begin is made under a lease.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn under(&self, token: u64, lease: u64) -> io::Result<()> {
        self.line(&format!("under {token:x} {lease:x}"))
    }

    /// The caller has been told that it has a lease.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn granted(&self, lease: u64) -> io::Result<()> {
        self.line(&format!("granted {lease:x}"))
    }

    /// The caller is about to give a lease to another one, and does not use it any more.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn given(&self, lease: u64, to: u64) -> io::Result<()> {
        self.line(&format!("given {lease:x} {to:x}"))
    }

    /// A lost connection was replaced after so many microseconds.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn recovered(&self, after_us: u64) -> io::Result<()> {
        self.line(&format!("recovered {after_us}"))
    }

    /// All lines are as long as each other and none crosses a page: a caller that is killed leaves no half of one.
    fn line(&self, line: &str) -> io::Result<()> {
        (&*self.0).write_all(format!("{line:<63}\n").as_bytes())
    }
}

/// What the log says of one call.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// Whether it may be executed again.
    pub idempotent: bool,
    /// When it began.
    pub began_us: u64,
    /// How it ended, and when; nothing if its caller was killed.
    pub end: Option<(Outcome, u64)>,
    /// How often its end was told.
    pub ends: u32,
}

/// What a log says.
#[derive(Debug, Default)]
pub struct LogBook {
    /// All calls by token.
    pub calls: HashMap<u64, Told>,
    /// How long each recovery took, in microseconds.
    pub recoveries: Vec<u64>,
    /// The leases that callers were told of.
    pub granted: HashSet<u64>,
    /// The lease under which a call was made, by token.
    pub under: HashMap<u64, u64>,
    /// The caller to which a lease was given, or perhaps was, by lease.
    pub given: HashMap<u64, u64>,
}

/// Reads a log.
///
/// # Errors
///
/// Where the file cannot be read, or is not a log.
pub fn read_log(path: &Path) -> io::Result<LogBook> {
    let mut book = LogBook::default();
    for line in std::fs::read_to_string(path)?.lines() {
        book.enter(line)?;
    }
    Ok(book)
}

impl LogBook {
    fn enter(&mut self, line: &str) -> io::Result<()> {
        let time = |text: &str| text.parse().map_err(|_| damaged(line));
        let number = |text: &str| number(text, line);
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["begin", token, may, at] => {
                let told = Told {
                    idempotent: *may == "again",
                    began_us: time(at)?,
                    end: None,
                    ends: 0,
                };
                self.calls.insert(number(token)?, told);
            }
            ["end", token, outcome, at] => {
                let told = self.calls.get_mut(&number(token)?);
                let told = told.ok_or_else(|| damaged(line))?;
                told.end = Some((outcome.parse()?, time(at)?));
                told.ends += 1;
            }
            ["recovered", after] => self.recoveries.push(time(after)?),
            ["granted", lease] => drop(self.granted.insert(number(lease)?)),
            ["under", token, lease] => drop(self.under.insert(number(token)?, number(lease)?)),
            ["given", lease, to] => drop(self.given.insert(number(lease)?, number(to)?)),
            _ => return Err(damaged(line)),
        }
        Ok(())
    }
}

pub(super) fn damaged(line: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("not a line of a record: {line:?}"),
    )
}
