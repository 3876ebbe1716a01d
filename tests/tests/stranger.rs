//! A client that follows `PROTOCOL.md` and shares no code with this project, `interop/stranger.py`, against a real
//! server.
//!
//! Needs Python like `interop.rs`.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping, its helpers too"
)]

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead, BufReader};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use ipc_core::secure::Secret;
use ipc_core::wire::preamble::Ciphers;
use ipc_core::{CallContext, Device, remote};
use ipc_server::Server;

const SECRET: &str = "waktu é";

/// Errors of a bench.
#[remote]
#[derive(Clone, Debug, PartialEq)]
pub enum BenchError {
    Broken,
    Code(u8),
}

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BenchError::Broken => f.write_str("broken"),
            BenchError::Code(code) => write!(f, "code {code}"),
        }
    }
}

impl std::error::Error for BenchError {}

#[remote]
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    Off,
    Level(f64),
    Window { low: f64, high: Option<f32> },
    Pair(u8, i8),
}

#[remote]
#[derive(Clone, Debug, PartialEq)]
pub struct Point(pub i16, pub i16);

#[remote]
#[derive(Clone, Debug, PartialEq)]
pub struct Volts(pub f64);

#[remote]
#[derive(Clone, Debug, PartialEq)]
pub struct Nothing;

/// One of everything.
#[remote]
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    pub label: String,
    pub volts: [f64; 2],
    pub triggers: Vec<Trigger>,
    pub points: BTreeMap<String, Vec<Point>>,
    pub raw: Vec<u8>,
    pub letter: char,
    pub wait: Duration,
    pub nothing: Nothing,
    pub limit: Volts,
    pub note: Option<String>,
}

pub struct Bench {
    level: u8,
    count: u32,
    executions: u32,
    gate: Receiver<()>,
}

/// A bench for clients in other languages.
#[remote]
impl Bench {
    pub fn add(&self, a: f64, #[remote(default = 1.0)] b: f64) -> f64 {
        a + b
    }

    #[remote(get)]
    pub fn level(&self) -> u8 {
        self.level
    }

    #[remote(set)]
    pub fn set_level(&mut self, #[remote(range = 1..=5)] level: u8) {
        self.level = level;
    }

    pub fn echo(&self, setup: Setup, wide: u128) -> (Setup, u128) {
        (setup, wide)
    }

    pub fn count(&mut self) -> u32 {
        self.count += 1;
        self.count
    }

    pub fn fail(&self, code: u8) -> Result<(), BenchError> {
        Err(BenchError::Code(code))
    }

    pub fn panic(&self) {
        panic!("on purpose");
    }

    /// Runs until the gate is opened.
    pub fn hold(&mut self, ctx: &CallContext) -> String {
        self.executions += 1;
        ctx.progress(0.5, "holding");
        self.gate.recv().expect("a test that opens the gate");
        "held".into()
    }

    /// How often `hold` has run.
    pub fn executions(&self) -> u32 {
        self.executions
    }
}

#[test]
fn a_stranger_uses_a_server_in_the_clear() {
    play(None, Ciphers::NONE);
}

#[test]
fn a_stranger_uses_a_server_under_a_secret() {
    for ciphers in [Ciphers::CHACHA20_POLY1305, Ciphers::ALL] {
        play(Some(SECRET), ciphers);
    }
}

fn play(secret: Option<&str>, ciphers: Ciphers) {
    let Some(python) = tests::python::interpreter(env!("CARGO_TARGET_TMPDIR")) else {
        return;
    };
    let (open, gate) = mpsc::channel();
    let bench = Bench {
        level: 1,
        count: 0,
        executions: 0,
        gate,
    };
    let mut server = Server::builder()
        .port(0)
        .device(Device::new(bench).prefix("b_"))
        .function("twice", |n: u32| n * 2);
    let mut stranger = tests::python::program(python, "stranger.py");
    stranger.env_remove("IPC_SECRET");
    if let Some(secret) = secret {
        stranger.env("IPC_SECRET", secret);
        stranger.env("IPC_CIPHERS", ciphers.bits().to_string());
        let secret = Secret::new(secret).expect("a secret");
        server = server.secret(secret.with_ciphers(Ciphers::ALL));
    }
    let server = server.spawn().expect("a server");
    let port = server.local_addr().port().to_string();
    let mut child = stranger.arg(port).spawn().expect("run stranger.py");
    let stdout = child.stdout.take().expect("piped");
    let mut last = String::new();
    for line in BufReader::new(stdout).lines() {
        last = line.expect("text");
        if last == "open" {
            open.send(()).expect("a held method");
        }
    }
    // If the Python client failed half-way, a method may still be held.
    drop(open);
    assert!(child.wait().expect("its end").success());
    assert!(last.starts_with("ok "), "{last}");
    server.stop();
}
