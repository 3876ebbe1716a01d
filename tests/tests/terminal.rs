//! Servers as separate processes: signals, a closed terminal, a log that is not read.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ipc_client::{CallError, Client, Retry};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tests::child::Peer;
use tests::until;

const LASER: &str = env!("CARGO_BIN_EXE_laser");
const BOUND: Duration = Duration::from_secs(20);

/// The file that the laser writes into.
struct Notes(PathBuf);

impl Notes {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let next = NEXT.fetch_add(1, Ordering::SeqCst);
        let name = format!("laser-{}-{next}", std::process::id());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_file(&path);
        Self(path)
    }

    fn read(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.0).unwrap_or_default();
        text.lines().map(ToString::to_string).collect()
    }

    fn expect(&self, lines: &[&str]) {
        until(&format!("the laser notes {lines:?}"), || {
            self.read() == lines
        });
    }
}

/// A laser that a client holds.
fn held_laser(mut command: Command, notes: &Notes) -> (Peer, Client) {
    let (peer, address) = Peer::server_by(std::mem::replace(
        command.arg(&notes.0),
        Command::new("true"),
    ));
    let address = address.trim().to_string();
    let client = Client::builder(address).retry(Retry::never()).connect();
    let client = client.unwrap();
    client.call::<()>("set_power", 3.0).unwrap();
    (peer, client)
}

const ORDINARY_END: [&str; 3] = ["released: Stopping", "dropped", "run returned"];

/// Regression test: the laser stayed on after a closed window or a lost ssh session, the usual end of a lab server.
#[test]
fn each_signal_that_ends_a_program_is_an_ordinary_stop() {
    for signal in ["INT", "TERM", "HUP"] {
        let notes = Notes::new();
        let (peer, client) = held_laser(Command::new(LASER), &notes);
        peer.signal(signal);
        notes.expect(&ORDINARY_END);
        let error = client.call::<f64>("get_power", ()).unwrap_err();
        assert!(matches!(error, CallError::NotSent { .. }), "{error}");
    }
}

#[test]
fn a_terminal_that_is_closed_is_an_ordinary_stop() {
    let notes = Notes::new();
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new())
        .unwrap()
        .into_string()
        .unwrap();
    // The shell makes it the terminal of its session, as a window does for a program in it.
    let script = format!(
        "exec setsid -c {LASER} {} <{name} >{name} 2>{name}",
        notes.0.display()
    );
    let _shell = Ends(Command::new("sh").args(["-c", &script]).spawn().unwrap());
    let mut said = BufReader::new(File::from(terminal)).lines();
    let address = said
        .find_map(|line| Some(line.ok()?.split_once("Serving on ")?.1.trim().to_string()))
        .unwrap();
    let client = Client::builder(address)
        .retry(Retry::never())
        .connect()
        .unwrap();
    client.call::<()>("set_power", 3.0).unwrap();
    drop(said);
    notes.expect(&ORDINARY_END);
}

/// Under `nohup`, a program must survive its terminal.
#[test]
fn a_signal_that_was_ignored_stays_ignored() {
    let notes = Notes::new();
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$@\"", "sh", LASER]);
    let (peer, client) = held_laser(command, &notes);
    peer.signal("HUP");
    assert_eq!(client.call::<f64>("get_power", ()).unwrap(), 3.0);
    peer.signal("TERM");
    notes.expect(&ORDINARY_END);
}

#[test]
fn after_the_server_signals_have_their_old_effect() {
    let notes = Notes::new();
    let (mut peer, _client) = held_laser(Command::new(LASER), &notes);
    peer.signal("INT");
    notes.expect(&ORDINARY_END);
    peer.signal("INT");
    let status = peer.await_exit(BOUND);
    assert_eq!(status.signal(), Some(2), "{status}");
}

#[test]
fn a_second_signal_ends_the_wait_for_a_call() {
    let notes = Notes::new();
    let (mut peer, client) = held_laser(Command::new(LASER), &notes);
    let call = std::thread::spawn(move || client.call::<()>("warm_up", ()));
    notes.expect(&["warming up"]);
    peer.signal("INT");
    peer.expect("stopping");
    peer.signal("INT");
    // Not the minute that this server allows a call.
    notes.expect(&["warming up", "run returned"]);
    peer.kill();
    assert!(call.join().unwrap().is_err());
}

/// Regression test: a server written as in the README logged nothing.
#[test]
fn a_server_logs_what_its_operator_wants_to_know() {
    for (levels, is_told_of_every_call) in [(None, false), (Some("ipc_server=debug"), true)] {
        let notes = Notes::new();
        let mut command = Command::new(LASER);
        command.env_remove("RUST_LOG");
        command.envs(levels.map(|levels| ("RUST_LOG", levels)));
        let (peer, address) = Peer::server_by(std::mem::replace(
            command.arg(&notes.0),
            Command::new("true"),
        ));
        let address = address.trim();
        let mut stranger = TcpStream::connect(address).unwrap();
        stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        peer.expect("an HTTP request");
        let client = Client::builder(address).name("sweep").connect().unwrap();
        assert_eq!(client.call::<f64>("get_power", ()).unwrap(), 1.0);
        client.call::<()>("align", ()).unwrap_err();
        client.call::<()>("set_power", 99.0).unwrap_err();
        client.call::<()>("set_pover", 1.0).unwrap_err();
        client.close();
        for words in ["client has the server", "client no longer has the server"] {
            peer.expect(words);
        }
        peer.expect("called `align` of `laser`, which failed: the beam is off its path");
        peer.expect("refused a call: `set_power`: argument `power` must be");
        peer.expect("refused a call: the server has no method `set_pover`");
        assert!(
            peer.said().contains("client=\"sweep at 127.0.0.1:"),
            "{}",
            peer.said()
        );
        let forged = |line: &str| line.starts_with("forged") || line.len() > 500;
        assert!(!peer.said().lines().any(forged), "{}", peer.said());
        let is_told = peer.said().contains("called `get_power` of `laser`, took");
        assert_eq!(is_told, is_told_of_every_call, "{}", peer.said());
    }
}

/// Regression test: after 64 KiB of unread log, no client was accepted, and only SIGKILL ended the server.
#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    for own_log in [false, true] {
        let notes = Notes::new();
        let server = Command::new(LASER)
            .arg(&notes.0)
            .args(own_log.then_some("own-log"))
            .env("RUST_LOG", "trace")
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Ends(server);
        let mut said = BufReader::with_capacity(1, server.0.stderr.take().unwrap()).lines();
        let address = said
            .find_map(|line| {
                Some(
                    line.unwrap()
                        .split_once("Serving on ")?
                        .1
                        .trim()
                        .to_string(),
                )
            })
            .unwrap();
        // The log is not read from here on.
        for _ in 0..400 {
            let client = Client::connect(&address).unwrap();
            assert_eq!(client.call::<f64>("get_power", ()).unwrap(), 1.0);
            let failed = client.call::<()>("align", ()).unwrap_err();
            assert!(failed.fault().is_some(), "{failed}");
        }
        let stopped = Command::new("kill").arg(server.0.id().to_string()).status();
        assert!(stopped.unwrap().success());
        until("the server stops", || {
            notes
                .read()
                .last()
                .is_some_and(|line| line == "run returned")
        });
        drop(said);
    }
}

/// A process that ends with the test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        // It may already have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
