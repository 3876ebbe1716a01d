//! Captures the log of the libraries for tests.

use std::io::{self, Write};
use std::sync::{Mutex, Once, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

use crate::wait::until;

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static ONCE: Once = Once::new();

/// Starts to capture what any thread of this process logs.
pub fn capture() {
    ONCE.call_once(|| {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(Keeper)
            .init();
    });
}

/// Returns the lines so far that contain all of `words`.
pub fn lines(words: &[&str]) -> Vec<String> {
    let text =
        String::from_utf8_lossy(&LINES.lock().unwrap_or_else(PoisonError::into_inner)).into_owned();
    text.lines()
        .filter(|line| words.iter().all(|word| line.contains(word)))
        .map(ToString::to_string)
        .collect()
}

/// Waits for a line that contains all of `words`.
pub fn expect(words: &[&str]) -> String {
    until(&format!("a log line with {words:?}"), || {
        !lines(words).is_empty()
    });
    lines(words).remove(0)
}

struct Keeper;

impl Write for Keeper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        lines.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Keeper {
    type Writer = Keeper;

    fn make_writer(&'a self) -> Keeper {
        Keeper
    }
}
