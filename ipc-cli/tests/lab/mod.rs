//! Servers for the tests, and the program run against them.

#![allow(dead_code, reason = "each test uses a part")]

pub mod probe;
#[cfg(unix)]
pub mod terminal;
pub mod watch;

use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use ipc_client::{CallContext, remote};
use ipc_server::{Device, Server, ServerBuilder, ServerHandle};

/// A laser with all that a test needs.
pub struct Laser {
    power: f64,
    shutter: Shutter,
    begun: Sender<()>,
}

#[derive(Clone, Default)]
pub struct Shutter(Arc<AtomicBool>);

/// What went wrong in a laser.
#[derive(Debug, thiserror::Error)]
#[error("the interlock is open\u{1b}[2J")]
pub struct Interlock;

/// A laser\u{1b}[31m of the laboratory.
#[remote(crate = ipc_client)]
impl Laser {
    /// Mean power.
    ///
    /// Averaged.
    #[remote(unit = "mW")]
    pub fn read_power(&mut self, #[remote(range = 1..=1000)] samples: u32) -> f64 {
        self.power * f64::from(samples)
    }

    /// The power that is wanted.
    #[remote(get, unit = "mW")]
    pub fn level(&self) -> f64 {
        self.power
    }

    /// Sets the power.
    #[remote(set)]
    pub fn set_level(&mut self, #[remote(unit = "mW")] level: f64) {
        self.power = level;
    }

    /// Moves, also backwards.
    pub fn shift(&mut self, by: f64) -> f64 {
        self.power += by;
        self.power
    }

    /// Fails.
    pub fn fire(&mut self) -> Result<(), Interlock> {
        Err(Interlock)
    }

    /// Runs until the shutter is closed, or the caller gives up.
    pub fn run(&mut self, ctx: &CallContext) {
        ctx.progress(0.4, "warming\u{1b}[2J up");
        let _ = self.begun.send(());
        while !self.shutter.0.swap(false, Ordering::SeqCst) && !ctx.is_cancelled() {
            std::thread::yield_now();
        }
    }

    /// A text that a terminal would obey.
    pub fn title(&self) -> String {
        "a\u{1b}]0;owned\u{7}\u{9b}2Jb".into()
    }

    #[remote(handle)]
    fn shutter(&self) -> Shutter {
        self.shutter.clone()
    }

    /// Closes the shutter.
    #[remote(urgent)]
    pub fn close(shutter: &Shutter) {
        shutter.0.store(true, Ordering::SeqCst);
    }
}

/// A server with a laser.
pub struct Lab {
    pub server: ServerHandle,
    /// Each run of the laser that has begun.
    pub begun: Receiver<()>,
}

pub fn server() -> ServerBuilder {
    Server::builder()
        .bind("127.0.0.1:0")
        .insecure_without_secret()
}

impl Lab {
    pub fn new(server: ServerBuilder) -> Self {
        let (begun, has_begun) = channel();
        let laser = Laser {
            power: 1.5,
            shutter: Shutter::default(),
            begun,
        };
        let server = server.device(Device::new(laser).name("laser").prefix("laser_"));
        let server = server.function("add", |a: f64, b: f64| a + b);
        Self {
            server: server.spawn().unwrap(),
            begun: has_begun,
        }
    }

    pub fn address(&self) -> String {
        self.server.local_addr().to_string()
    }

    /// The program with this server.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = ipc(words);
        command.env("IPC_ADDRESS", self.address());
        command
    }

    pub fn run(&self, words: &[&str]) -> Ended {
        Ended::of(self.command(words).output().unwrap())
    }
}

/// The program, without anything from the environment of the test.
pub fn ipc(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipc"));
    command.args(words).stdin(Stdio::null());
    for variable in [
        "IPC_ADDRESS",
        "IPC_SECRET",
        "IPC_HOSTS",
        "IPC_SERVICE",
        "IPC_LANE",
    ] {
        command.env_remove(variable);
    }
    command
        .env("XDG_CONFIG_HOME", "/nowhere")
        .env("USER", "alice");
    command
}

/// How the program has ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Checks the exit code, and that standard error has these texts.
    #[track_caller]
    pub fn fails(&self, code: i32, texts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        for text in texts {
            assert!(self.err.contains(text), "`{text}` in {self:?}");
        }
        assert_eq!(self.out, "");
    }

    #[track_caller]
    pub fn says(&self, text: &str) {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{self:?}");
        assert_eq!(self.out, text);
    }

    /// The lines of standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Vec<serde_json::Value> {
        assert_eq!(self.code, Some(0), "{self:?}");
        let lines = self.out.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// Waits until something is true.
#[track_caller]
pub fn until(what: &str, is_true: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < PATIENCE, "{what} did not come true");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Ends the program when the test ends.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A busy machine takes less.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Does what Ctrl-C does.
#[cfg(unix)]
pub fn interrupt(child: &Child) {
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
}

/// The program at a terminal of its own, which is what standard output shows.
#[cfg(target_os = "linux")]
pub fn at_terminal(lab: &Lab, words: &str) -> Command {
    let command = lab.command(&[]);
    let program = env!("CARGO_BIN_EXE_ipc");
    let mut script = Command::new("script");
    script.args(["-qec", &format!("{program} {words}"), "/dev/null"]);
    script
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .env("TERM", "xterm");
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => script.env(name, value),
            None => script.env_remove(name),
        };
    }
    script
}
