//! An accepted client that misbehaves: its connection ends, the log names it, and the next client is served.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::{Duration, Instant};

use ipc_core::session::client::{CallOutcome, Event};
use ipc_core::session::table::TableLimits;
use ipc_server::ServerHandle;
use tests::probe::{Probe, call_header, frame};
use tests::{Bench, BenchProxy, Way, both_ways, log};

both_ways!(
    frames_that_are_none_end_the_connection,
    calls_that_cannot_be_read_are_refused_or_end_the_connection,
    the_names_of_clients_forge_no_log_lines,
    a_false_retry_ends_the_connection,
    more_calls_than_the_server_keeps_are_left_in_the_network,
    clients_that_die_leave_room_for_others,
);

const CALL_BY_NAME: u16 = 11;

fn server(way: Way) -> ServerHandle {
    log::capture();
    way.server().device(Bench::new()).spawn().unwrap()
}

fn serves_the_next(way: Way, server: &ServerHandle) {
    let start = Instant::now();
    let client = way.client(server).connect().unwrap();
    assert_eq!(BenchProxy::new(&client).echo(7).unwrap(), 7);
    assert!(start.elapsed() < Duration::from_secs(5));
}

fn frames_that_are_none_end_the_connection(way: Way) {
    let server = server(way);
    let mut too_long = frame(CALL_BY_NAME, &[0; 200]);
    too_long.splice(..4, u32::MAX.to_le_bytes());
    let cases = [
        ("4 GiB", too_long),
        ("length 0", vec![0; 6]),
        ("an undefined message", frame(999, &[0; 60])),
        ("an answer", frame(200, &[0; 60])),
        ("a second hello", frame(1, &[0; 60])),
    ];
    for (name, frame) in cases {
        let mut probe = Probe::ready(way, server.local_addr(), name);
        probe.send(frame);
        probe.await_end();
        log::expect(&["connection lost", &probe.address(), name]);
        serves_the_next(way, &server);
    }
    // Cut in the middle.
    let mut probe = Probe::ready(way, server.local_addr(), "cut");
    let mut cut = frame(CALL_BY_NAME, &[0; 1000]);
    cut.truncate(500);
    probe.send(cut);
    let address = probe.address();
    drop(probe);
    log::expect(&["connection lost", &address]);
    serves_the_next(way, &server);
}

fn calls_that_cannot_be_read_are_refused_or_end_the_connection(way: Way) {
    let server = server(way);
    let bytes = |packed: &[u8]| [&(packed.len() as u64).to_le_bytes()[..], packed].concat();
    let call = |arguments: Vec<u8>| frame(CALL_BY_NAME, &[call_header("echo"), arguments].concat());
    let deep = |byte: u8| call(bytes(&vec![byte; 1_000_000]));
    let mut long_name = call_header("echo");
    long_name.splice(32..40, (1_u64 << 62).to_le_bytes());
    let cases = [
        (
            "2^62 bytes of arguments",
            call((1_u64 << 62).to_le_bytes().to_vec()),
        ),
        ("2^62 bytes of name", frame(CALL_BY_NAME, &long_name)),
        // {"positional": an array of 2^32 - 1 elements
        (
            "2^32 elements",
            call(bytes(b"\x82\xaapositional\xdd\xff\xff\xff\xff")),
        ),
        // [[[[...
        ("a million arrays", deep(0x91)),
        // {{{{...
        ("a million maps", deep(0x81)),
        ("an argument a million deep", {
            let mut packed = b"\x82\xaapositional\x91".to_vec();
            packed.extend([0x91; 1_000_000]);
            call(bytes(&packed))
        }),
        ("nothing", call(bytes(b""))),
        (
            "more than the arguments",
            call(bytes(b"\x82\xaapositional\x90\xa5named\x80\x00\x00")),
        ),
    ];
    for (name, frame) in cases {
        let mut probe = Probe::ready(way, server.local_addr(), name);
        let start = Instant::now();
        probe.send(frame);
        let refused = loop {
            let alive = probe.read();
            let events = probe.events();
            let refused = events.iter().any(|event| {
                let Event::Ended { outcome, .. } = event else {
                    return false;
                };
                assert!(
                    matches!(outcome, CallOutcome::Refused(_)),
                    "{name}: {outcome:?}"
                );
                true
            });
            if refused || !alive {
                break refused;
            }
        };
        assert!(start.elapsed() < Duration::from_secs(5), "{name}");
        if !refused {
            log::expect(&["connection lost", &probe.address()]);
        }
        drop(probe);
        serves_the_next(way, &server);
    }
}

/// Regression test: line ends and escape sequences in the name of a client were written into the log.
fn the_names_of_clients_forge_no_log_lines(way: Way) {
    let server = server(way);
    let forged = format!("2026-01-01T00:00:00Z ERROR forged {way:?}");
    let name = format!("evil\r\n{forged}\u{1b}[2J\u{7f}\u{9b}");
    let mut probe = Probe::ready(way, server.local_addr(), &name);
    let shown = server.holder().unwrap().name;
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
    probe.send(frame(999, &[0; 60]));
    probe.await_end();
    log::expect(&["connection lost", &probe.address()]);
    for line in log::lines(&[&forged]) {
        assert!(!line.starts_with(&forged), "{line:?}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
    // A long name does not fill the log either.
    let probe = Probe::ready(way, server.local_addr(), &"long".repeat(900));
    let shown = server.holder().unwrap().name;
    assert!(shown.chars().count() <= 201, "{}", shown.len());
    drop(probe);
    serves_the_next(way, &server);
}

fn a_false_retry_ends_the_connection(way: Way) {
    let server = server(way);
    let mut probe = Probe::ready(way, server.local_addr(), "liar");
    let call = |method: &str| {
        let empty = b"\x82\xaapositional\x90\xa5named\x80";
        let length = (empty.len() as u64).to_le_bytes();
        let payload = [call_header(method), length.to_vec(), empty.to_vec()].concat();
        frame(CALL_BY_NAME, &payload)
    };
    // The second call is hidden in the frame of the first, so that it gets no number.
    let mut first = call("step");
    first.extend(call("get_steps"));
    let second = call("step").len();
    first
        .get_mut(second + 6..second + 14)
        .unwrap()
        .copy_from_slice(&1_u64.to_le_bytes());
    probe.send(first);
    probe.await_end();
    log::expect(&["connection lost", &probe.address(), "two different calls"]);
    serves_the_next(way, &server);
}

fn more_calls_than_the_server_keeps_are_left_in_the_network(way: Way) {
    let bench = Bench::new();
    let gate = bench.gate();
    let server = way.server().device(bench).spawn().unwrap();
    let mut probe = Probe::ready(way, server.local_addr(), "eager");
    let empty = b"\x82\xaapositional\x90\xa5named\x80";
    let length = (empty.len() as u64).to_le_bytes();
    let payload = [call_header("pass"), length.to_vec(), empty.to_vec()].concat();
    for _ in 0..1000 {
        probe.send(frame(CALL_BY_NAME, &payload));
    }
    gate.open(1000);
    let mut ended = 0;
    while ended < 1000 {
        assert!(probe.read(), "{:?}", probe.events());
        for event in probe.events() {
            if let Event::Ended { outcome, .. } = event {
                assert!(matches!(outcome, CallOutcome::Returned(_)), "{outcome:?}");
                ended += 1;
            }
        }
    }
}

/// Regression test: when too many sessions of dead clients were kept, no new client was accepted.
fn clients_that_die_leave_room_for_others(way: Way) {
    let mut limits = TableLimits::default();
    limits.sessions(4);
    let server = way
        .server()
        .session_limits(limits)
        .grace(Duration::ZERO)
        .device(Bench::new())
        .spawn()
        .unwrap();
    for n in 0..20 {
        let probe = Probe::ready(way, server.local_addr(), &format!("short-lived {n}"));
        drop(probe);
    }
    serves_the_next(way, &server);
}
