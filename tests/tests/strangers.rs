//! Connections of peers that do not speak the protocol. Each is closed and logged with its address; the next client is
//! served, and the current one is not affected.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use ipc_core::wire::preamble::{Preamble, Role, Suite};
use ipc_server::{AccessLimits, ServerHandle};
use tests::probe::{connect_from, frame};
use tests::{Bench, BenchProxy, Gate, Way, both_ways, log};

both_ways!(
    a_port_scan_is_noted,
    a_browser_is_told_what_this_is,
    other_protocols_are_named_in_the_log,
    random_bytes_end_only_their_own_connection,
    a_connection_that_says_nothing_is_dropped,
    half_open_connections_keep_nobody_out,
    a_flood_keeps_nobody_waiting,
);

/// A server whose client is in the middle of a call.
struct Lab {
    server: ServerHandle,
    way: Way,
    gate: Gate,
    worker: Option<thread::JoinHandle<u64>>,
}

impl Lab {
    fn new(way: Way, limits: AccessLimits) -> Self {
        log::capture();
        let bench = Bench::new();
        let gate = bench.gate();
        let server = way.server().access_limits(limits).device(bench);
        let server = server.spawn().unwrap();
        let client = way.client(&server).connect().unwrap();
        let worker = thread::spawn(move || BenchProxy::new(&client).pass().unwrap());
        gate.wait_for_call();
        Self {
            server,
            way,
            gate,
            worker: Some(worker),
        }
    }

    fn stranger(&self) -> Stranger {
        let stream = TcpStream::connect(self.server.local_addr()).unwrap();
        let bound = Some(Duration::from_secs(20));
        stream.set_read_timeout(bound).unwrap();
        Stranger { stream }
    }

    /// The client in the middle of its work gets its answer, and the next client is served.
    fn ends_unharmed(mut self) {
        self.gate.open(1);
        assert_eq!(self.worker.take().unwrap().join().unwrap(), 1);
        let client = self.way.client(&self.server).connect().unwrap();
        assert_eq!(BenchProxy::new(&client).step().unwrap(), 2);
    }
}

struct Stranger {
    stream: TcpStream,
}

impl Stranger {
    fn address(&self) -> SocketAddr {
        self.stream.local_addr().unwrap()
    }

    fn says(mut self, bytes: &[u8]) -> Self {
        // The server may have closed the connection in the middle of it.
        let _ = self.stream.write_all(bytes);
        self
    }

    fn hangs_up(self) -> Self {
        let _ = self.stream.shutdown(Shutdown::Write);
        self
    }

    /// What the server says until it closes the connection.
    fn hears(mut self) -> Vec<u8> {
        let mut answer = Vec::new();
        match self.stream.read_to_end(&mut answer) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
        answer
    }
}

/// Long enough for every test except the one of this limit.
fn limits() -> AccessLimits {
    let mut limits = AccessLimits::default();
    limits.answer_after(Duration::from_millis(200));
    limits
}

fn a_port_scan_is_noted(way: Way) {
    let lab = Lab::new(way, limits());
    let stranger = lab.stranger();
    let address = stranger.address().to_string();
    assert_eq!(stranger.hangs_up().hears(), b"");
    log::expect(&["peer=", &address]);
    lab.ends_unharmed();
}

/// Regression test: under a secret, a browser got no reply, and the log did not identify it.
fn a_browser_is_told_what_this_is(way: Way) {
    let lab = Lab::new(way, limits());
    let stranger = lab.stranger();
    let address = stranger.address().to_string();
    let request = b"GET / HTTP/1.1\r\nHost: lab-pc:4440\r\nUser-Agent: Browser\r\n\r\n";
    let answer = String::from_utf8(stranger.says(request).hears()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("not a web server"), "{answer}");
    log::expect(&["WARN", &address, "HTTP"]);
    lab.ends_unharmed();
}

fn other_protocols_are_named_in_the_log(way: Way) {
    let lab = Lab::new(way, limits());
    let hellos: [(&[u8], &str); 3] = [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "TLS"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "SSH"),
        (
            b"DESCRIBE rtsp://lab-pc:4440/ RTSP/1.0\r\nCSeq: 1\r\n\r\n",
            "DESC",
        ),
    ];
    for (hello, name) in hellos {
        let stranger = lab.stranger();
        let address = stranger.address().to_string();
        let start = Instant::now();
        assert_eq!(stranger.says(hello).hears(), b"", "{name}");
        assert!(start.elapsed() < Duration::from_secs(2), "{name}");
        log::expect(&["WARN", &address, name]);
    }
    lab.ends_unharmed();
}

fn random_bytes_end_only_their_own_connection(way: Way) {
    let lab = Lab::new(way, limits());
    let suite = match way {
        Way::Plain => Suite::Plain,
        Way::Secret => Suite::Secret,
    };
    let role = Role::Client;
    let preamble = Preamble::new(suite, role).encode();
    let mut noise = 0x2545_F491_u32;
    let mut random = |len: usize| -> Vec<u8> {
        let mut next = || {
            noise ^= noise << 13;
            noise ^= noise >> 17;
            noise ^= noise << 5;
            noise as u8
        };
        (0..len).map(|_| next()).collect()
    };
    let huge = [&preamble[..], &u32::MAX.to_le_bytes(), &random(100)].concat();
    let lengths = frame(1, &[[0xff_u8; 16], [0x3f; 16]].concat());
    let cases = [
        random(1),
        random(7),
        random(64),
        random(5000),
        [&preamble[..], &random(5000)].concat(),
        // A frame of 4 GiB, one cut in the middle, one whose texts are 2^62 bytes long.
        huge,
        [&preamble[..], &frame(1, &[0; 50])[..30]].concat(),
        [&preamble[..], &lengths].concat(),
        // Another version, the role of the server, a suite that there is not.
        b"LIPC\x02\x00C\x00".to_vec(),
        b"LIPC\x01\x00S\x00".to_vec(),
        b"LIPC\x01\x07C\x00".to_vec(),
    ];
    for case in cases {
        let stranger = lab.stranger();
        let address = stranger.address().to_string();
        let answer = stranger.says(&case).hangs_up().hears();
        // Nothing, or the one line that says what is spoken here, and under a secret the server's half of a key.
        assert!(answer.len() <= 56, "{case:?}: {answer:?}");
        log::expect(&["peer=", &address]);
    }
    lab.ends_unharmed();
}

fn a_connection_that_says_nothing_is_dropped(way: Way) {
    let hello_within = Duration::from_millis(500);
    let lab = Lab::new(way, {
        let mut limits = limits();
        limits.hello_within(hello_within);
        limits
    });
    // The server's time begins when it accepts the connection, perhaps before `stranger` returns.
    let start = Instant::now();
    let silent = lab.stranger();
    let slow = lab.stranger();
    let addresses = [silent.address(), slow.address()];
    let dribble = {
        let mut stream = slow.stream.try_clone().unwrap();
        thread::spawn(move || {
            for byte in b"LIPC\x01".iter().cycle().take(200) {
                if stream.write_all(&[*byte]).is_err() {
                    break;
                }
                thread::sleep(Duration::from_millis(100));
            }
        })
    };
    assert_eq!(silent.hears(), b"");
    drop(slow.hears());
    let waited = start.elapsed();
    assert!(waited >= hello_within, "{waited:?}");
    assert!(waited < Duration::from_secs(5), "{waited:?}");
    dribble.join().unwrap();
    for address in addresses {
        log::expect(&["WARN", &address.to_string()]);
    }
    lab.ends_unharmed();
}

fn half_open_connections_keep_nobody_out(way: Way) {
    let lab = Lab::new(way, limits());
    lab.gate.open(1);
    let held: Vec<Stranger> = (0..1000).map(|_| lab.stranger().says(b"LIPC")).collect();
    let oldest = held[0].address().to_string();
    // Evicted connections are logged, too.
    log::expect(&["peer=", &oldest]);
    assert_eq!(lab.worker.unwrap().join().unwrap(), 1);
    for round in 0..20 {
        let start = Instant::now();
        let client = lab.way.client(&lab.server).connect().unwrap();
        assert_eq!(BenchProxy::new(&client).echo(round).unwrap(), round);
        let took = start.elapsed();
        assert!(took < Duration::from_secs(1), "round {round}: {took:?}");
    }
    drop(held);
}

/// Regression test: the system's backlog was 128, and further connections were accepted seconds later.
fn a_flood_keeps_nobody_waiting(way: Way) {
    let lab = Lab::new(way, limits());
    lab.gate.open(1);
    assert_eq!(lab.worker.unwrap().join().unwrap(), 1);
    let address = lab.server.local_addr();
    // From many addresses, none of them the good client's: one source alone cannot take up all the room.
    let flood = thread::spawn(move || {
        let mut held = VecDeque::new();
        let mut longest = Duration::ZERO;
        for count in 0..4000 {
            let last = u8::try_from(count % 50).unwrap();
            let source = SocketAddr::from(([127, 0, 2, 1 + last], 0));
            let start = Instant::now();
            held.extend(connect_from(source, address));
            longest = longest.max(start.elapsed());
            if held.len() > 400 {
                held.pop_front();
            }
            // Bursts, as in a flood.
            if count % 200 == 0 {
                thread::sleep(Duration::from_millis(40));
            }
        }
        longest
    });
    let mut round = 0;
    while !flood.is_finished() {
        round += 1;
        let start = Instant::now();
        let client = lab.way.client(&lab.server).connect().unwrap();
        assert_eq!(BenchProxy::new(&client).echo(round).unwrap(), round);
        client.close();
        let took = start.elapsed();
        assert!(took < Duration::from_millis(900), "round {round}: {took:?}");
    }
    let longest = flood.join().unwrap();
    assert!(longest < Duration::from_millis(900), "{longest:?}");
    assert!(round > 5, "{round} rounds");
}
