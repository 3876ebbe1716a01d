//! `ipc shell`, at a terminal and through pipes.

#![cfg(unix)]
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod lab;

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use lab::terminal::{Terminal, is_available};
use lab::{Ended, Lab, server, until};

/// Runs lines that come through a pipe.
fn script(lab: &Lab, words: &[&str], lines: &str) -> Ended {
    let mut command = lab.command(words);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may have ended before it has read all.
    let _ = child.stdin.take().unwrap().write_all(lines.as_bytes());
    Ended::of(child.wait_with_output().unwrap())
}

fn shell(lab: &Lab) -> Terminal {
    // Not even root can make a directory there: no history, unless the test names a place for it.
    shell_with(lab, "/dev/null/data")
}

/// A shell with its history in this folder.
fn shell_with(lab: &Lab, folder: &str) -> Terminal {
    let mut command = lab.command(&["shell"]);
    command.env("XDG_DATA_HOME", folder);
    let terminal = Terminal::start(&command, (100, 40));
    terminal.ends_in(&prompt(lab));
    terminal
}

fn prompt(lab: &Lab) -> String {
    format!("ipc {}>", lab.address())
}

#[test]
fn lines_through_a_pipe_are_commands() {
    let lab = Lab::new(server());
    let lines =
        "# the power\nlaser.level = 2mW\n\nlaser.level\ncall laser.read_power samples=3\nadd 1 2\n";
    let ended = script(&lab, &["--json", "shell"], lines);
    let values: Vec<_> = ended
        .json()
        .iter()
        .map(|it| it["value"].to_string())
        .collect();
    assert_eq!(values, ["null", "2.0", "6.0", "3.0"], "{ended:?}");
    let ended = script(
        &lab,
        &["shell"],
        "laser.level\n--json laser.level\nexit\nlaser.fire\n",
    );
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let lines: Vec<_> = ended.out.lines().collect();
    assert!(lines[0].starts_with("laser.level = 2"), "{ended:?}");
    assert!(lines[1].starts_with('{') && lines.len() == 2, "{ended:?}");
}

#[test]
fn the_first_failure_ends_a_script_with_its_code() {
    let lab = Lab::new(server());
    for (line, code, text) in [
        ("laser.fire", 1, "the interlock is open"),
        ("laser.levl", 2, "laser.level"),
        ("laser.level = 'a", 2, "the quote ' is not closed"),
        ("lsit", 2, "did you mean the command `list`?"),
        ("shell", 2, "this is the shell already"),
        ("lease laser", 2, "--why"),
        ("laser.shift -", 2, "`-` is standard input"),
        ("call --timeout 200ms laser.run", 5, "did not answer within"),
    ] {
        let ended = script(
            &lab,
            &["shell"],
            &format!("laser.level\n{line}\nlaser.level\n"),
        );
        assert_eq!(ended.code, Some(code), "{line}: {ended:?}");
        assert!(
            ended.err.starts_with("error: ") && ended.err.contains(text),
            "{line}: {ended:?}"
        );
        assert_eq!(ended.out.lines().count(), 1, "{line}: {ended:?}");
    }
}

#[test]
fn a_lease_is_held_by_the_shell_and_ends_with_it() {
    let lab = Lab::new(server().shared());
    let (mut child, mut lines) = {
        let mut command = lab.command(&["shell"]);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        let lines = child.stdin.take().unwrap();
        (child, lines)
    };
    let has_lease = || {
        lab.server
            .leases()
            .iter()
            .any(|it| it.because == "alignment")
    };
    writeln!(lines, "lease laser --why alignment").unwrap();
    until("it is leased", has_lease);
    writeln!(lines, "release laser").unwrap();
    until("it is released", || !has_lease());
    writeln!(lines, "lease laser --why alignment").unwrap();
    until("it is leased again", has_lease);
    drop(lines);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!has_lease());
    let twice = "lease laser --why a\nlease laser --why b\n";
    let ended = script(&lab, &["shell"], twice);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("`release laser` ends it"), "{ended:?}");
}

#[test]
fn hostile_names_do_not_reach_the_terminal() {
    let lab = Lab::new(server());
    let ended = script(
        &lab,
        &["shell"],
        "?\nlaser ?\nlaser.?\nlaser.title ?\nlaser.title\n",
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let is_obeyed = |c: char| c.is_control() && c != '\n';
    assert!(!ended.out.contains(is_obeyed), "{ended:?}");
}

#[test]
fn lines_are_completed() {
    if !is_available() {
        return;
    }
    let lab = Lab::new(server());
    let terminal = shell(&lab);
    terminal.keys("la");
    terminal.key("Tab");
    terminal.ends_in("> laser.");
    terminal.keys("read");
    terminal.key("Tab");
    terminal.ends_in("> laser.read_power");
    terminal.keys("sa");
    terminal.key("Tab");
    terminal.ends_in("> laser.read_power samples=");
    terminal.line("2");
    terminal.wait_for("laser.read_power = 3");
    // Of several, all are listed.
    terminal.keys("get laser.");
    terminal.key("Tab");
    terminal.line("");
    terminal.wait_for("laser.level = 1.5");
    terminal.keys("laser.s");
    terminal.key("Tab");
    terminal.key("Tab");
    let shown = terminal.wait_until("shift", |shown| {
        shown.contains("set_level") || shown.contains("shift")
    });
    assert!(shown.contains("shift"), "{shown}");
    terminal.key("C-u");
    terminal.line("exit");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn ctrl_c_clears_the_line_and_cancels_the_call() {
    if !is_available() {
        return;
    }
    let lab = Lab::new(server());
    let terminal = shell(&lab);
    terminal.keys("laser.fi");
    terminal.key("C-c");
    let prompts = |shown: &str| shown.matches(&prompt(&lab)).count();
    terminal.wait_until("a second prompt", |shown| prompts(shown) == 2);
    terminal.line("laser.run");
    lab.begun.recv_timeout(lab::PATIENCE).unwrap();
    terminal.wait_for("40%");
    terminal.key("C-c");
    terminal.wait_for("`laser_run` was cancelled");
    // The session goes on, and so does the history.
    terminal.line("laser.level");
    terminal.wait_for("laser.level = 1.5");
    terminal.line("laser.fire");
    terminal.wait_for("the interlock is open");
    terminal.key("Up");
    terminal.key("Up");
    terminal.ends_in("> laser.level");
    terminal.key("C-c");
    terminal.ends_in(&prompt(&lab));
    terminal.key("C-d");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn earlier_lines_are_kept_for_the_next_shell() {
    if !is_available() {
        return;
    }
    let lab = Lab::new(server());
    let folder = std::env::temp_dir().join(format!("ipc-history-{}", std::process::id()));
    for line in ["laser.level = 4", ""] {
        let terminal = shell_with(&lab, folder.to_str().unwrap());
        match line {
            "" => {
                terminal.key("Up");
                terminal.ends_in("> laser.level = 4");
                // The editor drops what comes together with Ctrl-C.
                terminal.key("C-c");
                terminal.ends_in(&prompt(&lab));
            }
            line => {
                terminal.line(line);
                terminal.wait_for("laser.level: done");
            }
        }
        terminal.line("exit");
        assert_eq!(terminal.end(), 0);
        if line.is_empty() {
            break;
        }
        // `exit` is the latest line of it.
        let path = folder.join("ipc").join("history");
        let kept = std::fs::read_to_string(&path).unwrap();
        assert!(kept.contains("laser.level = 4"), "{kept}");
        std::fs::write(&path, kept.replace("exit\n", "")).unwrap();
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn lines_that_are_pasted_run_one_after_the_other() {
    if !is_available() {
        return;
    }
    let lab = Lab::new(server());
    let terminal = shell(&lab);
    // As a terminal passes on what was pasted.
    terminal
        .keys("\u{1b}[200~laser.level = 4\nlaser.level\nlaser.fire\nlaser.level = 5\u{1b}[201~");
    terminal.key("Enter");
    terminal.wait_for("laser.level = 4 mW");
    terminal.wait_for("not run: 1 more of the lines");
    terminal.wait_for("the interlock is open");
    terminal.line("laser.level");
    terminal.wait_until("the level as it was before the failure", |shown| {
        shown.matches("\nlaser.level = 4 mW").count() == 2
    });
    terminal.line("exit");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn a_line_survives_a_resize() {
    if !is_available() {
        return;
    }
    let lab = Lab::new(server());
    let terminal = shell(&lab);
    terminal.keys("laser.read_power samples=2");
    terminal.wait_for("samples=2");
    terminal.resize(30, 20);
    terminal.resize(120, 30);
    terminal.key("Enter");
    terminal.wait_for("laser.read_power = 3");
}

#[test]
fn what_happens_at_the_server_is_told_above_the_line() {
    if !is_available() {
        return;
    }
    let lab = Lab::new(server().shared());
    let terminal = shell(&lab);
    terminal.line("lease laser --why alignment");
    terminal.wait_for("leased laser");
    terminal.keys("laser.lev");
    terminal.ends_in("> laser.lev");
    lab.run(&["kick", "laser", "--why", "beam needed"]);
    terminal.wait_for("beam needed");
    terminal.ends_in("> laser.lev");
    terminal.keys("el");
    terminal.key("Enter");
    terminal.wait_for("this client lost `laser`");
    terminal.line("laser.level");
    terminal.wait_for("laser.level = 1.5");
    let address = lab.address();
    terminal.keys("laser.l");
    terminal.ends_in("> laser.l");
    drop(lab);
    terminal.wait_for(&format!("no connection to {address}"));
    terminal.ends_in("> laser.l");
    let server = server()
        .bind(address.as_str())
        .function("double", |a: f64| 2.0 * a);
    let _lab = Lab::new(server);
    terminal.wait_for("is there again");
    // What it offers now is completed, and called.
    terminal.key("C-u");
    terminal.keys("dou");
    terminal.key("Tab");
    terminal.ends_in("> double");
    terminal.line("4");
    // Settings of this shell are gone with the server: nothing runs before that was told.
    terminal.wait_for("check the settings, then go on");
    terminal.line("double 4");
    terminal.wait_for("double = 8");
}

#[test]
fn a_script_ends_when_the_server_was_restarted() {
    let lab = Lab::new(server());
    let address = lab.address();
    let mut command = lab.command(&["--json", "shell"]);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = child.stdin.take().unwrap();
    let mut results = BufReader::new(child.stdout.take().unwrap()).lines();
    writeln!(lines, "laser.level").unwrap();
    assert!(results.next().unwrap().unwrap().contains("1.5"));
    drop(lab);
    let server = server()
        .bind(address.as_str())
        .function("double", |a: f64| 2.0 * a);
    let _lab = Lab::new(server);
    // It relies on what the lines before have set.
    let _ = writeln!(lines, "double 4\ndouble 5");
    drop(lines);
    assert!(results.next().is_none());
    assert_eq!(child.wait().unwrap().code(), Some(4));
}
