//! `ipc lease`, `release` and `kick`.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod lab;

use std::process::Stdio;

use lab::{Ended, Lab, Running, server, until};

/// Holds the laser until the test lets go of it.
fn holding(lab: &Lab, options: &[&str]) -> Running {
    let words: Vec<_> = ["lease", "laser", "--why", "alignment"]
        .iter()
        .chain(options)
        .copied()
        .collect();
    let mut command = lab.command(&words);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("it has the lease", || {
        lab.server
            .leases()
            .iter()
            .any(|it| it.because == "alignment" && it.place == 0)
    });
    Running(child)
}

/// How it has ended.
fn end(mut running: Running) -> Ended {
    use std::io::Read;
    let (mut out, mut err) = (String::new(), String::new());
    running
        .0
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut out)
        .unwrap();
    running
        .0
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut err)
        .unwrap();
    let code = running.0.wait().unwrap().code();
    Ended { code, out, err }
}

#[test]
fn a_lease_keeps_others_out_until_it_is_released() {
    let lab = Lab::new(server().shared());
    let holder = holding(&lab, &[]);
    let refused = lab.run(&["--wait", "0", "call", "laser.shift", "1"]);
    refused.fails(4, &["ipc lease by ", "alignment"]);
    let who = lab.run(&["who"]).out;
    assert!(
        who.contains("laser: held by #") && who.contains("(alignment)"),
        "{who}"
    );
    let mut waits = lab.command(&["--json", "call", "laser.shift", "1"]);
    let waits = waits
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("both are there", || lab.server.clients().len() >= 2);
    lab.run(&["release", "laser"]).says("released laser\n");
    let held = end(holder);
    assert_eq!(held.code, Some(4), "{held:?}");
    assert!(held.err.contains("released by `ipc release`"), "{held:?}");
    let ended = Ended::of(waits.wait_with_output().unwrap());
    assert_eq!(ended.json()[0]["value"], 2.5);
    lab.run(&["release", "laser"])
        .fails(4, &["nobody has a lease"]);
}

#[test]
fn a_lease_of_others_is_not_released_but_kicked() {
    let lab = Lab::new(server().shared());
    let client = ipc_client::Client::builder(lab.address())
        .name("sweep")
        .connect()
        .unwrap();
    let _lease = client.lease(["laser"]).acquire().unwrap();
    lab.run(&["release", "laser"])
        .fails(4, &["held by sweep", "ipc kick laser"]);
    let kicked = lab.run(&["kick", "laser", "--why", "beam needed"]);
    assert!(kicked.out.starts_with("sweep at "), "{kicked:?}");
    until("it has ended", || lab.server.leases().is_empty());
}

#[test]
fn a_command_under_a_lease_has_the_devices() {
    for builder in [server().shared(), server()] {
        let lab = Lab::new(builder);
        let ipc = env!("CARGO_BIN_EXE_ipc");
        let ended = lab.run(&[
            "lease",
            "laser",
            "--why",
            "x",
            "--",
            ipc,
            "--json",
            "--wait",
            "0",
            "call",
            "laser.shift",
            "1",
        ]);
        assert_eq!(ended.json()[0]["value"], 2.5, "{ended:?}");
        assert!(ended.err.contains("leased laser"), "{ended:?}");
        until("the lease has ended", || lab.server.leases().is_empty());
    }
}

#[test]
fn the_exit_code_of_the_command_is_passed_on() {
    let lab = Lab::new(server().shared());
    let ipc = env!("CARGO_BIN_EXE_ipc");
    let ended = lab.run(&[
        "lease",
        "laser",
        "--why",
        "x",
        "--",
        ipc,
        "call",
        "laser.fire",
    ]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let none = lab.run(&["lease", "laser", "--why", "x", "--", "/nowhere/command"]);
    none.fails(2, &["cannot run `/nowhere/command`"]);
}

#[test]
fn a_lease_for_a_time_ends_by_itself() {
    let lab = Lab::new(server().shared());
    let ended = lab.run(&["lease", "laser", "--why", "x", "--for", "500ms"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_lease() {
    let lab = Lab::new(server().shared());
    let holder = holding(&lab, &[]);
    lab::interrupt(&holder.0);
    let ended = end(holder);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(lab.server.leases().is_empty());
}
