//! The memory of a server under many connections. A test program of its own, because it measures the memory of the
//! process.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::thread;

use ipc_server::AccessLimits;
use tests::raw::{Raw, hello};
use tests::{Bench, BenchProxy, Way, both_ways, until};

both_ways!(
    ten_thousand_bad_connections_leave_nothing_behind,
    a_waiting_client_takes_little_memory,
);

/// Only one measurement at a time.
static SCALES: Mutex<()> = Mutex::new(());

fn ten_thousand_bad_connections_leave_nothing_behind(way: Way) {
    let _alone = SCALES.lock().unwrap_or_else(PoisonError::into_inner);
    let mut limits = AccessLimits::default();
    limits
        .guesses_per_minute(usize::MAX)
        .free_guesses(u32::MAX)
        .answer_after(std::time::Duration::from_millis(50));
    let bench = Bench::new();
    let gate = bench.gate();
    let server = way.server().access_limits(limits).device(bench);
    let server = server.spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    let call = thread::spawn(move || BenchProxy::new(&client).pass().unwrap());
    gate.wait_for_call();
    flood(server.local_addr(), 2000);
    let (memory, descriptors) = (resident_kb(), descriptors());
    flood(server.local_addr(), 10_000);
    let grown = resident_kb().saturating_sub(memory);
    assert!(grown < 16 * 1024, "{grown} kB more");
    until("the descriptors are given back", || {
        self::descriptors() < descriptors + 20
    });
    gate.open(1);
    assert_eq!(call.join().unwrap(), 1);
    let client = way.client(&server).connect().unwrap();
    assert_eq!(BenchProxy::new(&client).step().unwrap(), 2);
}

/// At most 7 KiB each under no secret, at both ends together.
fn a_waiting_client_takes_little_memory(way: Way) {
    const CLIENTS: u64 = 1_000;
    let _alone = SCALES.lock().unwrap_or_else(PoisonError::into_inner);
    let server = way.server().queue(4096).device(Bench::new());
    let server = server.spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    assert_eq!(BenchProxy::new(&client).step().unwrap(), 1);
    let wait = |clients: u64| {
        let mut waiting = Vec::new();
        for n in 0..clients {
            let mut raw = Raw::connect(way, server.local_addr());
            raw.say(&hello(&format!("client {n}")));
            raw.await_word();
            waiting.push(raw);
        }
        waiting
    };
    let _first = wait(100);
    let memory = resident_kb();
    let _more = wait(CLIENTS);
    let grown = resident_kb().saturating_sub(memory);
    println!("{} bytes per waiting client", grown * 1024 / CLIENTS);
    let bound = match way {
        Way::Plain => 7,
        // The test's own end of the encryption included.
        Way::Secret => 14,
    };
    assert!(grown < bound * CLIENTS, "{grown} kB more");
}

fn flood(server: SocketAddr, connections: usize) {
    let cases = [
        vec![],
        vec![0xff; 300],
        b"GET / HTTP/1.0\r\n\r\n".to_vec(),
        b"LIPC\x01\x00C\x00\xff\xff\xff\xff".to_vec(),
        [&b"LIPC\x01\x01C\x01"[..], &[7; 200]].concat(),
    ];
    for n in 0..connections {
        let mut stream = TcpStream::connect(server).unwrap();
        // It may already be closed.
        let _ = stream.write_all(&cases[n % cases.len()]);
    }
}

fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    let number = line.unwrap().split_whitespace().nth(1);
    number.unwrap().parse().unwrap()
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}
