//! Which sessions are given out, kept and forgotten.

use std::time::Duration;

use super::*;
use crate::session::tests::{call_frame, epoch, link, preamble, reply_frame};
use crate::wire::message::set_call_numbers;
use crate::wire::preamble::Role;

fn table(sessions: usize) -> SessionTable {
    let mut limits = TableLimits::default();
    limits.sessions(sessions);
    SessionTable::new(1, limits)
}

fn hello(resume: Option<SessionKey>) -> Hello {
    Hello {
        resume,
        connection: 7,
        name: "client".into(),
        max_frame: 1 << 20,
        ..Hello::default()
    }
}

#[test]
fn at_the_limit_the_session_parked_for_longest_makes_room_and_its_client_finds_out() {
    let (mut table, start) = (table(3), epoch());
    let mut keys = Vec::new();
    for id in 1..=3 {
        let now = start + Duration::from_secs(id);
        let Greeted::Session(session) = table.greet(&hello(None), id.into(), now) else {
            panic!("there is room for session {id}");
        };
        keys.push(session.key());
        if id > 1 {
            table.park(session, now);
        }
    }
    let now = start + Duration::from_secs(9);
    assert!(matches!(
        table.greet(&hello(None), 4, now),
        Greeted::Session(_)
    ));
    let back = |key| Hello {
        connection: 8,
        ..hello(Some(key))
    };
    assert!(
        matches!(table.greet(&back(keys[0]), 5, now), Greeted::Out(_)),
        "in use"
    );
    let Greeted::Session(newest) = table.greet(&back(keys[2]), 6, now) else {
        panic!("the one parked last is still there");
    };
    assert_eq!(newest.key(), keys[2]);
    assert!(
        matches!(table.greet(&back(keys[1]), 7, now), Greeted::Full),
        "forgotten, and all others are in use: it gets no session that could be mistaken for its own"
    );
}

fn back(key: SessionKey, connection: u64) -> Hello {
    Hello {
        connection,
        ..hello(Some(key))
    }
}

/// A new session whose first call runs.
fn open_and_run(table: &mut SessionTable, id: u128, now: Instant) -> Box<ServerSession> {
    let mut session = table.open(&hello(None), id, now).expect("there is room");
    session.attach(link(Role::Server, false, 1 << 20), &hello(None), 1);
    let mut call = call_frame(1, 0);
    set_call_numbers(&mut call, 1, 1, 0);
    session.handle_input(&[preamble(Role::Client), call].concat(), now);
    session.next_call(now).expect("a call");
    session.handle_eof(None);
    session
}

#[test]
fn a_session_with_a_running_call_is_neither_replaced_nor_expired() {
    let (mut table, now) = (table(1), epoch());
    let session = open_and_run(&mut table, 1, now);
    let key = session.key();
    table.park(session, now);
    let late = now + Duration::from_secs(3600);
    assert!(table.open(&hello(None), 2, late).is_none(), "full");
    let Some(Greeted::Session(mut session)) = table.resume(&back(key, 8), late) else {
        panic!("it is kept");
    };
    session.reply(1, reply_frame(1, b"result"));
    table.park(session, now);
    assert!(table.open(&hello(None), 2, late).is_some());
    assert!(table.resume(&back(key, 9), late).is_none());
}

/// The limit holds for answers that come while their sessions are parked.
#[test]
fn an_answer_to_a_parked_session_counts_to_the_limit() {
    let mut limits = TableLimits::default();
    limits.parked_replies(1000);
    let (mut table, now) = (SessionTable::<Box<ServerSession>>::new(1, limits), epoch());
    for id in 1..=3 {
        let session = open_and_run(&mut table, id, now);
        table.park(session, now + Duration::from_secs(id as u64));
    }
    for id in 1..=3 {
        if let Some(EntryState::Parked { session, .. }) =
            table.entries.get_mut(&id).map(|entry| &mut entry.state)
        {
            session.reply(1, reply_frame(1, &[0; 400]));
        }
        table.bound_answers();
    }
    let kept = table.entries.values().map(|entry| match &entry.state {
        EntryState::Parked { session, .. } => session.kept() > 0,
        EntryState::Out => panic!("it is parked"),
    });
    assert_eq!(kept.collect::<Vec<_>>(), [false, true, true]);
}

#[test]
fn a_session_is_given_out_to_one_connection_at_a_time() {
    let (mut table, now) = (table(3), epoch());
    let session = table.open(&hello(None), 1, now).expect("there is room");
    let key = session.key();
    let asked = table.resume(&back(key, 8), now);
    assert!(matches!(asked, Some(Greeted::Out(_))));
    assert!(table.reclaim(key, 8).is_none(), "still out");
    table.park(session, now);
    assert!(table.reclaim(key, 7).is_none(), "overtaken by number 8");
    assert!(table.reclaim(key, 8).is_some());
    assert!(table.reclaim(key, 8).is_none());
    let again = table.resume(&back(key, 8), now);
    assert!(matches!(again, Some(Greeted::Stale)));
}
