//! The fake driver: enters each execution into the ledger before it does anything else.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ipc_core::{CallContext, remote};

use super::random::scramble;

/// An instrument whose every movement is on record.
pub struct Bench {
    ledger: File,
    sync: bool,
    witness: Option<Witness>,
}

/// Says what is to be on record beside the token of a call that has just entered the device.
pub type Witness = Arc<dyn Fn() -> String + Send + Sync>;

/// Each method enters its token and answers what only this token is answered.
#[remote]
impl Bench {
    /// Writes into the ledger at `path`; with `sync` each entry is on the disk before the method goes on.
    ///
    /// # Errors
    ///
    /// What the system says.
    #[remote(skip)]
    pub fn open(path: &Path, sync: bool) -> io::Result<Self> {
        let ledger = OpenOptions::new().create(true).append(true).open(path)?;
        let witness = None;
        Ok(Self {
            ledger,
            sync,
            witness,
        })
    }

    /// Puts on record what `witness` says of each call.
    #[remote(skip)]
    pub fn watched(mut self, witness: Witness) -> Self {
        self.witness = Some(witness);
        self
    }

    fn enter(&self, token: u64) -> io::Result<()> {
        match &self.witness {
            Some(witness) => self.note(&format!("{token:015x} {}", witness())),
            None => self.note(&format!("{token:015x}")),
        }
    }

    /// Writes a line into the ledger: one write within one page, so that it is there as a whole or not at all when the
    /// process is killed.
    #[remote(skip)]
    pub fn note(&self, line: &str) -> io::Result<()> {
        (&self.ledger).write_all(format!("{line}\n").as_bytes())?;
        match self.sync {
            true => self.ledger.sync_data(),
            false => Ok(()),
        }
    }

    /// Does something that must not be done twice.
    pub fn step(&mut self, token: u64) -> io::Result<u64> {
        self.enter(token)?;
        Ok(answer(token))
    }

    /// Does something that may be done twice.
    #[remote(idempotent)]
    pub fn peek(&mut self, token: u64) -> io::Result<u64> {
        self.enter(token)?;
        Ok(answer(token))
    }

    /// Looks at something, also while another client has a lease.
    #[remote(read, idempotent)]
    pub fn look(&self, token: u64) -> io::Result<u64> {
        self.enter(token)?;
        Ok(answer(token))
    }

    /// Accepts ranges from 1 to 5.
    pub fn select(&mut self, token: u64, #[remote(range = 1..=5)] range: u8) -> io::Result<u64> {
        self.enter(token)?;
        Ok(answer(token) ^ u64::from(range))
    }

    /// Runs and fails.
    pub fn fail(&mut self, token: u64) -> io::Result<u64> {
        self.enter(token)?;
        Err(io::Error::other(format!("{:016x}", answer(token))))
    }

    /// Takes so many milliseconds, unless its caller gives it up.
    pub fn slow(&mut self, ctx: &CallContext, token: u64, millis: u32) -> io::Result<u64> {
        self.enter(token)?;
        let end = Instant::now() + Duration::from_millis(millis.into());
        while Instant::now() < end && !ctx.is_cancelled() {
            thread::sleep(Duration::from_millis(1).min(end - Instant::now().min(end)));
        }
        Ok(answer(token))
    }

    /// Takes so many milliseconds and does not look up.
    pub fn deaf(&mut self, token: u64, millis: u32) -> io::Result<u64> {
        self.enter(token)?;
        thread::sleep(Duration::from_millis(millis.into()));
        Ok(answer(token))
    }

    /// Returns so many bytes.
    pub fn bulk(&mut self, token: u64, bytes: u32) -> io::Result<Vec<u8>> {
        self.enter(token)?;
        Ok(pattern(token, bytes as usize))
    }

    /// Takes bytes in.
    pub fn upload(&mut self, token: u64, data: &[u8]) -> io::Result<u64> {
        self.enter(token)?;
        match data == pattern(token, data.len()) {
            true => Ok(answer(token)),
            false => Err(io::Error::other("these are the bytes of another call")),
        }
    }
}

/// What the call with this token is answered, and no other.
pub fn answer(token: u64) -> u64 {
    scramble(token)
}

/// Returns this many bytes that belong to the token.
pub fn pattern(token: u64, bytes: usize) -> Vec<u8> {
    answer(token)
        .to_le_bytes()
        .into_iter()
        .cycle()
        .take(bytes)
        .collect()
}
