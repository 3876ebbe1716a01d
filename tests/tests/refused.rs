//! Clients that are refused cost those that were served before them nothing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use ipc_core::session::client::Event;
use ipc_core::session::table::TableLimits;
use tests::probe::Probe;
use tests::{Bench, Way, both_ways, until};

both_ways!(a_parked_session_survives_any_number_of_refusals);

/// Each of them had a slot in the table of sessions while its refusal lingered, and the parked ones made room.
fn a_parked_session_survives_any_number_of_refusals(way: Way) {
    let limits = TableLimits {
        sessions: 3,
        ..TableLimits::default()
    };
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
