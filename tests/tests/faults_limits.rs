//! Long calls, large replies and many sessions, with connections that are lost at the worst time.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by unwrapping"
)]

use std::path::Path;
use std::time::Duration;

use ipc_client::{CallError, Client, FaultKind};
use tests::faults::device::{BenchProxy, answer, pattern};
use tests::faults::ledger::{Log, read_ledger};
use tests::faults::proxy::{Fault, Mishap, Proxy, Script, Way, calm, once};
use tests::faults::supervisor::{ServerSetup, Supervisor};
use tests::faults::worker::Reach;
use tests::faults::{Scratch, long_call};

const PROGRAM: &str = env!("CARGO_BIN_EXE_faults");
const SECRET: &str = "waktu dan ruang";

#[test]
fn a_long_call_outlives_its_connections_while_the_driver_looks_up() {
    long(false, None);
}

#[test]
fn a_long_call_outlives_its_connections_while_the_driver_does_not_look_up() {
    long(true, Some(SECRET));
}

fn long(deaf: bool, secret: Option<&str>) {
    let (length, cut_every) = (Duration::from_secs(20), Duration::from_secs(2));
    let (elapsed, connections, verdict) =
        long_call::run(Path::new(PROGRAM), length, cut_every, deaf, secret).expect("its result");
    println!("{elapsed:?} over {connections} connections");
    assert!(connections > 5, "{connections}");
    assert!(
        elapsed < length + Duration::from_secs(3),
        "told late: {elapsed:?}"
    );
    assert_eq!(verdict.executed, 1);
    assert_eq!(verdict.complaints(), [""; 0]);
}

struct Bench {
    scratch: Scratch,
    server: Supervisor,
    proxy: Proxy,
    log: Log,
}

impl Bench {
    fn new(secret: Option<&str>, more: &[&str], script: Script) -> Self {
        let scratch = Scratch::new().expect("a directory");
        let setup = ServerSetup {
            ledger: scratch.file("ledger"),
            secret: secret.map(Into::into),
            more: more.iter().map(Into::into).collect(),
            ..ServerSetup::default()
        };
        let server = Supervisor::start(Path::new(PROGRAM), &setup).expect("a server");
        let proxy = Proxy::start(server.address(), 1, script).expect("a proxy");
        let log = Log::open(&scratch.file("log")).expect("a log");
        Self {
            scratch,
            server,
            proxy,
            log,
        }
    }

    fn client(&self, secret: Option<&str>) -> Client {
        let reach = Reach {
            address: self.proxy.address().to_string(),
            secret: secret.map(Into::into),
            liveness: Duration::from_secs(3),
        };
        reach.client("client", &self.log)
    }

    fn executions(&self) -> usize {
        let ledger = read_ledger(&self.scratch.file("ledger")).expect("a ledger");
        assert!(
            ledger.values().all(|count| *count == 1),
            "doubles: {ledger:?}"
        );
        ledger.len()
    }
}

const LARGE: u32 = 200_000_000;

fn halfway() -> Script {
    let at = u64::from(LARGE) / 2;
    once(
        Way::Down,
        Mishap {
            at,
            fault: Fault::Reset,
        },
    )
}

#[test]
fn a_large_answer_is_delivered_although_its_connection_is_lost() {
    for secret in [None, Some(SECRET)] {
        let bench = Bench::new(secret, &[], halfway());
        let result = BenchProxy::new(&bench.client(secret)).bulk(1, LARGE);
        assert!(result == Ok(pattern(1, LARGE as usize)), "not its answer");
        assert_eq!((bench.proxy.counts().total(), bench.executions()), (1, 1));
    }
}

#[test]
fn of_an_answer_too_large_to_keep_it_is_known_that_the_call_ran() {
    let bench = Bench::new(None, &["--kept", "1000000"], halfway());
    let client = bench.client(None);
    match BenchProxy::new(&client).bulk(1, LARGE) {
        Err(CallError::Fault { fault, .. }) => assert_eq!(fault.kind, FaultKind::ReplyNotKept),
        other => panic!("{:?}", other.map(|bytes| bytes.len())),
    }
    assert_eq!(BenchProxy::new(&client).step(2), Ok(answer(2)));
    assert_eq!(bench.executions(), 2);
}

/// Clients that crash leave their sessions behind. The oldest of these is evicted. If its client returns after all, it
/// learns that the outcome of its call is unknown.
#[test]
fn crashed_clients_keep_nobody_out_and_the_forgotten_one_is_told() {
    const SESSIONS: u64 = 1024;
    // A thousand times the moment that a lost client has to come back would be a quarter of an hour.
    let bench = Bench::new(None, &["--grace", "0"], calm());
    let first = bench.client(None);
    let unanswered = std::thread::scope(|scope| {
        assert_eq!(BenchProxy::new(&first).step(0), Ok(answer(0)));
        let calling = scope.spawn(|| BenchProxy::new(&first).deaf(1, 300));
        while bench.executions() < 2 {
            std::thread::yield_now();
        }
        // The session of the returning client is gone.
        bench
            .proxy
            .set_target("127.0.0.1:9".parse().expect("an address"));
        bench.proxy.strike(true);
        let others = Proxy::start(bench.server.address(), 2, calm()).expect("a proxy");
        let reach = Reach {
            address: others.address().to_string(),
            secret: None,
            liveness: Duration::from_secs(3),
        };
        for n in 2..SESSIONS + 10 {
            let client = reach.client("crashes", &bench.log);
            assert_eq!(BenchProxy::new(&client).step(n), Ok(answer(n)), "kept out");
            others.strike(true);
            // Not earlier: a client that can still send its goodbye leaves no session behind.
            while others.open_connections() > 0 {
                std::thread::yield_now();
            }
        }
        bench.proxy.set_target(bench.server.address());
        calling.join().expect("no panic")
    });
    assert!(
        matches!(unanswered, Err(CallError::OutcomeUnknown { .. })),
        "{unanswered:?}"
    );
    assert_eq!(bench.executions() as u64, SESSIONS + 10);
    assert_eq!(
        BenchProxy::new(&first).step(5000),
        Ok(answer(5000)),
        "and goes on"
    );
}
