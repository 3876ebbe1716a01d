//! `ipc monitor` through pipes.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod lab;

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use ipc_client::Client;
use ipc_server::Device;
use lab::probe::{Probe, with_probe};
use lab::watch::Watch;
use lab::{Ended, Lab, PATIENCE, Running, ipc, server, until};
use serde_json::Value;

/// A file that does not exist yet.
fn file(name: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("ipc-cli-monitor-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join(name);
    let _ = std::fs::remove_file(&path);
    path
}

#[test]
fn readings_are_lines_with_time_name_value_and_unit() {
    let lab = Lab::new(server());
    let words = [
        "monitor",
        "laser",
        "laser.title",
        "--every",
        "20ms",
        "--count",
        "3",
    ];
    let ended = lab.run(&words);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let lines: Vec<_> = ended.out.lines().collect();
    assert_eq!(lines.len(), 6, "{ended:?}");
    for pair in lines.chunks(2) {
        let (time, level) = pair[0].split_once(' ').unwrap();
        assert_eq!(level, "laser.level = 1.5 mW");
        assert!(time.starts_with("20") && time.contains('T'), "{time}");
        assert!(pair[1].contains(" laser.title = "), "{ended:?}");
        assert!(!pair[1].contains(char::is_control), "{ended:?}");
    }
}

#[test]
fn readings_are_objects_for_programs() {
    let lab = Lab::new(with_probe(server()));
    let monitor = [
        "--json",
        "monitor",
        "laser_level",
        "probe.count",
        "--every",
        "1ms",
    ];
    let readings = lab.run(&[&monitor[..], &["--count", "2"]].concat()).json();
    let names = ["laser.level", "probe.count", "laser.level", "probe.count"];
    assert_eq!(
        readings.iter().map(|it| &it["name"]).collect::<Vec<_>>(),
        names
    );
    assert_eq!(
        (&readings[0]["value"], &readings[0]["unit"]),
        (&1.5.into(), &"mW".into())
    );
    assert_eq!(
        (&readings[1]["value"], &readings[1]["unit"]),
        (&3.into(), &Value::Null)
    );
    assert!(readings[0]["time"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn a_table_grows_and_keeps_its_columns() {
    let lab = Lab::new(with_probe(server()));
    let path = file("night.csv");
    let run = |names: &[&str]| {
        let csv = [
            "--every",
            "5ms",
            "--count",
            "2",
            "--csv",
            path.to_str().unwrap(),
        ];
        lab.run(&[&["monitor"], names, &csv].concat())
    };
    assert_eq!(run(&["laser.level", "probe.count"]).code, Some(0));
    assert_eq!(run(&["laser.level", "probe.count"]).code, Some(0));
    let content = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = content.lines().collect();
    assert_eq!((lines.len(), lines[0]), (5, "time,laser.level,probe.count"));
    assert!(
        lines[1..].iter().all(|line| line.ends_with("Z,1.5,3")),
        "{content}"
    );
    run(&["probe.count"]).fails(
        2,
        &[
            "`time,laser.level,probe.count`",
            "`time,probe.count`",
            "night.csv",
        ],
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
    let words = ["monitor", "laser.level", "--csv", "/nowhere/x.csv"];
    lab.run(&words).fails(2, &["cannot open /nowhere/x.csv"]);
}

#[test]
fn a_driver_that_fails_is_told_in_its_place() {
    let lab = Lab::new(with_probe(server()));
    let words = [
        "monitor",
        "probe.temperature",
        "probe.count",
        "--every",
        "5ms",
        "--count",
        "4",
    ];
    let ended = lab.run(&words);
    assert_eq!(ended.code, Some(0));
    let ends: Vec<_> = ended
        .out
        .lines()
        .map(|it| it.split_once(' ').unwrap().1)
        .collect();
    assert_eq!(ends.len(), 8, "{ends:?}");
    assert_eq!(
        (ends[0], ends[4]),
        ("probe.temperature = 1 K", "probe.temperature = 3 K")
    );
    let error = "probe.temperature: error: ";
    assert!(
        ends[2].starts_with(error) && ends[6].starts_with(error),
        "{ends:?}"
    );
    assert!(
        ends[2].contains("the wire is") && !ends[2].contains('\u{1b}'),
        "{ends:?}"
    );
    assert!(
        ends.iter()
            .skip(1)
            .step_by(2)
            .all(|it| *it == "probe.count = 3"),
        "{ends:?}"
    );
    let json = lab.run(&[
        "--json",
        "monitor",
        "probe.temperature",
        "--every",
        "1ms",
        "--count",
        "2",
    ]);
    assert!(json.json()[1]["error"].as_str().unwrap().contains("broken"));
}

#[cfg(unix)]
#[test]
fn a_restart_of_the_server_is_a_gap() {
    let lab = Lab::new(with_probe(server().shared()));
    let address = lab.address();
    let path = file("gap.csv");
    let monitor = |words: &[&str]| {
        let words = [words, &["monitor", "laser.level", "--every", "50ms"]].concat();
        lab.command(&words)
    };
    let mut plain = monitor(&[]);
    plain.arg("--csv").arg(&path);
    let (plain, json) = (Watch::start(plain), Watch::start(monitor(&["--json"])));
    plain.line("laser.level = 1.5 mW");
    json.line("laser.level");
    drop(lab);
    for watch in [&plain, &json] {
        watch.remark("connecting, ");
    }
    let rows = || std::fs::read_to_string(&path).unwrap().lines().count();
    let rows_before = rows();
    let lab = Lab::new(server().shared().bind(&address));
    let gap = plain.line("-- ");
    assert!(
        gap.starts_with("-- no connection for ") && gap.ends_with(" s --"),
        "{gap}"
    );
    plain.line("laser.level = 1.5 mW");
    until("rows are added", || rows() > rows_before);
    let gap: Value = serde_json::from_str(&json.line("gap_s")).unwrap();
    assert!(
        gap["gap_s"].as_f64().unwrap() > 0.0 && gap["time"].is_string(),
        "{gap}"
    );
    assert_eq!(gap["reason"], "no connection");
    json.line("laser.level");
    plain.interrupt();
    json.interrupt();
    drop(lab);
}

#[cfg(unix)]
#[test]
fn an_outage_of_any_length_ends_with_the_readings_of_the_new_server() {
    let lab = Lab::new(server());
    let address = lab.address();
    let words = ["--json", "monitor", "laser.level", "--every", "50ms"];
    let watch = Watch::start(lab.command(&words));
    watch.line("laser.level");
    drop(lab);
    // The calls give up after 5 s, and the monitor does not.
    watch.remark("connecting, ");
    watch.remark("connecting, ");
    watch.remark("connecting, ");
    let lab = Lab::new(server().bind(&address));
    let gap: Value = serde_json::from_str(&watch.line("gap_s")).unwrap();
    assert!(gap["gap_s"].as_f64().unwrap() > 5.0, "{gap}");
    watch.line("laser.level");
    watch.interrupt();
    drop(lab);
}

#[cfg(unix)]
#[test]
fn a_device_that_vanishes_is_told_and_found_again() {
    let lab = Lab::new(server());
    let add = || {
        let probe = Device::new(Probe::default());
        lab.server
            .add_device(probe.name("probe").prefix("probe_"))
            .unwrap()
    };
    add();
    let words = ["monitor", "probe.count", "laser.level", "--every", "20ms"];
    let watch = Watch::start(lab.command(&words));
    watch.line("probe.count = 3");
    lab.server.remove("probe").unwrap();
    let error = watch.line("probe.count: error: ");
    assert!(error.contains("probe_count"), "{error}");
    watch.line("laser.level = 1.5 mW");
    add();
    watch.line("probe.count = 3");
    watch.interrupt();
}

#[cfg(unix)]
#[test]
fn a_long_call_of_others_delays_only_its_device() {
    let lab = Lab::new(with_probe(server().shared()));
    let run = lab
        .command(&["call", "laser.run"])
        .stdout(Stdio::null())
        .spawn();
    let mut run = Running(run.unwrap());
    lab.begun.recv_timeout(PATIENCE).unwrap();
    let words = ["monitor", "laser.level", "probe.count", "--every", "50ms"];
    let watch = Watch::start(lab.command(&words));
    let waits = watch.line("laser.level: waits: place 1 at `laser`");
    assert!(waits.contains("`laser_run` runs"), "{waits}");
    watch.line("probe.count = 3");
    // It is told once.
    let next = watch.line("");
    assert!(next.ends_with(" probe.count = 3"), "{next}");
    assert_eq!(lab.run(&["call", "laser.close"]).code, Some(0));
    watch.line("laser.level = 1.5 mW");
    assert!(run.0.wait().unwrap().success());
    watch.interrupt();
}

#[cfg(unix)]
#[test]
fn a_server_of_others_is_waited_for() {
    let lab = Lab::new(server());
    let holder = Client::connect(lab.address()).unwrap();
    holder.describe().unwrap();
    let at_once = lab.run(&["--wait", "0", "monitor", "laser.level"]);
    at_once.fails(4, &["place 1 of 1", "--wait TIME"]);
    let watch = Watch::start(lab.command(&["monitor", "laser.level", "--every", "20ms"]));
    watch.remark("waiting: place 1 of 1");
    holder.close();
    watch.line("laser.level = 1.5 mW");
    watch.interrupt();
}

#[cfg(unix)]
#[test]
fn a_server_that_serves_others_meanwhile_is_a_gap() {
    let lab = Lab::new(server().idle_handover(Duration::from_millis(500)));
    let watch = Watch::start(lab.command(&["monitor", "laser.level", "--every", "700ms"]));
    watch.line("laser.level");
    let other = Client::connect(lab.address()).unwrap();
    other.describe().unwrap();
    watch.remark("waiting: place 1 of 1");
    let begun = Instant::now();
    until("readings are missing", || {
        let _: f64 = other.call("get_laser_level", ()).unwrap();
        begun.elapsed() > Duration::from_secs(1)
    });
    other.close();
    let gap = watch.line("-- ");
    assert!(gap.starts_with("-- others had the server for "), "{gap}");
    watch.line("laser.level = 1.5 mW");
    watch.interrupt();
}

#[test]
fn mistakes_are_told() {
    let lab = Lab::new(with_probe(server()));
    for (words, texts) in [
        (&["laser.levl"][..], &["did you mean `laser.level`"][..]),
        (&["lasr"], &["`lasr`", "its devices are"]),
        (&["laser.read_power"], &["needs the argument `samples`"]),
        (&["laser.fire"], &["returns nothing"]),
        (
            &["laser.level", "--every", "0"],
            &["--every must be from 1ms to 1d"],
        ),
        (&["laser.level", "--every", "5"], &["500ms, 30s"]),
        (&["laser.level", "--count", "0"], &["--count"]),
        (&["laser.level", "--plot"], &["--plot"]),
        (&["laser.level", "--plot", "--json"], &["--plot"]),
    ] {
        lab.run(&[&["monitor"], words].concat()).fails(2, texts);
    }
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let lab = Lab::new(server());
    let mut command = lab.command(&["monitor", "laser.level", "--every", "1ms"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    Ended::of(child.wait_with_output().unwrap()).says("");
}

#[test]
fn a_server_that_is_not_there_is_no_gap() {
    let lab = Lab::new(server());
    let address = lab.address();
    drop(lab);
    let ended = Ended::of(
        ipc(&["-a", &address, "monitor", "laser.level"])
            .output()
            .unwrap(),
    );
    ended.fails(3, &["no connection to "]);
}
