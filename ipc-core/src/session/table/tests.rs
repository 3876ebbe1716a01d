//! Which sessions are given out, kept and forgotten.

use std::time::Duration;

use super::*;

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
#[allow(
    clippy::disallowed_methods,
    reason = "virtual time has to begin somewhere"
)]
fn at_the_limit_the_session_parked_for_longest_makes_room_and_its_client_finds_out() {
    let (mut table, start) = (table(3), Instant::now());
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
