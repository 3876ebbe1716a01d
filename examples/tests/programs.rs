//! The programs as a person runs them: a new secret, the demo, a server, and clients with and without the secret.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

const SERVER: &str = env!("CARGO_BIN_EXE_powermeter-server");
const CLIENT: &str = env!("CARGO_BIN_EXE_powermeter-client");

/// A file that is not there yet.
fn no_file(name: &str) -> PathBuf {
    let path =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()));
    let _ = fs::remove_file(&path);
    path
}

fn new_secret(file: &PathBuf) -> Output {
    let program = env!("CARGO_BIN_EXE_new-secret");
    Command::new(program).arg(file).output().unwrap()
}

/// A server that ends with the test. Its terminal is closed as soon as it has said its address: that ended it once.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(options: &[&str]) -> Self {
        let mut process = Command::new(SERVER)
            .args(["--simulate", "--port", "0"])
            .args(options)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(process.stderr.take().unwrap());
        let address = said
            .lines()
            .find_map(|line| Some(line.unwrap().strip_prefix("Serving on ")?.to_string()))
            .expect("an address");
        Self { process, address }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_new_secret_serves_those_who_have_the_file() {
    let file = no_file("lab.secret");
    let made = new_secret(&file);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let secret = fs::read_to_string(&file).unwrap();
    assert_eq!(secret.trim_end().len(), 26);
    assert!(!text(&made.stdout).contains(secret.trim_end()));
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );

    let again = new_secret(&file);
    assert!(!again.status.success() && text(&again.stderr).contains("exists"));
    assert_eq!(fs::read_to_string(&file).unwrap(), secret, "left alone");

    let file = file.to_str().unwrap();
    let server = Server::start(&["--secret-file", file]);
    let client = |options: &[&str]| {
        let mut command = Command::new(CLIENT);
        command.arg(&server.address).args(["--readings", "3"]);
        command
            .args(options)
            .env_remove("IPC_SECRET")
            .output()
            .unwrap()
    };
    let read = client(&["--secret-file", file]);
    assert!(read.status.success(), "{}", text(&read.stderr));
    assert_eq!(text(&read.stdout).matches(" V\n").count(), 3);

    let wave = client(&["--secret-file", file, "--waveform", "250"]);
    assert!(
        text(&wave.stdout).contains("250 readings"),
        "{}",
        text(&wave.stdout)
    );
    assert!(
        text(&wave.stderr).contains("taking readings: 40 %"),
        "{}",
        text(&wave.stderr)
    );

    let without = client(&[]);
    assert!(!without.status.success());
    assert!(
        text(&without.stderr).contains("secret"),
        "{}",
        text(&without.stderr)
    );
}

#[test]
fn the_demo_runs_in_the_clear_and_under_a_secret() {
    let file = no_file("demo.secret");
    new_secret(&file);
    for options in [&[][..], &["--secret-file", file.to_str().unwrap()]] {
        let mut demo = Command::new(env!("CARGO_BIN_EXE_demo"));
        let ran = demo
            .args(["--readings", "2"])
            .args(options)
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", text(&ran.stderr));
        assert!(
            text(&ran.stdout).contains("0 faults"),
            "{}",
            text(&ran.stdout)
        );
    }
}

#[test]
fn a_secret_that_others_can_read_is_pointed_out() {
    let file = no_file("open.secret");
    new_secret(&file);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    // An address that no computer has: it ends at once.
    let ran = Command::new(SERVER)
        .args(["--simulate", "--bind", "192.0.2.1"])
        .args(["--secret-file", file.to_str().unwrap()])
        .output()
        .unwrap();
    let said = text(&ran.stderr);
    assert!(said.contains("chmod 600") && said.contains("640"), "{said}");
}
