//! The lines that the README has for a shell do what it says.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use examples::powermeter::Powermeter;
use examples::programs;
use ipc_server::{Device, Server};

/// The lines of the section, with the address of the test's server for that of the section.
fn lines(address: &str) -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let (_, section) = readme.split_once("## From any shell\n").unwrap();
    let (_, block) = section.split_once("```sh\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let shown = "IPC_ADDRESS=localhost";
    assert!(block.contains(shown));
    block.replace(shown, &format!("IPC_ADDRESS={address}"))
}

fn has_jq() -> bool {
    let has = Command::new("jq").arg("--version").output().is_ok();
    let must = env::var_os("IPC_REQUIRE_INTEROP").is_some();
    assert!(has || !must, "jq is missing");
    has
}

#[test]
fn the_lines_of_the_readme_can_be_pasted() {
    if !has_jq() {
        return println!("skipped: jq is missing");
    }
    let simulator = programs::simulated(1).unwrap();
    let powermeter = Powermeter::open(simulator.path()).unwrap();
    let server = Server::builder().port(0).device(Device::new(powermeter));
    let server = server.spawn().unwrap();

    let folder = env::temp_dir().join(format!("ipc-readme-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ipc")).parent().unwrap();
    let path = format!("{}:{}", program.display(), env::var("PATH").unwrap());
    let lines = lines(&server.local_addr().to_string());
    let output = Command::new("sh")
        .args(["-e", "-c", &lines])
        .current_dir(&folder)
        .env("PATH", path)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let remarks = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{remarks}");

    for part in [
        "powermeter (Powermeter)",
        "`samples` must be a number from 1 to 1000000",
        "powermeter.range = 1\n",
        "powermeter.range: done\n",
        "powermeter.read_voltage = 0.0",
        "f64[100]  min ",
        "devices\n  powermeter",
    ] {
        assert!(text.contains(part), "no `{part}` in:\n{text}{remarks}");
    }
    let is_number = |line: &str| line.parse::<f64>().is_ok();
    assert!(text.lines().any(is_number), "nothing from jq in:\n{text}");
    let trace = fs::read(folder.join("trace.npy")).unwrap();
    assert!(trace.starts_with(b"\x93NUMPY"));
    assert_eq!(trace.len() % 8, 0);
    let table = fs::read_to_string(folder.join("range.csv")).unwrap();
    assert_eq!(table.lines().count(), 4, "{table}");
    fs::remove_dir_all(&folder).unwrap();
}
