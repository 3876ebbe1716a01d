//! Processes: the servers and clients of contenders, and where they run.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use crate::data::Failure;

/// How long a process may take to give an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts the line that says why a process cannot go on.
const ERROR: &str = "error: ";

/// Where client and server run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Both on one core, so that the software is compared, and not how long another core takes to wake up.
    Pinned,
    /// Wherever the operating system puts them.
    Free,
}

impl Placement {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pinned => "pinned",
            Self::Free => "free",
        }
    }
}

/// A process of a contender. It is ended when this is dropped.
pub struct Process {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Process {
    /// Starts a process and returns it with the first line that it prints.
    pub fn start(mut command: Command, placement: Placement) -> Result<(Self, String), Failure> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = affinity::started_in(placement, || command.spawn())?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the process has no standard input and output".into());
        };
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            lines.into_iter().try_for_each(|line| sender.send(line))
        });
        let process = Self {
            child,
            input,
            lines,
        };
        let first = process.line()?;
        Ok((process, first))
    }

    /// Writes a line, and returns the one that comes back.
    pub fn ask(&mut self, line: &str) -> Result<String, Failure> {
        writeln!(self.input, "{line}")?;
        self.line()
    }

    fn line(&self) -> Result<String, Failure> {
        let line = match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => {
                return Err(format!("no answer within {} s", PATIENCE.as_secs()).into());
            }
            Err(RecvTimeoutError::Disconnected) => return Err("the process has ended".into()),
        };
        match line.strip_prefix(ERROR) {
            Some(error) => Err(error.into()),
            None => Ok(line),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Prints an error where the parent looks for it.
pub fn report_to_parent(error: &Failure) {
    println!("{ERROR}{}", error.to_string().replace('\n', " "));
}

/// Returns when the parent has closed standard input or is gone.
pub fn wait_for_parent() -> Result<(), Failure> {
    std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink())?;
    Ok(())
}

/// A runtime of one thread, which is the fastest setting where one core serves one client.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

/// Runs a server until it fails or the parent closes standard input.
pub fn serve_in_runtime(server: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    std::thread::spawn(|| {
        let _ = wait_for_parent();
        std::process::exit(0);
    });
    runtime()?.block_on(server)
}

pub use affinity::PLACEMENTS;

/// The only part that depends on the operating system.
#[cfg(target_os = "linux")]
mod affinity {
    use std::io;

    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    use super::Placement;

    pub const PLACEMENTS: &[Placement] = &[Placement::Pinned, Placement::Free];

    /// Calls `start` while this thread may run where the new process is to run, which inherits that.
    pub(super) fn started_in<T>(
        placement: Placement,
        start: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        let everywhere = sched_getaffinity(None)?;
        if placement == Placement::Pinned {
            let last = (0..CpuSet::MAX_CPU)
                .rev()
                .find(|core| everywhere.is_set(*core));
            let mut core = CpuSet::new();
            core.set(last.unwrap_or_default());
            sched_setaffinity(None, &core)?;
        }
        let started = start();
        sched_setaffinity(None, &everywhere)?;
        started
    }
}

#[cfg(not(target_os = "linux"))]
mod affinity {
    use std::io;

    use super::Placement;

    /// Pinning is implemented for Linux only.
    pub const PLACEMENTS: &[Placement] = &[Placement::Free];

    pub(super) fn started_in<T>(
        _: Placement,
        start: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        start()
    }
}
