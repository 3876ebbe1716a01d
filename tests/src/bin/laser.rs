//! A laser server as a user runs it, for tests that close its terminal, send signals, or do not read its log.
//!
//! `laser NOTES [own-log]` writes what happens to the laser into the file, line by line. After `run` returns, it waits
//! for the end of its standard input. `own-log` installs a log that writes straight to standard error.

use std::error::Error;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipc_core::{CallContext, Shared, remote};
use ipc_server::Server;

/// A laser that must be off when its server is gone.
pub struct Laser {
    notes: PathBuf,
    watts: f64,
}

#[remote]
impl Laser {
    /// Power, in watts.
    #[remote(get)]
    pub fn power(&self) -> f64 {
        self.watts
    }

    /// Power, in watts.
    #[remote(set)]
    pub fn set_power(&mut self, #[remote(range = 0.0..=5.0)] power: f64) {
        self.watts = power;
    }

    /// Fails, with a long story of several lines.
    pub fn align(&mut self) -> Result<(), String> {
        Err(format!(
            "the beam is off its path:\nforged: {}",
            "x".repeat(500)
        ))
    }

    /// Runs until it is cancelled.
    pub fn warm_up(&mut self, ctx: &CallContext) {
        note(&self.notes, "warming up");
        while !ctx.is_cancelled() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Laser {
    fn drop(&mut self) {
        note(&self.notes, "dropped");
    }
}

fn note(notes: &Path, line: &str) {
    let file = OpenOptions::new().create(true).append(true).open(notes);
    if let Ok(mut file) = file {
        // The test that waits for this line reports that it is missing.
        let _ = writeln!(file, "{line}");
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let notes = PathBuf::from(arguments.next().ok_or("the name of a file for notes")?);
    if arguments.next().is_some() {
        tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .init();
    }
    let laser = Laser {
        notes: notes.clone(),
        watts: 1.0,
    };
    let laser = Shared::new(laser).on_release(|laser, why| {
        note(&laser.notes, &format!("released: {why:?}"));
    });
    let noted = notes.clone();
    Server::builder()
        .bind("127.0.0.9")
        .port(0)
        .stop_timeout(Duration::from_secs(60))
        .device(laser)
        .function("where_are_the_notes", move || noted.display().to_string())
        .run()?;
    note(&notes, "run returned");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
