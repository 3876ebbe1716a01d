//! Clients of other protocols: each is disconnected within a bounded time, runs nothing, and affects no other client.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::atomic::Ordering;
use std::time::Duration;

use ipc_server::AccessLimits;
use tests::probe::answer_to;
use tests::{Bench, BenchProxy, Way, both_ways};

both_ways!(other_protocols_run_nothing_and_harm_nobody);

/// The first bytes of these protocols.
const FOREIGN: [(&str, &[u8]); 48] = [
    ("HTTP GET", b"GET / HTTP/1.1\r\nHost: lab-pc\r\n\r\n"),
    ("HTTP HEAD", b"HEAD / HTTP/1.0\r\n\r\n"),
    (
        "HTTP POST",
        b"POST /step HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
    ),
    (
        "HTTP PUT",
        b"PUT /steps HTTP/1.1\r\nContent-Length: 1\r\n\r\n1",
    ),
    (
        "HTTP DELETE",
        b"DELETE /bench HTTP/1.1\r\nHost: lab-pc\r\n\r\n",
    ),
    (
        "HTTP OPTIONS",
        b"OPTIONS * HTTP/1.1\r\nHost: lab-pc\r\n\r\n",
    ),
    ("HTTP PATCH", b"PATCH / HTTP/1.1\r\nHost: lab-pc\r\n\r\n"),
    ("HTTP CONNECT", b"CONNECT lab-pc:22 HTTP/1.1\r\n\r\n"),
    ("HTTP TRACE", b"TRACE / HTTP/1.1\r\nHost: lab-pc\r\n\r\n"),
    ("HTTP without a version", b"GET /\r\n"),
    (
        "WebSocket",
        b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ),
    (
        "HTTP/2 and gRPC",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    ),
    (
        "SSL 2",
        b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\x01\x00\x80\x02\x00\x80",
    ),
    ("TLS 1.0", b"\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x01"),
    ("TLS 1.1", b"\x16\x03\x02\x00\x2d\x01\x00\x00\x29\x03\x02"),
    ("TLS 1.2", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    (
        "TLS 1.3",
        b"\x16\x03\x03\x00\xc8\x01\x00\x00\xc4\x03\x03\x00\x2b\x00\x03\x02\x03\x04",
    ),
    ("SSH", b"SSH-2.0-OpenSSH_9.9\r\n"),
    ("SSH of old", b"SSH-1.5-client\n"),
    (
        "Telnet",
        b"\xff\xfb\x1f\xff\xfb\x20\xff\xfb\x18\xff\xfb\x27",
    ),
    ("FTP", b"USER anonymous\r\nPASS guest\r\n"),
    ("SMTP", b"EHLO lab-pc\r\nMAIL FROM:<a@lab-pc>\r\n"),
    ("POP3", b"CAPA\r\nQUIT\r\n"),
    ("IMAP", b"a1 CAPABILITY\r\n"),
    (
        "SIP",
        b"OPTIONS sip:nm SIP/2.0\r\nVia: SIP/2.0/TCP nm\r\n\r\n",
    ),
    (
        "RTSP",
        b"DESCRIBE rtsp://lab-pc/ RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    ),
    ("Redis", b"*1\r\n$4\r\nPING\r\n"),
    ("Redis in a line", b"PING\r\nFLUSHALL\r\n"),
    ("memcached", b"stats\r\nflush_all\r\n"),
    (
        "MQTT 3.1.1",
        b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04scan",
    ),
    (
        "MQTT 5",
        b"\x10\x11\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x04scan",
    ),
    ("AMQP", b"AMQP\x00\x00\x09\x01"),
    ("PostgreSQL", b"\x00\x00\x00\x08\x04\xd2\x16\x2f"),
    (
        "MySQL",
        b"\x20\x00\x00\x01\x85\xa6\x03\x00\x00\x00\x00\x01\x21\x00\x00\x00",
    ),
    (
        "MongoDB",
        b"\x3a\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\xd4\x07\x00\x00",
    ),
    (
        "LDAP",
        b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00",
    ),
    (
        "SMB",
        b"\x00\x00\x00\x2f\xffSMB\x72\x00\x00\x00\x00\x18\x01\x28",
    ),
    (
        "RDP",
        b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00",
    ),
    ("VNC", b"RFB 003.008\n"),
    ("X11", b"l\x00\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
    (
        "Modbus",
        b"\x00\x01\x00\x00\x00\x06\x01\x03\x00\x00\x00\x0a",
    ),
    ("SCPI", b"*IDN?\n*RST\n"),
    (
        "HiSLIP",
        b"HS\x00\x00\x01\x00xx\x00\x00\x00\x00\x00\x00\x00\x07hislip0",
    ),
    (
        "pickle",
        b"\x80\x04\x95\x15\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x93.",
    ),
    (
        "multiprocessing",
        b"\x00\x00\x00\x1f#CHALLENGE#{sha256}0123456789",
    ),
    ("empty lines", b"\r\n\r\n\r\n\r\n"),
    ("NULs", &[0; 64]),
    ("one byte", b"L"),
];

fn other_protocols_run_nothing_and_harm_nobody(way: Way) {
    let bench = Bench::new();
    let entered = bench.entered();
    let mut limits = AccessLimits::default();
    limits
        // One byte decides nothing yet, so the server waits for more.
        .hello_within(Duration::from_secs(2));
    let server = way.server().access_limits(limits).device(bench);
    let server = server.spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    for (name, words) in FOREIGN {
        // Fails if the server does not close the connection.
        let answer = answer_to(server.local_addr(), words);
        let is_told = answer.starts_with(b"HTTP/1.1 400 ");
        assert!(is_told || answer.is_empty(), "{name}: {answer:?}");
        assert!(
            !is_told || words.is_ascii(),
            "{name}: only browsers are told"
        );
    }
    assert_eq!(entered.load(Ordering::SeqCst), 0);
    // Other clients are not affected, and the next one is accepted.
    assert_eq!(BenchProxy::new(&client).step().unwrap(), 1);
    client.close();
    let next = way.client(&server).connect().unwrap();
    assert_eq!(BenchProxy::new(&next).step().unwrap(), 2);
}
