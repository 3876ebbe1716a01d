//! The leases of clients that have an identity, in a file that outlives the server.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ipc_core::interface::commands::LeaseRequest;
use serde::{Deserialize, Serialize};

use crate::log::{self, About};

/// The file in which leases are saved.
#[derive(Debug)]
pub(crate) struct LeaseFile {
    path: PathBuf,
    /// Number of the state that was written last: of two that are written at the same time, the later one counts.
    written: Mutex<u64>,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    leases: Vec<SavedLease>,
}

/// A lease in the file. The number of the claim is a text, because few programs read integers of 128 bits.
#[derive(Serialize, Deserialize)]
struct SavedLease {
    claim: String,
    identity: String,
    devices: Vec<String>,
    because: String,
    refuses_reads: bool,
    grace_ms: Option<u64>,
    /// How long it lasts at most from the restart on.
    for_ms: Option<u64>,
}

impl SavedLease {
    fn of(request: &LeaseRequest) -> Self {
        let request = request.clone();
        Self {
            claim: format!("{:032x}", request.claim),
            identity: request.identity,
            devices: request.devices,
            because: request.because,
            refuses_reads: request.refuses_reads,
            grace_ms: request.grace_ms,
            for_ms: request.for_ms,
        }
    }

    fn into_request(self) -> Result<LeaseRequest, String> {
        let claim = u128::from_str_radix(&self.claim, 16).map_err(|error| error.to_string())?;
        Ok(LeaseRequest {
            claim,
            identity: self.identity,
            devices: self.devices,
            because: self.because,
            refuses_reads: self.refuses_reads,
            grace_ms: self.grace_ms,
            for_ms: self.for_ms,
            may_wait: true,
        })
    }
}

impl LeaseFile {
    /// Opens the file in a directory, which is created if it does not exist. Returns the leases in it.
    pub(crate) fn open(directory: &Path) -> io::Result<(Self, Vec<LeaseRequest>)> {
        fs::create_dir_all(directory)?;
        let path = directory.join("leases.json");
        let saved = match fs::read(&path) {
            Ok(bytes) => read(&bytes).map_err(|problem| {
                let problem = format!("{} is not a list of leases: {problem}", path.display());
                io::Error::new(io::ErrorKind::InvalidData, problem)
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let written = Mutex::new(0);
        Ok((Self { path, written }, saved))
    }

    /// Replaces the leases in the file, unless a later state, with a higher `number`, has been written. Blocks until the disk has
    /// them. An error is logged.
    pub(crate) fn save(&self, leases: &[LeaseRequest], number: u64) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if *written > number {
            return;
        }
        *written = number;
        if let Err(error) = self.replace(leases) {
            log::error(
                About::server(),
                format_args!(
                    "leases cannot be saved in {}, and will not survive a restart: {error}",
                    self.path.display()
                ),
            );
        }
    }

    fn replace(&self, leases: &[LeaseRequest]) -> io::Result<()> {
        let leases = leases.iter().map(SavedLease::of).collect();
        let text = serde_json::to_vec_pretty(&Saved { leases })?;
        let new = self.path.with_extension("json.new");
        let mut file = File::create(&new)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        sync_directory(&self.path)
    }
}

fn read(bytes: &[u8]) -> Result<Vec<LeaseRequest>, String> {
    let saved: Saved = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    saved
        .leases
        .into_iter()
        .map(SavedLease::into_request)
        .collect()
}

/// Makes the new name of a file durable. Only Unix has a call for that.
#[cfg(unix)]
fn sync_directory(file: &Path) -> io::Result<()> {
    match file.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(not(unix))]
fn sync_directory(_file: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(claim: u128) -> LeaseRequest {
        LeaseRequest {
            claim,
            devices: vec!["laser".into()],
            because: "sweep".into(),
            identity: "station 1".into(),
            for_ms: Some(5000),
            may_wait: true,
            ..LeaseRequest::default()
        }
    }

    fn directory(name: &str) -> PathBuf {
        let process = std::process::id();
        std::env::temp_dir().join(format!("leases-{name}-{process}"))
    }

    #[test]
    fn saved_leases_are_read_again() {
        let directory = directory("saved");
        let (file, none) = LeaseFile::open(&directory).unwrap();
        assert_eq!(none, []);
        let leases = [lease(u128::MAX), lease(7)];
        file.save(&leases, 2);
        file.save(&[], 1);
        let (_, read) = LeaseFile::open(&directory).unwrap();
        assert_eq!(read, leases);
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_damaged_file_is_named() {
        let directory = directory("damaged");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("leases.json"), "{\"leases\": 3}").unwrap();
        let error = LeaseFile::open(&directory).unwrap_err().to_string();
        fs::remove_dir_all(directory).unwrap();
        assert!(
            error.contains("leases.json is not a list of leases"),
            "{error}"
        );
    }
}
