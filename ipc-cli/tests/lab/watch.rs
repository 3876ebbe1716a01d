//! The program while it runs, as its output comes.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

#[cfg(unix)]
use super::interrupt;
use super::{PATIENCE, Running};

/// A program that runs.
pub struct Watch {
    child: Running,
    out: Receiver<String>,
    err: Receiver<String>,
}

impl Watch {
    pub fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out = lines(child.stdout.take().unwrap());
        let err = lines(child.stderr.take().unwrap());
        Self {
            child: Running(child),
            out,
            err,
        }
    }

    /// Waits for a line that has this text.
    #[track_caller]
    pub fn line(&self, text: &str) -> String {
        found(&self.out, text)
    }

    /// Waits for a line at standard error that has this text.
    #[track_caller]
    pub fn remark(&self, text: &str) -> String {
        found(&self.err, text)
    }

    /// Ends it as Ctrl-C does.
    #[cfg(unix)]
    #[track_caller]
    pub fn interrupt(mut self) {
        interrupt(&self.child.0);
        assert_eq!(self.child.0.wait().unwrap().code(), Some(0));
        let remarks: Vec<_> = self.err.iter().collect();
        assert!(
            !remarks.iter().any(|it| it.contains("cancelled")),
            "{remarks:?}"
        );
    }
}

fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            let _ = sender.send(line.unwrap());
        }
    });
    lines
}

#[track_caller]
fn found(lines: &Receiver<String>, text: &str) -> String {
    let mut seen = Vec::new();
    loop {
        match lines.recv_timeout(PATIENCE) {
            Ok(line) if line.contains(text) => return line,
            Ok(line) => seen.push(line),
            Err(error) => unreachable!("`{text}` did not come ({error}): {seen:#?}"),
        }
    }
}
