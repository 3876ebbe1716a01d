//! Holders of leases as processes that are killed and stopped, and a server that is killed while one holds a device.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use ipc_client::{CallError, Lease, Refusal};
use ipc_server::ServerHandle;
use tests::child::{Peer, secret_file};
use tests::middle::{Middle, Towards};
use tests::notebook::{Notebook, serve, touch};
use tests::{Way, both_ways, until};

both_ways!(
    the_devices_of_a_killed_holder_are_released_and_go_to_the_next,
    a_stopped_tool_that_goes_on_is_fenced,
    what_a_stopped_tool_had_sent_is_fenced,
    a_stopped_script_is_told_of_the_interruption_and_fenced,
    what_a_stopped_script_had_sent_is_refused,
    a_call_that_waits_for_a_release_is_told_by_whom_it_was_interrupted,
    a_killed_server_reserves_the_devices_of_the_holder,
);

const LESSEE: &str = env!("CARGO_BIN_EXE_lessee");
const PATIENCE: Duration = Duration::from_secs(20);
/// Minimum length of a call on the wire, in bytes.
const CALL: usize = 40;
/// Number of calls that a holder makes at the same time.
const CALLS: usize = 8;

/// A client in a process of its own.
struct Lessee {
    process: Peer,
    commands: u32,
}

impl Lessee {
    /// Starts a `script` or a `tool`.
    fn start(way: Way, kind: &str, address: &str) -> Self {
        let mut command = lessee(way, kind);
        command.args([address, "sweep"]);
        let process = Peer::start(command);
        let commands = 0;
        Self { process, commands }
    }

    /// Gives it a command. Returns the number of the command.
    fn begin(&mut self, command: &str) -> u32 {
        self.process.tell(command);
        self.commands += 1;
        self.commands
    }

    fn answer(&self, number: u32) -> String {
        self.process.expect(&format!("answer {number}: "))
    }

    fn does(&mut self, command: &str) -> String {
        let number = self.begin(command);
        self.answer(number)
    }

    /// Gives it a command that must succeed.
    fn succeeds(&mut self, command: &str) {
        assert_eq!(self.does(command), "ok", "{command}");
    }
}

fn lessee(way: Way, role: &str) -> Command {
    let mut command = Command::new(LESSEE);
    command.arg(role);
    match way {
        Way::Plain => command.arg("-"),
        Way::Secret => command.arg(secret_file()),
    };
    command
}

fn the_devices_of_a_killed_holder_are_released_and_go_to_the_next(way: Way) {
    let grace = Duration::from_millis(500);
    // The machine may be busy at one time, hardly at three.
    let waits = [0; 3].map(|_| {
        let (server, notebook) = serve(way.server().shared(), ["laser", "meter"]);
        let address = server.local_addr().to_string();
        let mut sweep = Lessee::start(way, "script", &address);
        sweep.succeeds("lease laser 500");
        sweep.succeeds("note laser on");
        let next = way.connect(&server, "next");
        let killed = Instant::now();
        sweep.process.kill();
        let lease = next.lease(["laser"]).wait(PATIENCE).acquire().unwrap();
        let waited = killed.elapsed();
        assert_eq!(notebook.notes(), ["sweep: on", "laser off: Lost"]);
        touch(&next, "laser").unwrap();
        lease.release().unwrap();
        waited
    });
    assert!(waits.iter().all(|waited| *waited >= grace), "{waits:?}");
    let shortest = waits.iter().min().unwrap();
    assert!(*shortest < grace + Duration::from_secs(1), "{waits:?}");
}

/// A holder that is stopped for longer than its grace, while its connection is lost.
struct Holder {
    sweep: Lessee,
    middle: Middle,
    server: ServerHandle,
    notebook: Notebook,
}

impl Holder {
    fn new(way: Way, kind: &str) -> Self {
        let (server, notebook) = serve(way.server().shared(), ["laser", "meter"]);
        let middle = Middle::new(server.local_addr());
        let mut sweep = Lessee::start(way, kind, &middle.address().to_string());
        sweep.succeeds("lease laser 300");
        sweep.succeeds("note laser on");
        Self {
            sweep,
            middle,
            server,
            notebook,
        }
    }

    /// Has it make calls that are lost on their way, so that it sends them again later. Returns the number of the command.
    fn sends_calls(&mut self) -> u32 {
        let sent = || self.middle.record(Towards::Server).len();
        let before = sent();
        self.middle.swallow();
        let number = self.sweep.begin(&format!("flood laser {CALLS}"));
        until("it has sent its calls", || sent() > before + CALLS * CALL);
        number
    }

    /// Stops it until another client has leased and used the device. Returns the lease of that client.
    fn is_stopped(&self, way: Way) -> Lease {
        self.sweep.process.stop();
        self.middle.cut();
        let other = way.connect(&self.server, "other");
        let lease = other.lease(["laser"]).wait(PATIENCE).acquire().unwrap();
        touch(&other, "laser").unwrap();
        self.sweep.process.signal("CONT");
        lease
    }

    /// Its next call is refused in this way.
    fn is_refused(&mut self, kind: &str) {
        let told = self.sweep.does("note laser late");
        assert!(told.starts_with(&format!("{kind}: ")), "{told}");
        assert!(told.contains("`laser`"), "{told}");
    }

    /// It knows that it has lost the device, and is treated like everybody else, now and when the device is free again.
    fn goes_on(mut self, others: Lease) {
        self.is_refused("held");
        others.release().unwrap();
        self.sweep.succeeds("reacquire");
        self.sweep.succeeds("note laser again");
        let notes = [
            "sweep: on",
            "laser off: Lost",
            "other: laser",
            "laser off: LeaseEnded",
            "sweep: again",
        ];
        assert_eq!(self.notebook.notes(), notes);
    }
}

fn a_stopped_tool_that_goes_on_is_fenced(way: Way) {
    let mut holder = Holder::new(way, "tool");
    let others = holder.is_stopped(way);
    holder.is_refused("fenced");
    holder.goes_on(others);
}

fn what_a_stopped_tool_had_sent_is_fenced(way: Way) {
    let mut holder = Holder::new(way, "tool");
    let sent = holder.sends_calls();
    let others = holder.is_stopped(way);
    assert_eq!(holder.sweep.answer(sent), ["fenced"; CALLS].join(" "));
    holder.goes_on(others);
}

fn a_stopped_script_is_told_of_the_interruption_and_fenced(way: Way) {
    let mut holder = Holder::new(way, "script");
    let others = holder.is_stopped(way);
    // One refusal says both.
    holder.is_refused("fenced");
    holder.goes_on(others);
}

fn what_a_stopped_script_had_sent_is_refused(way: Way) {
    let mut holder = Holder::new(way, "script");
    let sent = holder.sends_calls();
    let others = holder.is_stopped(way);
    // The first refusal says that the device is lost, and those that were sent before it was read say so again.
    // Its tasks print in any order.
    let answer = holder.sweep.answer(sent);
    let mut answers: Vec<&str> = answer.split(' ').collect();
    answers.sort_unstable();
    let mut expected = ["interrupted"; CALLS];
    expected[0] = "fenced";
    assert_eq!(answers, expected);
    holder.goes_on(others);
}

fn a_call_that_waits_for_a_release_is_told_by_whom_it_was_interrupted(way: Way) {
    let (server, notebook) = serve(way.server().shared(), ["laser", "meter"]);
    let script = way.connect(&server, "script");
    touch(&script, "laser").unwrap();
    let other = way.connect(&server, "other");
    let lease = other.lease(["laser"]).acquire().unwrap();
    let hook = notebook.hold();
    lease.release().unwrap();
    other.close();
    until("it has left", || server.clients().len() == 1);
    let (waits, is_waiting) = channel();
    let script = script.on_waiting(move |_| waits.send(()).unwrap());
    let told = thread::scope(|scope| {
        let call = scope.spawn(|| touch(&script, "laser").unwrap_err());
        is_waiting.recv_timeout(PATIENCE).unwrap();
        drop(hook);
        call.join().unwrap()
    });
    let CallError::Refused(Refusal::Interrupted { by, .. }) = &told else {
        panic!("{told:?}");
    };
    assert!(by.starts_with("other at 127.0.0.1:"), "{told}");
    assert_eq!(notebook.notes(), ["script: laser", "laser off: LeaseEnded"]);
    touch(&script, "laser").unwrap();
}

/// Starts a server process that keeps leases in `state`.
fn keeping_server(way: Way, port: u16, state: &Path) -> (Peer, String) {
    let mut command = lessee(way, "serve");
    command.arg(port.to_string()).arg(state);
    Peer::server_by(command)
}

fn a_killed_server_reserves_the_devices_of_the_holder(way: Way) {
    let state = std::env::temp_dir().join(format!("holders-{way:?}-{}", std::process::id()));
    let (mut server, address) = keeping_server(way, 0, &state);
    let mut sweep = Lessee::start(way, "script", &address);
    sweep.succeeds("lease laser 15000");
    sweep.succeeds("note laser on");
    server.kill();

    let port = address.rsplit_once(':').unwrap().1.parse().unwrap();
    let (_server, _) = keeping_server(way, port, &state);
    let other = way.client_at(&address).name("other").connect().unwrap();
    let told = touch(&other, "laser").unwrap_err();
    assert!(
        matches!(told, CallError::Refused(Refusal::Held(_))),
        "{told:?}"
    );
    assert!(told.to_string().contains("has not returned"), "{told}");
    assert!(other.lease(["laser"]).try_acquire().unwrap().is_none());

    let told = sweep.does("note meter on");
    assert!(told.starts_with("interrupted: "), "{told}");
    sweep.succeeds("note meter on");
    sweep.succeeds("reacquire");
    sweep.succeeds("note laser on");
    let CallError::Refused(Refusal::Held(told)) = touch(&other, "laser").unwrap_err() else {
        panic!("not held");
    };
    assert_eq!(told.holder, "sweep");
    sweep.succeeds("release");
    touch(&other, "laser").unwrap();
    fs::remove_dir_all(state).unwrap();
}
