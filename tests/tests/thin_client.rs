//! `examples/thin` from the manual: a client that does not build the driver's hardware code.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tests::child::Peer;

/// Returns a cargo command that runs in this workspace, offline.
fn cargo(command: &str, package: &str) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    cargo.args([command, "--locked", "--offline", "-p", package]);
    cargo
}

fn text(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Builds a package by itself: in a build of the whole workspace, the client has the features that the host needs.
fn built(package: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("thin");
    text(
        cargo("build", package)
            .arg("--target-dir")
            .arg(&target)
            .output()
            .unwrap(),
    );
    let program = format!("{package}{}", std::env::consts::EXE_SUFFIX);
    target.join("debug").join(program)
}

#[test]
fn the_client_does_without_what_drives_the_hardware() {
    let needs = |package| {
        let tree = cargo("tree", package).args(["-e", "normal"]).output();
        text(tree.unwrap()).contains("serialport")
    };
    assert!(needs("shutter-host"));
    assert!(!needs("shutter-client"));
}

#[test]
fn the_two_programs_understand_each_other() {
    let mut host = Command::new(built("shutter-host"));
    host.arg("127.0.0.1:0");
    let client = built("shutter-client");
    let (_host, address) = Peer::server_by(host);
    let said = Command::new(client).arg(address).output().unwrap();
    assert_eq!(text(said).trim(), "Open");
}

#[test]
fn the_manual_shows_these_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let manual = read("ipc-derive/src/manual.md");
    for (file, start) in [
        ("driver/Cargo.toml", "[features]"),
        ("driver/src/lib.rs", "/// A shutter in the beam."),
        ("host/Cargo.toml", "[dependencies]"),
        ("client/Cargo.toml", "[dependencies]"),
    ] {
        let text = read(&format!("examples/thin/{file}"));
        let shown = &text[text.find(start).unwrap()..];
        let shown = shown.trim_end().replace("../../../", "../instrument-ipc/");
        assert!(manual.contains(&shown), "{file} has:\n{shown}");
    }
}
