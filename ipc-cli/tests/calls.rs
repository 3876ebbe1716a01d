//! Commands against a server: results, errors, exit codes.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod lab;

use std::process::Stdio;

use lab::{Ended, Lab, server};
use serde_json::{Value, json};

/// The only object that the program writes for these words.
#[track_caller]
fn called(lab: &Lab, words: &[&str]) -> Value {
    let words: Vec<_> = ["--json"].iter().chain(words).copied().collect();
    let ended = lab.run(&words);
    let [object] = ended.json().try_into().unwrap();
    object
}

#[test]
fn methods_functions_and_properties_are_called() {
    let lab = Lab::new(server());
    let power = json!({ "name": "laser.read_power", "value": 3.0, "unit": "mW" });
    assert_eq!(called(&lab, &["call", "laser.read_power", "2"]), power);
    assert_eq!(called(&lab, &["call", "laser_read_power", "2"]), power);
    assert_eq!(called(&lab, &["call", "add", "-1", "3"])["value"], 2.0);
    assert_eq!(
        called(&lab, &["set", "laser.level", "-2.5"])["value"],
        Value::Null
    );
    assert_eq!(called(&lab, &["get", "laser.level"])["value"], -2.5);
    assert_eq!(
        called(&lab, &["call", "laser_level", "0.5"])["value"],
        Value::Null
    );
    assert_eq!(called(&lab, &["call", "laser.level"])["value"], 0.5);
    assert_eq!(
        called(&lab, &["call", "laser.shift", "-1.5"])["value"],
        -1.0
    );
}

#[test]
fn results_for_people_have_names_and_units() {
    let lab = Lab::new(server());
    let power = lab.run(&["call", "laser.read_power", "2"]);
    assert!(power.out.starts_with("laser.read_power = 3"), "{power:?}");
    assert!(power.out.contains("mW"), "{power:?}");
    lab.run(&["set", "laser.level", "1"])
        .says("laser.level: done\n");
}

#[test]
fn mistakes_are_told_with_what_was_expected() {
    let lab = Lab::new(server());
    let wrong = [
        (&["call", "laser.read_powr", "2"][..], "did you mean"),
        (&["call", "lasre.read_power", "2"], "`laser`"),
        (&["call", "laser.read_power", "zwei"], "samples"),
        (&["call", "laser.read_power", "2000"], "1000"),
        (&["call", "laser.read_power"], "samples"),
        (&["call", "laser.level", "1", "2"], "takes one value"),
        (&["get", "laser.shift"], "it is a method: call it"),
        (&["set", "laser.shift", "1"], "it is a method: call it"),
        (
            &["call", "--npy", "/nowhere/x.npy", "laser.shift", "1"],
            "its directory does not exist",
        ),
        (&["describe", "lasers"], "laser"),
        (&["list", "lasers"], "laser"),
        (&["kick", "lasers", "--why", "x"], "the server has `laser`"),
        (&["lease", "lasers", "--why", "x"], "the server has `laser`"),
        (&["kick", "#x", "--why", "x"], "`ipc who` shows them"),
        (
            &["kick", "#1", "--why", "x", "--notice", "1s"],
            "--notice is for leases",
        ),
    ];
    for (words, text) in wrong {
        lab.run(words).fails(2, &["error: ", text]);
    }
    // Nothing of this has run.
    assert_eq!(called(&lab, &["get", "laser.level"])["value"], 1.5);
}

#[test]
fn a_failure_of_the_driver_has_a_code_of_its_own_and_no_escape_sequences() {
    let lab = Lab::new(server());
    lab.run(&["call", "laser.fire"])
        .fails(1, &["the interlock is open\u{fffd}[2J"]);
    let failed = lab.run(&["--json", "call", "laser.fire"]);
    let error: Value = serde_json::from_str(&failed.err).unwrap();
    assert_eq!((failed.code, &error["code"]), (Some(1), &json!(1)));
    let usage = lab.run(&["--json", "call"]);
    let error: Value = serde_json::from_str(&usage.err).unwrap();
    assert_eq!((usage.code, &error["code"]), (Some(2), &json!(2)));
}

#[test]
fn hostile_texts_of_a_server_never_reach_the_terminal() {
    let lab = Lab::new(server());
    let json = ["--json", "call", "laser.title"];
    for words in [
        &json[1..],
        &json,
        &["list"],
        &["--json", "list"],
        &["describe"],
        &["--json", "describe"],
    ] {
        let ended = lab.run(words);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let is_obeyed = |c: char| c.is_control() && c != '\n';
        assert!(!ended.out.contains(is_obeyed), "{words:?}: {ended:?}");
    }
    // JSON still has the text.
    assert_eq!(
        called(&lab, &["call", "laser.title"])["value"],
        "a\u{1b}]0;owned\u{7}\u{9b}2Jb"
    );
}

#[test]
fn the_offer_is_listed_and_described() {
    let lab = Lab::new(server());
    let list = lab.run(&["list"]);
    for line in [
        "laser (Laser)",
        "  read_power(samples: u32) -> f64 mW",
        "  level: f64 mW",
        "  shift(by: f64) -> f64",
        "functions",
    ] {
        assert!(
            list.out.lines().any(|it| it.starts_with(line)),
            "{line}: {list:?}"
        );
    }
    let names = lab.run(&["--json", "list", "laser"]).json();
    assert!(
        names.iter().any(|it| it["name"] == "laser.fire"),
        "{names:?}"
    );
    assert!(names.iter().all(|it| it["device"] == "laser"), "{names:?}");
    let power = lab.run(&["describe", "laser.read_power"]);
    for text in [
        "ipc call laser.read_power SAMPLES",
        "`samples` must be",
        "1000",
        "[mW]",
        "Averaged.",
    ] {
        assert!(power.out.contains(text), "{text}: {power:?}");
    }
    let level = lab.run(&["describe", "laser.level"]).out;
    assert!(
        level.contains("ipc get laser.level\n") && level.contains("ipc set laser.level VALUE\n")
    );
    let all = lab.run(&["--json", "describe"]).json();
    assert_eq!(all[0]["devices"][0]["name"], "laser");
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_program_quietly() {
    let lab = Lab::new(server());
    for words in [
        &["list"][..],
        &["--json", "describe"],
        &["who"],
        &["completions", "bash"],
        &["version"],
    ] {
        let mut child = lab
            .command(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        Ended::of(child.wait_with_output().unwrap()).says("");
    }
}

#[test]
fn the_server_is_measured_and_told_about() {
    let lab = Lab::new(server());
    let ping = lab.run(&["--json", "ping", "-n", "3"]).json();
    assert_eq!(ping[0]["count"], 3);
    assert!(ping[0]["min_ms"].as_f64() <= ping[0]["max_ms"].as_f64());
    let info = lab.run(&["--json", "info"]).json();
    assert_eq!(
        (&info[0]["devices"], &info[0]["functions"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        (&info[0]["encrypted"], &info[0]["clients"]),
        (&json!(false), &json!(0))
    );
    assert!(lab.run(&["info"]).out.contains("encryption  none"));
    assert!(
        lab.run(&["ping"])
            .out
            .starts_with("10 answers of 127.0.0.1:")
    );
}

#[cfg(unix)]
#[test]
fn ctrl_c_cancels_the_call() {
    let lab = Lab::new(server());
    let command = lab
        .command(&["call", "laser.run"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    lab.begun.recv_timeout(lab::PATIENCE).unwrap();
    lab::interrupt(&command);
    let ended = Ended::of(command.wait_with_output().unwrap());
    ended.fails(
        5,
        &["cancelled; Ctrl-C once more", "`laser_run` was cancelled"],
    );
    // The driver was told.
    assert_eq!(called(&lab, &["get", "laser.level"])["value"], 1.5);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_the_wait_for_a_lease() {
    let lab = Lab::new(server().shared());
    let lease = |why: &str| {
        let mut command = lab.command(&["--wait", "forever", "lease", "laser", "--why", why]);
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let _holder = lab::Running(lease("first"));
    lab::until("it is held", || lab.server.leases().len() == 1);
    let mut waits = lease("second");
    lab::until("it waits", || lab.server.leases().len() == 2);
    lab::interrupt(&waits);
    let ended = waits.wait().unwrap();
    assert_eq!(ended.code(), Some(5));
}

#[test]
fn a_call_that_takes_too_long_has_a_code_of_its_own() {
    let lab = Lab::new(server());
    lab.run(&["call", "--timeout", "200ms", "laser.run"])
        .fails(5, &["did not answer within 200ms"]);
}

#[cfg(target_os = "linux")]
#[test]
fn progress_is_shown_at_a_terminal_and_nowhere_else() {
    let lab = Lab::new(server());
    let run = lab::at_terminal(&lab, "call laser.run").spawn().unwrap();
    lab.begun.recv_timeout(lab::PATIENCE).unwrap();
    let waits = lab::at_terminal(&lab, "call laser.shift 1")
        .spawn()
        .unwrap();
    lab::until("it waits", || lab.server.waiting() == 1);
    lab.run(&["call", "laser.close"]);
    let run = Ended::of(run.wait_with_output().unwrap());
    assert!(
        run.out.contains("40%") && run.out.contains("warming\u{fffd}[2J up"),
        "{run:?}"
    );
    let shown = Ended::of(waits.wait_with_output().unwrap());
    assert!(
        shown.out.contains("waiting: place 1 of 1, held for "),
        "{shown:?}"
    );
    assert!(shown.out.contains("laser.shift = 2.5"), "{shown:?}");
    let elsewhere = lab.run(&["call", "--timeout", "200ms", "laser.run"]);
    assert!(!elsewhere.err.contains('%'), "{elsewhere:?}");
}

#[test]
fn call_may_be_left_out_before_a_device() {
    let lab = Lab::new(server());
    assert_eq!(lab.run(&["laser.level", "2.5"]).code, Some(0));
    let read = lab.run(&["--json", "laser.level"]);
    assert_eq!(read.json()[0]["value"], 2.5);
    let shifted = lab.run(&["--json", "laser.shift", "-1"]);
    assert_eq!(shifted.json()[0]["value"], 1.5);
    lab.run(&["lst"])
        .fails(2, &["unrecognized subcommand 'lst'"]);
}
