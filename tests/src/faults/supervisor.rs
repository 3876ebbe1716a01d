//! Manages the server process: starts it, kills it, and restarts it on the same port.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use super::verdict::Restart;
use super::{Failure, now_us};

/// Secrets are passed in the environment, because other users can read arguments.
pub const SECRET_VARIABLE: &str = "FAULTS_SECRET";

/// The server process, and how to start it again.
#[derive(Debug)]
pub struct Supervisor {
    program: PathBuf,
    arguments: Vec<OsString>,
    secret: Option<String>,
    process: Process,
    address: SocketAddr,
    restarts: Vec<Restart>,
}

/// A process in some role, ended when dropped. It also ends with this process, which closes its standard input.
#[derive(Debug)]
pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
}

impl Process {
    /// Starts `program` with these arguments.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn start(
        program: &Path,
        arguments: &[OsString],
        secret: Option<&str>,
    ) -> std::io::Result<Self> {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        match secret {
            Some(secret) => command.env(SECRET_VARIABLE, secret),
            None => command.env_remove(SECRET_VARIABLE),
        };
        Self::spawn(&mut command)
    }

    /// Starts `command`, whose standard input and output must be piped.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn spawn(command: &mut Command) -> std::io::Result<Self> {
        let mut child = command.spawn()?;
        let input = child.stdin.take();
        Ok(Self { child, input })
    }

    /// Returns the first line that the process prints.
    ///
    /// # Errors
    ///
    /// If it ends without one.
    pub fn first_line(&mut self) -> Result<String, Failure> {
        let output = self
            .child
            .stdout
            .take()
            .ok_or("it has no output any more")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        match line.trim() {
            "" => Err(format!("the process ended with {}", self.child.wait()?).into()),
            line => Ok(line.to_string()),
        }
    }

    /// Returns the process id, for signals.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Runs `work` while the process is stopped. Where processes cannot be stopped, it runs on meanwhile.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn while_stopped(&self, work: impl FnOnce()) -> std::io::Result<()> {
        #[cfg(unix)]
        self.signal(rustix::process::Signal::STOP)?;
        work();
        #[cfg(unix)]
        self.signal(rustix::process::Signal::CONT)?;
        Ok(())
    }

    #[cfg(unix)]
    fn signal(&self, signal: rustix::process::Signal) -> std::io::Result<()> {
        let id = rustix::process::Pid::from_child(&self.child);
        Ok(rustix::process::kill_process(id, signal)?)
    }

    /// Kills the process with SIGKILL.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn kill(&mut self) -> std::io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Asks the process to finish and waits for its end.
    ///
    /// # Errors
    ///
    /// If it finds something to complain about, or does not end.
    pub fn finish(mut self) -> Result<(), Failure> {
        drop(self.input.take());
        self.wait()
    }

    /// Returns true if the process has ended by itself.
    ///
    /// # Errors
    ///
    /// If it has found something to complain about.
    pub fn has_ended(&mut self) -> Result<bool, Failure> {
        match self.child.try_wait()? {
            Some(status) if !status.success() => {
                Err(format!("the process ended with {status}").into())
            }
            status => Ok(status.is_some()),
        }
    }

    /// Waits until the process has ended by itself.
    ///
    /// # Errors
    ///
    /// If it finds something to complain about, or does not end.
    pub fn wait(&mut self) -> Result<(), Failure> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if self.has_ended()? {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Err("the process does not end".into())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may already have ended.
        let _ = self.kill();
    }
}

/// How to start a server.
#[derive(Clone, Debug, Default)]
pub struct ServerSetup {
    /// The file into which the driver writes.
    pub ledger: PathBuf,
    /// Whether each entry is flushed to disk.
    pub fsync: bool,
    /// The secret, if any.
    pub secret: Option<String>,
    /// More options of the role.
    pub more: Vec<OsString>,
}

impl Supervisor {
    /// Starts a server on any free port.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub fn start(program: &Path, setup: &ServerSetup) -> Result<Self, Failure> {
        let mut arguments = vec![OsString::from("server"), "--ledger".into()];
        arguments.push(setup.ledger.clone().into());
        if setup.fsync {
            arguments.push("--fsync".into());
        }
        arguments.extend(setup.more.iter().cloned());
        let secret = setup.secret.clone();
        let (process, address) = launch(program, &arguments, secret.as_deref(), 0)?;
        Ok(Self {
            program: program.into(),
            arguments,
            secret,
            process,
            address,
            restarts: Vec::new(),
        })
    }

    /// Returns the address of the server, which restarts do not change.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process of the server.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Kills the server and restarts it on the same port.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub fn restart(&mut self) -> Result<Restart, Failure> {
        let killed_us = now_us();
        self.process.kill()?;
        let secret = self.secret.as_deref();
        let port = self.address.port();
        let (process, _) = launch(&self.program, &self.arguments, secret, port)?;
        self.process = process;
        let restart = Restart {
            killed_us,
            back_us: now_us(),
        };
        self.restarts.push(restart);
        Ok(restart)
    }

    /// Returns all restarts so far.
    pub fn restarts(&self) -> &[Restart] {
        &self.restarts
    }

    /// Stops the server normally.
    ///
    /// # Errors
    ///
    /// If it does not end, or not well.
    pub fn stop(self) -> Result<Vec<Restart>, Failure> {
        self.process.finish()?;
        Ok(self.restarts)
    }
}

/// Starts a server and waits until it listens. A connection that was being opened when the earlier server died may use
/// its port for a moment.
fn launch(
    program: &Path,
    arguments: &[OsString],
    secret: Option<&str>,
    port: u16,
) -> Result<(Process, SocketAddr), Failure> {
    let mut arguments = arguments.to_vec();
    arguments.extend(["--port".into(), port.to_string().into()]);
    let end = Instant::now() + PATIENCE;
    loop {
        let mut process = Process::start(program, &arguments, secret)?;
        match process.first_line() {
            Ok(line) => return Ok((process, line.parse()?)),
            Err(error) if Instant::now() > end => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(20);
