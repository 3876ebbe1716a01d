//! Clients that are refused, or connect and leave, do not affect others.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::io::Write;
use std::net::TcpStream;
use std::time::Instant;

use ipc_core::session::client::Event;
use ipc_core::session::table::TableLimits;
use tests::probe::Probe;
use tests::{Bench, Way, both_ways, log, until};

both_ways!(
    a_parked_session_survives_any_number_of_refusals,
    clients_that_come_and_go_do_not_fill_the_log,
);

/// Regression test: each refused client had a slot in the session table while its connection lingered, which evicted
/// parked sessions.
fn a_parked_session_survives_any_number_of_refusals(way: Way) {
    let mut limits = TableLimits::default();
    limits.sessions(3);
    let server = way.server().session_limits(limits).queue(1);
    let server = server.device(Bench::new()).spawn().unwrap();
    let address = server.local_addr();
    let Probe {
        stream,
        mut session,
    } = Probe::ready(way, address, "parked");
    drop(stream);
    session.handle_eof(None);
    let mut holder = Probe::hello(way, address, "holder");
    holder.await_ready();
    let mut waiter = Probe::hello(way, address, "waiter");
    // Under a secret it takes several reads to come so far; what it reads last is its place.
    while server.waiting() == 0 {
        assert!(waiter.read());
    }
    let mut refused: Vec<Probe> = Vec::new();
    for _ in 0..200 {
        // It stays at the other end of its connection.
        let mut one_more = Probe::hello(way, address, "one more");
        let events = one_more.await_end();
        let is_bye = |event: &Event| format!("{event:?}").contains("1 clients wait already");
        assert!(events.iter().any(is_bye), "{events:?}");
        refused.push(one_more);
    }
    drop((holder, waiter));
    until("nobody waits", || server.waiting() == 0);
    let mut back = Probe::with_session(way, address, session);
    back.await_ready();
    let resumed = |event: &Event| matches!(event, Event::Connected { resumed: true, .. });
    let events = back.events();
    assert!(events.iter().any(resumed), "{events:?}");
}

/// Regression test: without a secret, any peer can be a client, and such peers made the server log half a megabyte per
/// second.
fn clients_that_come_and_go_do_not_fill_the_log(way: Way) {
    log::capture();
    let server = way.server().device(Bench::new()).spawn().unwrap();
    let name = format!("one of many, {way:?}");
    let start = Instant::now();
    for _ in 0..300 {
        let client = way.client(&server).name(&name).connect().unwrap();
        client.close();
    }
    // 200 at once, and two a second: of 600.
    let lines = log::lines(&["ipc_server", "client=", &name]).len();
    let most = 200 + 2 * usize::try_from(start.elapsed().as_secs() + 1).unwrap();
    assert!((50..=most).contains(&lines), "{lines} of {most}");
    // They do not hide warnings, and the log says how many lines are left out.
    let mut browser = TcpStream::connect(server.local_addr()).unwrap();
    browser.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let address = browser.local_addr().unwrap().to_string();
    log::expect(&["WARN", &address, "HTTP"]);
    until("it says how much is left out", || {
        way.client(&server).name(&name).connect().unwrap().close();
        !log::lines(&["ipc_server", "more lines about clients"]).is_empty()
    });
}
