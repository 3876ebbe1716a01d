//! Faults on purpose, and the count of what they did: no call runs twice, none succeeds that did not run.
//!
//! A server in a process of its own serves a [`device`] that writes every execution into a ledger before it answers. A
//! [`supervisor`] kills and restarts that process. A [`proxy`] between clients and server cuts, resets, holds up and
//! dribbles. [`worker`]s call, and log what each call ended in. The [`verdict`] is computed from ledger and log alone.
//! [`leases`] does the same with several clients and with devices that they lease.

pub mod device;
pub mod every_byte;
pub mod kills;
pub mod leases;
pub mod ledger;
pub mod long_call;
pub mod options;
pub mod proxy;
mod pump;
pub mod random;
pub mod roles;
pub mod run;
pub mod supervisor;
pub mod verdict;
pub mod worker;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Why a run came to no verdict.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The time of the wall clock in microseconds: comparable between the processes of one computer.
pub fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    })
}

/// A directory for the files of one run, removed when dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new directory, its name like no other.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn new() -> std::io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("faults-{}-{number}-{}", std::process::id(), now_us());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left behind lies among other temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The value below which `percent` of all values are; 0 for none. Sorts them.
pub fn percentile(values: &mut [u64], percent: usize) -> u64 {
    values.sort_unstable();
    let at = values.len().saturating_sub(1) * percent / 100;
    values.get(at).copied().unwrap_or(0)
}
