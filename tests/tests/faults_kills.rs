//! Processes that are killed or stopped: servers, holders, waiters.
//!
//! Small here; the full counts are commands, see `tests/src/bin/faults.rs`.
#![cfg(target_os = "linux")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by unwrapping"
)]

use std::path::Path;
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tests::faults::device::{BenchProxy, answer};
use tests::faults::ledger::Log;
use tests::faults::proxy::{Proxy, calm};
use tests::faults::run::{self, Plan};
use tests::faults::supervisor::{ServerSetup, Supervisor};
use tests::faults::worker::Reach;
use tests::faults::{Scratch, kills};

const PROGRAM: &str = env!("CARGO_BIN_EXE_faults");

#[test]
fn a_server_that_is_killed_leaves_no_call_untold_and_none_doubled() {
    let plan = Plan {
        calls: 500,
        server_kills: 20,
        mean: 0,
        ..Plan::new(PROGRAM)
    };
    let report = run::run(&plan).expect("a verdict");
    println!("{report}\n{}", report.last_line());
    assert_eq!(run::complaints(&report), [""; 0]);
    assert_eq!(report.restarts.len(), 20);
}

#[test]
fn clients_that_are_killed_make_room_at_once() {
    for secret in [None, Some("waktu dan ruang")] {
        let report = kills::run(Path::new(PROGRAM), 10, secret, 1).expect("a verdict");
        println!("{report}");
        assert_eq!(report.verdict.complaints(), [""; 0]);
        let longest = report.grants_us.iter().chain(&report.undisturbed_us).max();
        assert!(
            longest.is_some_and(|longest| *longest < 2_000_000),
            "{report}"
        );
    }
}

fn signal(process: u32, signal: Signal) {
    let id = i32::try_from(process)
        .ok()
        .and_then(Pid::from_raw)
        .expect("a process id");
    kill_process(id, signal).expect("a living process");
}

/// Stops a process, and returns when all its threads have stopped.
fn stop(process: u32) {
    signal(process, Signal::STOP);
    let stands = |task: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        stat.rsplit(')')
            .next()
            .is_some_and(|rest| rest.trim_start().starts_with('T'))
    };
    until("the process is stopped", || {
        let tasks = std::fs::read_dir(format!("/proc/{process}/task")).expect("its threads");
        tasks.flatten().all(stands)
    });
}

fn setup(scratch: &Scratch, more: &[&str]) -> ServerSetup {
    ServerSetup {
        ledger: scratch.file("ledger"),
        more: more.iter().map(Into::into).collect(),
        ..ServerSetup::default()
    }
}

fn reach(server: &Supervisor) -> Reach {
    Reach {
        address: server.address().to_string(),
        secret: None,
        liveness: Duration::from_secs(3),
    }
}

/// A computer that is suspended longer than any liveness, with its connections intact.
#[test]
fn a_server_that_is_stopped_for_a_while_goes_on_with_the_call() {
    let scratch = Scratch::new().expect("a directory");
    let mut server = Supervisor::start(
        Path::new(PROGRAM),
        &setup(&scratch, &["--liveness", "3000"]),
    )
    .expect("a server");
    let log = Log::open(&scratch.file("log")).expect("a log");
    let client = reach(&server).client("patient", &log);
    assert_eq!(BenchProxy::new(&client).step(1), Ok(answer(1)));
    let id = server.process().id();
    stop(id);
    let began = Instant::now();
    thread::scope(|scope| {
        let calling = scope.spawn(|| BenchProxy::new(&client).step(2));
        thread::sleep(Duration::from_secs(5));
        assert!(!calling.is_finished(), "a stopped server answers nothing");
        signal(id, Signal::CONT);
        assert_eq!(calling.join().expect("no panic"), Ok(answer(2)));
    });
    assert!(
        began.elapsed() < Duration::from_secs(7),
        "{:?}",
        began.elapsed()
    );
    let ledger = std::fs::read_to_string(scratch.file("ledger")).expect("a ledger");
    assert_eq!(ledger.lines().count(), 2);
}

/// A closed laptop lid: other clients are served meanwhile, and its program continues afterwards.
#[test]
fn a_holder_that_is_stopped_is_passed_over_and_goes_on_afterwards() {
    let scratch = Scratch::new().expect("a directory");
    let server = Supervisor::start(Path::new(PROGRAM), &setup(&scratch, &["--handover", "500"]))
        .expect("a server");
    let laptop_log = scratch.file("laptop");
    let address = server.address().to_string();
    let mut arguments = vec!["client".into(), "--log".into(), laptop_log.clone().into()];
    arguments.extend(["--server", &address, "--id", "1", "--steps-only"].map(Into::into));
    let laptop = tests::faults::supervisor::Process::start(Path::new(PROGRAM), &arguments, None)
        .expect("a client process");
    let entries = || {
        std::fs::read_to_string(scratch.file("ledger"))
            .unwrap_or_default()
            .lines()
            .count()
    };
    until("the laptop is served", || entries() > 10);
    stop(laptop.id());
    let log = Log::open(&scratch.file("log")).expect("a log");
    let client = reach(&server).client("other", &log);
    let began = Instant::now();
    assert_eq!(
        BenchProxy::new(&client.timeout(Duration::from_secs(10))).step(7),
        Ok(answer(7))
    );
    println!("served {:?} after the holder was stopped", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(3));
    client.close();
    let before = entries();
    signal(laptop.id(), Signal::CONT);
    until("the laptop goes on", || entries() > before + 10);
    drop(laptop);
    server.stop().expect("a good end");
    let ledger = tests::faults::ledger::read_ledger(&scratch.file("ledger")).expect("a ledger");
    let book = tests::faults::ledger::read_log(&laptop_log).expect("a log");
    assert!(ledger.values().all(|count| *count == 1), "doubles");
    let ends = book.calls.values().filter_map(|told| told.end);
    assert!(
        ends.map(|(outcome, _)| outcome)
            .all(|o| o == tests::faults::ledger::Outcome::Right),
        "not one call of the laptop was lost"
    );
}

/// A connected client that does nothing does not block the others.
#[test]
fn a_client_that_never_calls_makes_room() {
    let scratch = Scratch::new().expect("a directory");
    let server = Supervisor::start(Path::new(PROGRAM), &setup(&scratch, &["--handover", "500"]))
        .expect("a server");
    let log = Log::open(&scratch.file("log")).expect("a log");
    let silent = ipc_client::Client::builder(server.address().to_string())
        .connect()
        .expect("a connection");
    let client = reach(&server).client("other", &log);
    let began = Instant::now();
    assert_eq!(BenchProxy::new(&client).step(1), Ok(answer(1)));
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
    client.close();
    assert_eq!(
        BenchProxy::new(&silent).step(2),
        Ok(answer(2)),
        "it comes back when it calls"
    );
}

#[test]
fn two_hundred_clients_are_all_served_after_a_restart() {
    const CLIENTS: u64 = 200;
    let scratch = Scratch::new().expect("a directory");
    // No grace for clients that have lost their connection.
    let setup = setup(&scratch, &["--grace", "0"]);
    let mut server = Supervisor::start(Path::new(PROGRAM), &setup).expect("a server");
    let proxy = Proxy::start(server.address(), 1, calm()).expect("a proxy");
    let log = Log::open(&scratch.file("log")).expect("a log");
    let reach = Reach {
        address: proxy.address().to_string(),
        ..reach(&server)
    };
    let (connected, restarted) = (Barrier::new(201), Barrier::new(201));
    let turn = Mutex::new(());
    thread::scope(|scope| {
        let threads: Vec<_> = (0..CLIENTS)
            .map(|n| {
                let client = reach.client(&format!("client {n}"), &log);
                let (connected, restarted, turn, proxy) = (&connected, &restarted, &turn, &proxy);
                scope.spawn(move || {
                    // One after the other; each gives up its place by losing its connection.
                    let mine = turn.lock();
                    assert_eq!(BenchProxy::new(&client).step(n), Ok(answer(n)));
                    proxy.strike(true);
                    drop(mine);
                    connected.wait();
                    restarted.wait();
                    let began = Instant::now();
                    assert_eq!(
                        BenchProxy::new(&client).step(n + 1000),
                        Ok(answer(n + 1000))
                    );
                    client.close();
                    began.elapsed()
                })
            })
            .collect();
        connected.wait();
        server.restart().expect("a server");
        restarted.wait();
        let times = threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"));
        let longest = times.max().unwrap_or_default();
        println!("the last of {CLIENTS} clients was served after {longest:?}");
        assert!(longest < Duration::from_secs(10), "{longest:?}");
    });
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < end, "{what}: not within 20 s");
        thread::sleep(Duration::from_millis(2));
    }
}
