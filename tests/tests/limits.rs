//! Each limit by itself: only what exceeds it is refused.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use ipc_server::{AccessLimits, ServerHandle};
use tests::child::{Peer, secret_file};
use tests::probe::{connect_from, frame};
use tests::raw::{Raw, hello};
use tests::{Bench, BenchProxy, Way, both_ways, log};

both_ways!(
    one_source_cannot_have_more_strangers_than_its_share,
    all_sources_together_cannot_have_more_strangers_than_there_is_room_for,
    a_hello_is_short,
    who_waits_for_its_turn_says_little,
    without_descriptors_clients_are_served_and_others_get_in_later,
);

/// Timeouts so long that no connection is dropped because of them.
fn server(way: Way, strangers: usize, strangers_per_source: usize) -> ServerHandle {
    log::capture();
    let mut limits = AccessLimits::default();
    limits
        .unidentified(strangers)
        .unidentified_per_source(strangers_per_source)
        .hello_within(Duration::from_secs(600));
    let server = way.server().access_limits(limits).device(Bench::new());
    server.spawn().unwrap()
}

/// A connection that has sent one byte. Linux reports connections without any to the server only after a second, and in
/// no particular order.
fn stranger_from(source: [u8; 4], server: &ServerHandle) -> TcpStream {
    let mut stream = connect_from((source, 0).into(), server.local_addr()).unwrap();
    stream.write_all(b"G").unwrap();
    let bound = Some(Duration::from_secs(20));
    stream.set_read_timeout(bound).unwrap();
    stream
}

/// Checks that the server has closed the connection.
fn is_dropped(mut stream: TcpStream) {
    match stream.read(&mut [0; 100]) {
        Ok(count) => assert_eq!(count, 0),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
}

/// Checks that the server still reads from the connection and replies.
fn is_heard(mut stream: TcpStream) {
    stream.write_all(b"ET / HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 400");
}

fn serves(way: Way, server: &ServerHandle) {
    let client = way.client(server).connect().unwrap();
    assert_eq!(BenchProxy::new(&client).echo(7).unwrap(), 7);
}

fn one_source_cannot_have_more_strangers_than_its_share(way: Way) {
    let server = server(way, 1000, 3);
    // Older than all others, but of another source.
    let other = stranger_from([127, 0, 5, 2], &server);
    let mut crowd: Vec<_> = (0..5)
        .map(|_| stranger_from([127, 0, 5, 1], &server))
        .collect();
    for stream in crowd.drain(..2) {
        is_dropped(stream);
    }
    crowd.into_iter().for_each(is_heard);
    is_heard(other);
    serves(way, &server);
}

fn all_sources_together_cannot_have_more_strangers_than_there_is_room_for(way: Way) {
    let server = server(way, 3, 1000);
    let mut crowd: Vec<_> = (1..=5)
        .map(|last| stranger_from([127, 0, 6, last], &server))
        .collect();
    for stream in crowd.drain(..2) {
        is_dropped(stream);
    }
    crowd.into_iter().for_each(is_heard);
    serves(way, &server);
}

/// A length of one byte more than is allowed, and nothing behind it.
fn too_long(ctrl: u16) -> Vec<u8> {
    [&8193_u32.to_le_bytes()[..], &ctrl.to_le_bytes()].concat()
}

fn is_too_long(raw: Raw) {
    let address = raw.stream.local_addr().unwrap().to_string();
    raw.await_end();
    log::expect(&[&address, "a frame of 8193 bytes, 8192 are allowed"]);
}

/// Unauthenticated connections do not get the memory of a long call.
fn a_hello_is_short(way: Way) {
    let server = server(way, 100, 100);
    let mut raw = Raw::connect(way, server.local_addr());
    raw.say(&too_long(1));
    is_too_long(raw);
    // One byte less is read to its end, and only then found to be no hello.
    let mut raw = Raw::connect(way, server.local_addr());
    let address = raw.stream.local_addr().unwrap().to_string();
    raw.say(&frame(1, &[0xff; 8190]));
    raw.await_end();
    log::expect(&[&address, "Hello message that cannot be read"]);
    serves(way, &server);
}

fn who_waits_for_its_turn_says_little(way: Way) {
    let server = server(way, 100, 100);
    let holder = way.client(&server).connect().unwrap();
    let mut raw = Raw::connect(way, server.local_addr());
    raw.say(&hello("talkative"));
    raw.await_word();
    raw.say(&too_long(11));
    is_too_long(raw);
    assert_eq!(BenchProxy::new(&holder).echo(7).unwrap(), 7);
}

fn without_descriptors_clients_are_served_and_others_get_in_later(way: Way) {
    let secret = match way {
        Way::Plain => "-".into(),
        Way::Secret => secret_file().display().to_string(),
    };
    let mut command = Command::new("sh");
    command.args(["-c", r#"ulimit -n 48 && exec "$0" serve "$1" 0"#]);
    command.args([env!("CARGO_BIN_EXE_peer"), &secret]);
    let (peer, address) = Peer::server_by(command);
    let client = way.client_at(&address).connect().unwrap();
    let bench = BenchProxy::new(&client);
    assert_eq!(bench.step().unwrap(), 1);
    let server: SocketAddr = address.parse().unwrap();
    let held: Vec<_> = (0..150).map(|_| TcpStream::connect(server)).collect();
    peer.expect("cannot accept a connection");
    for number in 0..20 {
        assert_eq!(bench.echo(number).unwrap(), number);
    }
    client.close();
    // The unauthenticated connections are all still open.
    let next = way.client_at(&address).connect().unwrap();
    assert_eq!(BenchProxy::new(&next).step().unwrap(), 2);
    next.close();
    drop(held);
    let last = way.client_at(&address).connect().unwrap();
    assert_eq!(BenchProxy::new(&last).step().unwrap(), 3);
}
