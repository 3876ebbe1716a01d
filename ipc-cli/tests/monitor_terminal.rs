//! `ipc monitor` at a terminal: the table and the chart.

#![cfg(unix)]
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod lab;

#[cfg(feature = "plot")]
use std::process::Command;
use std::process::Stdio;

use lab::probe::with_probe;
use lab::terminal::{Terminal, is_available};
use lab::{Lab, Running, server};

/// A shell that runs the program, and then says how it has left the terminal.
#[cfg(feature = "plot")]
fn in_shell(lab: &Lab, words: &str) -> Command {
    let command = lab.command(&[]);
    let program = env!("CARGO_BIN_EXE_ipc");
    let mut shell = Command::new("sh");
    let then = "echo code $?; stty -a | tr ' ' '\\n' | grep -x -e icanon -e echo | tr '\\n' ' '";
    shell
        .arg("-c")
        .arg(format!("{program} {words}; {then}; cat"));
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

#[cfg(feature = "plot")]
fn is_braille(c: char) -> bool {
    ('\u{2801}'..='\u{28ff}').contains(&c)
}

#[test]
fn the_table_is_redrawn_in_place() {
    if !is_available() {
        return;
    }
    let lab = Lab::new(with_probe(server().shared()));
    let words = [
        "monitor",
        "laser.level",
        "probe.count",
        "laser.title",
        "--every",
        "50ms",
    ];
    let terminal = Terminal::start(&lab.command(&words), (80, 24));
    terminal.wait_for("laser.level  1.5");
    for text in [
        "NAME",
        "UNIT",
        "AGE",
        "mW",
        "probe.count",
        "0 s",
        "connected to 127.0.0.1:",
    ] {
        terminal.wait_for(text);
    }
    assert_eq!(lab.run(&["set", "laser.level", "2.75"]).code, Some(0));
    terminal.wait_for("laser.level  2.75");
    let is_once = |screen: &str| {
        let count = |text| screen.matches(text).count();
        count("NAME") == 1 && count("laser.level") == 1 && count("connected to") == 1
    };
    assert!(is_once(&terminal.screen()), "{}", terminal.screen());
    for (width, height) in [(50, 12), (120, 30)] {
        terminal.resize(width, height);
        terminal.wait_until("one table", is_once);
    }
    terminal.resize(30, 5);
    terminal.wait_until("less", |screen| screen.contains("more: the terminal"));
    terminal.resize(100, 24);
    terminal.wait_until("one table", is_once);
    // The device is busy: the value stays, and its age grows.
    let run = lab
        .command(&["call", "laser.run"])
        .stdout(Stdio::null())
        .spawn();
    let _run = Running(run.unwrap());
    terminal.wait_for("laser.level  2.75 (waits: place 1 at `laser`");
    let screen = terminal.screen();
    let level = screen.lines().find(|it| it.contains("laser.level"));
    assert!(!level.unwrap().ends_with(" 0 s"), "{screen}");
    assert_eq!(lab.run(&["call", "laser.close"]).code, Some(0));
    terminal.wait_until("a new value", |screen| !screen.contains("waits: "));
    terminal.key("C-c");
    assert_eq!(terminal.end(), 0);
    // It stays. (tmux has moved it by a line, which its own remark needs.)
    assert_eq!(terminal.screen().matches("laser.level").count(), 1);
}

#[test]
fn the_table_shows_age_and_gap_of_a_restart() {
    if !is_available() {
        return;
    }
    let lab = Lab::new(server());
    let address = lab.address();
    let words = ["monitor", "laser.level", "--every", "50ms"];
    let terminal = Terminal::start(&lab.command(&words), (100, 24));
    terminal.wait_for("connected to");
    drop(lab);
    terminal.wait_for("connecting, ");
    terminal.wait_for("  2 s");
    assert!(terminal.screen().contains("laser.level  1.5"));
    let lab = Lab::new(server().bind(&address));
    terminal.wait_for("-- no connection for ");
    terminal.wait_until("a new value", |screen| {
        screen.contains("0 s\n") && screen.contains("connected to")
    });
    terminal.key("C-c");
    assert_eq!(terminal.end(), 0);
    drop(lab);
}

#[cfg(feature = "plot")]
#[test]
fn the_chart_is_live_and_gives_the_terminal_back() {
    if !is_available() {
        return;
    }
    let lab = Lab::new(with_probe(server().shared()));
    for (keys, words) in [("q", "laser.level probe.count"), ("C-c", "laser.level")] {
        let words = format!("monitor {words} --plot --every 50ms");
        let terminal = Terminal::start(&in_shell(&lab, &words), (80, 24));
        terminal.wait_for("● laser.level = ");
        terminal.wait_until("a line", |screen| screen.contains(is_braille));
        terminal.wait_for("q ends");
        assert_eq!(lab.run(&["set", "laser.level", "7.25"]).code, Some(0));
        terminal.wait_for("● laser.level = 7.25 mW  0 s ago");
        for (width, height) in [(50, 12), (20, 4), (120, 40)] {
            terminal.resize(width, height);
            terminal.wait_until("it fits", |screen| {
                let last = screen.trim_end().lines().count();
                last == usize::from(height) && screen.contains("laser.level")
            });
        }
        terminal.wait_until("a line", |screen| screen.contains(is_braille));
        terminal.key(keys);
        terminal.wait_for("code 0");
        terminal.wait_for("icanon echo");
        assert!(!terminal.screen().contains('●'));
    }
}

#[cfg(feature = "plot")]
#[test]
fn an_array_is_drawn_over_its_index() {
    if !is_available() {
        return;
    }
    let lab = Lab::new(with_probe(server().shared()));
    let words = "monitor probe.trace --plot --every 50ms";
    let terminal = Terminal::start(&in_shell(&lab, words), (80, 24));
    terminal.wait_for("● probe.trace = ");
    terminal.wait_for("299");
    terminal.wait_until("a line", |screen| {
        screen.chars().filter(|c| is_braille(*c)).count() > 100
    });
    terminal.keys("q");
    terminal.wait_for("code 0");
    let refused = in_shell(&lab, "monitor laser.title --plot");
    let terminal = Terminal::start(&refused, (100, 24));
    terminal.wait_for("code 2");
    assert!(
        terminal.screen().contains("`laser.title` is `String`"),
        "{}",
        terminal.screen()
    );
}

#[cfg(feature = "plot")]
#[test]
fn the_chart_shows_gaps_and_survives_a_restart() {
    if !is_available() {
        return;
    }
    let lab = Lab::new(server());
    let address = lab.address();
    let words = ["monitor", "laser.level", "--plot", "--every", "50ms"];
    let terminal = Terminal::start(&lab.command(&words), (100, 24));
    terminal.wait_for("connected to");
    drop(lab);
    terminal.wait_for("connecting, ");
    terminal.wait_for("  2 s ago");
    let lab = Lab::new(server().bind(&address));
    terminal.wait_for("no connection for ");
    terminal.wait_for("  0 s ago");
    terminal.keys("q");
    assert_eq!(terminal.end(), 0);
    drop(lab);
}
