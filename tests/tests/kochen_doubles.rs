//! The same experiment for this project and for kochen: the connection is cut after each call has run and before its
//! reply.
//!
//! `cargo test --release -p tests --test kochen_doubles -- --nocapture` prints a line for each. Needs `python3` with
//! `venv`, and a place from which `pip` gets kochen; where they are missing that half says so and passes, or fails with
//! `IPC_REQUIRE_INTEROP=1` in the environment.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    reason = "a test says what it expects by unwrapping"
)]

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use tests::faults::Scratch;
use tests::faults::device::{BenchProxy, answer};
use tests::faults::ledger::{Log, read_ledger};
use tests::faults::proxy::{Proxy, calm};
use tests::faults::supervisor::{ServerSetup, Supervisor};
use tests::faults::worker::Reach;

const CALLS: u64 = 20;

#[test]
fn each_call_runs_once_although_its_link_is_cut_before_the_answer() {
    let scratch = Scratch::new().expect("a directory");
    let ledger = scratch.file("ledger");
    let setup = ServerSetup {
        ledger: ledger.clone(),
        ..ServerSetup::default()
    };
    let program = Path::new(env!("CARGO_BIN_EXE_faults"));
    let server = Supervisor::start(program, &setup).expect("a server");
    let proxy = Proxy::start(server.address(), 1, calm()).expect("a proxy");
    let log = Log::open(&scratch.file("log")).expect("a log");
    let reach = Reach {
        address: proxy.address().to_string(),
        secret: None,
        liveness: Duration::from_secs(3),
    };
    let client = reach.client("cut", &log);
    let mut seen = HashSet::new();
    let right = thread::scope(|scope| {
        let calling = scope.spawn(|| {
            let call =
                |token: &u64| BenchProxy::new(&client).deaf(*token, 50) == Ok(answer(*token));
            (1..=CALLS).filter(call).count()
        });
        while !calling.is_finished() {
            let runs = read_ledger(&ledger).unwrap_or_default();
            if runs.into_keys().filter(|token| seen.insert(*token)).count() > 0 {
                proxy.strike(false);
            }
            thread::sleep(Duration::from_millis(1));
        }
        calling.join().expect("no panic")
    });
    let executions: u32 = read_ledger(&ledger).expect("a ledger").values().sum();
    let cuts = proxy.counts().total();
    println!(
        "this project: {CALLS} calls, {right} right answers, {executions} executions ({cuts} cuts)"
    );
    assert_eq!(
        (right as u64, u64::from(executions), cuts),
        (CALLS, CALLS, CALLS)
    );
}

#[test]
fn kochen_runs_them_twice() {
    let python = match environment() {
        Ok(python) => python,
        Err(reason) => return skip(&reason),
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/kochen_doubles.py");
    let output = Command::new("timeout")
        .arg("60")
        .arg(python)
        .arg(script)
        .arg(CALLS.to_string())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("python");
    let line = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    println!("{line}");
    let wanted = format!(
        "kochen: {CALLS} calls, {CALLS} right answers, {} executions",
        2 * CALLS
    );
    assert_eq!(line, wanted, "{}", String::from_utf8_lossy(&output.stderr));
}

fn skip(reason: &str) {
    // Bypasses the capture of the test harness, so that it is visible although the test passes.
    let notice = format!("\n*** SKIPPED: the comparison with kochen. {reason} ***\n\n");
    io::stderr()
        .write_all(notice.as_bytes())
        .expect("a standard error");
    let required = std::env::var_os("IPC_REQUIRE_INTEROP").is_some();
    assert!(!required, "the comparison is required: {reason}");
}

/// The interpreter of a virtual environment with kochen, made once.
fn environment() -> Result<PathBuf, String> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kochen-venv");
    let python = place.join("bin/python");
    let probe = Command::new(&python)
        .args(["-c", "import kochen.ipcutil"])
        .output();
    if !probe.is_ok_and(|output| output.status.success()) {
        run(Command::new("python3").args(["-m", "venv"]).arg(&place))?;
        let options = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ];
        run(Command::new(&python).args(options).arg("kochen==0.2026.11"))?;
    }
    Ok(python)
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?} cannot be run: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let complaint = String::from_utf8_lossy(&output.stderr);
            let last = complaint.lines().last().unwrap_or("no message");
            Err(format!("{command:?} failed: {last}"))
        }
    }
}
