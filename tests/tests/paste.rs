//! The client program that a server prints for pasting compiles, whatever the server serves.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use ipc_core::Device;
use ipc_server::{Server, ServerBuilder};
use tests::{Bench, SECRET};

/// It named a crate that clients do not have, and lacked a `use`.
#[test]
fn what_is_printed_for_pasting_compiles() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("paste");
    fs::create_dir_all(&folder).unwrap();
    let programs = trybuild::TestCases::new();
    for (name, device, server) in [
        ("nothing", "", Server::builder()),
        (
            "a_function",
            "",
            Server::builder().function("add", |a: f64, b: f64| a + b),
        ),
        ("a_device", "bench", Server::builder().device(Bench::new())),
        ("everything", "main", everything()),
    ] {
        let server = server.port(0).spawn().unwrap();
        let hint = server.hint();
        let (_, program) = hint.split_once("A client in Rust:\n\n").unwrap();
        let makes_proxy = program.contains(&format!("BenchProxy::named(&client, \"{device}\")?"));
        assert_eq!(makes_proxy, !device.is_empty(), "{program}");
        // The program is compiled and not run.
        let file = folder.join(format!("{name}.rs"));
        let pasted = format!("#[allow(dead_code)]\nmod pasted {{\n{program}}}\n\nfn main() {{}}\n");
        fs::write(&file, pasted).unwrap();
        programs.pass(&file);
    }
}

fn everything() -> ServerBuilder {
    Server::builder()
        .service("the \"left\" bench")
        .secret(SECRET)
        .device(Device::new(Bench::new()).name("main").prefix("left_"))
        .device(Device::new(Bench::new()).prefix("right_"))
}
