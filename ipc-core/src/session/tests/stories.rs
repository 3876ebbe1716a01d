//! Faults that the random operations, the model or a reader found, each told once more.

use std::time::{Duration, Instant};

use super::pair::Pair;
use super::server_end::KEPT_REPLIES;
use super::{answer, call_frame, reply_frame};
use crate::error::NotSent;
use crate::session::arrival::{Arrival, bye};
use crate::session::client::{CallOutcome, ClientConfig, Event, GivenUp};
use crate::session::link::{Link, LinkError};
use crate::session::server::{MIN_REPLY, ServerSession};
use crate::session::table::{Greeted, SessionTable, TableLimits};
use crate::wire::ctrl::{ByeReason, CtrlMsg, Hello};
use crate::wire::failure::{Failure, Refusal};
use crate::wire::frame;
use crate::wire::message::{self, failure_frame, frame_of, set_call_numbers};
use crate::wire::preamble::{Preamble, Role, Suite};

/// A client and a server that have met.
fn connected() -> Pair {
    let mut pair = Pair::new(ClientConfig::default());
    pair.dial();
    exchange(&mut pair);
    assert!(matches!(
        pair.client.poll_event(),
        Some(Event::Connected { resumed: false, .. })
    ));
    pair
}

/// Everything that is under way arrives; no call is run.
fn exchange(pair: &mut Pair) {
    for _ in 0..100 {
        pair.client_writes(usize::MAX);
        let ids: Vec<_> = pair.wires.keys().copied().collect();
        for id in ids {
            pair.arrive_at_server(id, usize::MAX);
            pair.server_writes(id, usize::MAX);
        }
        pair.arrive_at_client(usize::MAX);
    }
}

fn call(pair: &mut Pair, tag: u64) -> u64 {
    let frame = call_frame(tag, 0);
    pair.client.call(frame, false, None, pair.now)
}

fn ended(pair: &mut Pair) -> Option<(u64, CallOutcome)> {
    std::iter::from_fn(|| pair.client.poll_event()).find_map(|event| match event {
        Event::Ended { call, outcome } => Some((call, outcome)),
        _ => None,
    })
}

/// `close` forgot the calls in flight: whoever waited for them was never told whether they had run.
#[test]
fn closing_tells_the_end_of_each_call() {
    let mut pair = connected();
    let sent = call(&mut pair, 1);
    exchange(&mut pair);
    pair.hang_up();
    let unsent = call(&mut pair, 2);
    pair.client.close();
    let after = call(&mut pair, 3);
    let (number, outcome) = ended(&mut pair).unwrap();
    assert_eq!(number, sent);
    assert!(matches!(outcome, CallOutcome::Unknown(_)));
    let not_sent = CallOutcome::NotSent(NotSent::Closed);
    assert_eq!(ended(&mut pair), Some((unsent, not_sent.clone())));
    assert_eq!(ended(&mut pair), Some((after, not_sent)));
    pair.pass(Duration::from_secs(1000));
    assert_eq!(pair.client.poll_event(), None);
}

/// A refusal that was not kept was told as "it ran" when the call came again.
#[test]
fn a_refusal_that_was_not_kept_is_still_a_refusal() {
    let mut pair = connected();
    let number = call(&mut pair, 1);
    exchange(&mut pair);
    let key = *pair.server.out.keys().next().unwrap();
    pair.server.start(key, pair.now).unwrap();
    let held = pair.server.out.get_mut(&key).unwrap();
    let method = "m".repeat(KEPT_REPLIES);
    held.session.refuse(number, Refusal::Stopping { method });
    held.running.clear();
    pair.hang_up();
    exchange(&mut pair);
    pair.dial();
    exchange(&mut pair);
    let id = *pair.server.fencing.keys().next().unwrap();
    pair.take_over(id);
    exchange(&mut pair);
    let (_, outcome) = ended(&mut pair).unwrap();
    assert!(matches!(outcome, CallOutcome::Refused(_)), "{outcome:?}");
}

/// An idempotent call ran, the server was restarted, and the new one refused it: the client was told that nothing had
/// happened at the instrument.
#[test]
fn a_refusal_says_nothing_about_an_earlier_session() {
    let mut pair = connected();
    let number = pair.client.call(call_frame(1, 0), true, None, pair.now);
    exchange(&mut pair);
    let key = *pair.server.out.keys().next().unwrap();
    pair.server.start(key, pair.now).unwrap();
    pair.crash();
    exchange(&mut pair);
    pair.dial();
    exchange(&mut pair);
    let key = *pair.server.out.keys().next().unwrap();
    pair.server.start(key, pair.now).unwrap();
    let held = pair.server.out.get_mut(&key).unwrap();
    let method = "m".into();
    held.session.refuse(number, Refusal::Stopping { method });
    exchange(&mut pair);
    let (_, outcome) = ended(&mut pair).unwrap();
    assert!(matches!(outcome, CallOutcome::Unknown(_)), "{outcome:?}");
}

/// A connection cut within a frame was told as bytes that are not frames, and the place was not kept for its client.
#[test]
fn a_connection_cut_within_a_frame_is_a_lost_one() {
    let mut link = Link::plain(Role::Server, 100);
    let preamble = Preamble::new(Suite::Plain, Role::Client);
    link.handle_input(&preamble.encode()).unwrap();
    link.handle_input(&[9, 0]).unwrap();
    assert!(matches!(link.handle_eof(), LinkError::Lost(_)));
}

/// The second piece of a client of another version put an empty one before the goodbye, which was then never sent.
#[test]
fn another_version_is_told_why_however_its_bytes_are_cut() {
    let mut arrival = Arrival::new(Link::plain(Role::Server, 100));
    assert!(arrival.handle_input(b"LIPC\x09\0C\0").is_err());
    assert!(arrival.handle_input(b"and more").is_err());
    arrival.refuse(ByeReason::Protocol, "not here");
    let preamble = Preamble::new(Suite::Plain, Role::Server).encode();
    let goodbye = bye(ByeReason::Protocol, "not here");
    assert_eq!(arrival.transmit(), [&preamble[..], &goodbye].concat());
}

/// "Wait for ever" overflowed the clock.
#[test]
fn endless_patience_is_no_panic() {
    let mut pair = Pair::new(ClientConfig {
        patience: Duration::MAX,
        ..ClientConfig::default()
    });
    pair.dial();
    assert_eq!(pair.client.poll_timeout(), None);
    exchange(&mut pair);
    assert!(pair.client.is_ready());
}

/// A server that asked whether its client was still there counted as silent.
#[test]
fn a_ping_is_a_sign_of_life() {
    let mut pair = Pair::new(ClientConfig::default());
    let link = Link::plain(Role::Client, 100);
    pair.client.connect(link, pair.now);
    let mut said = Preamble::new(Suite::Plain, Role::Server).encode().to_vec();
    for _ in 0..10 {
        said.extend(frame_of(CtrlMsg::Ping, &1_u64));
        pair.client.handle_input(&said, pair.now);
        said.clear();
        pair.pass(Duration::from_secs(10));
        assert!(!pair.client.is_disconnected());
    }
    pair.pass(Duration::from_secs(10));
    assert!(pair.client.is_disconnected());
}

/// Each of many calls made at once confirmed nothing, so the server had to keep all answers, took the client for a
/// hostile one and cut the connection, again and again.
#[test]
fn any_number_of_calls_can_be_in_flight() {
    const CALLS: u64 = 25_000;
    let mut pair = connected();
    for tag in 1..=CALLS {
        call(&mut pair, tag);
    }
    let mut ends = 0;
    for _ in 0..200_000 {
        pair.client_writes(usize::MAX);
        pair.arrive_at_server(1, usize::MAX);
        let key = *pair.server.out.keys().next().unwrap();
        while let Some(run) = pair.server.start(key, pair.now) {
            let held = pair.server.out.get_mut(&key).unwrap();
            held.running.clear();
            let frame = reply_frame(run.number, &answer(run.tag, 0));
            held.session.reply(run.number, frame);
        }
        pair.server_writes(1, usize::MAX);
        pair.arrive_at_client(usize::MAX);
        while let Some(event) = pair.client.poll_event() {
            assert!(!matches!(event, Event::Lost(_)), "{event:?}");
            ends += u64::from(matches!(event, Event::Ended { .. }));
        }
        if ends == CALLS {
            return;
        }
    }
    panic!("only {ends} calls have ended");
}

/// A call given up while there was no connection was run after the client had come back.
#[test]
fn a_call_given_up_offline_is_cancelled_when_the_client_is_back() {
    let mut pair = connected();
    let number = call(&mut pair, 1);
    exchange(&mut pair);
    pair.hang_up();
    assert_eq!(pair.client.give_up(number), GivenUp::Sent);
    exchange(&mut pair);
    pair.dial();
    exchange(&mut pair);
    let id = *pair.server.fencing.keys().next().unwrap();
    pair.take_over(id);
    exchange(&mut pair);
    assert!(pair.client.is_ready());
    let key = *pair.server.out.keys().next().unwrap();
    assert!(pair.server.start(key, pair.now).is_none());
}

/// The answer to a method name of 70,000 letters was a frame that nobody could read: the client dropped the connection,
/// sent the call again, and so on for ever. The same for reasons that only a newer server knows.
#[test]
fn an_unreadable_refusal_ends_its_call() {
    let mut pair = connected();
    let long = Refusal::UnknownMethod {
        method: "m".repeat(MIN_REPLY),
        similar: vec![],
        hint: String::new(),
    };
    let shortened = failure_frame(1, &Failure::Refused(long), MIN_REPLY);
    assert!(shortened.len() < MIN_REPLY);
    let mut unknown = frame::begin(CtrlMsg::Error);
    unknown.extend_from_slice(&2_u64.to_le_bytes());
    unknown.extend_from_slice(&[0xee; 10]);
    frame::finish(&mut unknown, 0);
    for (tag, reply) in [(1, shortened), (2, unknown)] {
        let number = call(&mut pair, tag);
        exchange(&mut pair);
        let key = *pair.server.out.keys().next().unwrap();
        pair.server.start(key, pair.now).unwrap();
        let held = pair.server.out.get_mut(&key).unwrap();
        held.running.clear();
        held.session.reply(number, reply);
        exchange(&mut pair);
        let (_, outcome) = ended(&mut pair).unwrap();
        assert!(matches!(outcome, CallOutcome::Refused(_)), "{outcome:?}");
        assert!(pair.client.is_ready());
    }
}

/// A client that accepted only short frames could be sent a longer refusal, which it could not take, ever.
#[test]
fn every_client_accepts_what_every_server_may_send() {
    let mut pair = Pair::new(ClientConfig {
        max_frame: 1,
        ..ClientConfig::default()
    });
    pair.dial();
    exchange(&mut pair);
    let number = call(&mut pair, 1);
    exchange(&mut pair);
    let key = *pair.server.out.keys().next().unwrap();
    pair.server.start(key, pair.now).unwrap();
    let held = pair.server.out.get_mut(&key).unwrap();
    assert_eq!(held.session.reply_limit(), MIN_REPLY);
    let method = "m".repeat(5000);
    held.session.refuse(number, Refusal::Stopping { method });
    exchange(&mut pair);
    assert_eq!(pair.client.in_flight(), Vec::<u64>::new());
}

/// Each session kept what it might, so a thousand of them kept a thousand times as much.
#[test]
fn parked_sessions_share_one_limit_and_the_oldest_is_told() {
    let mut limits = TableLimits::default();
    limits.parked_replies(1000);
    let now = super::epoch();
    let mut table: SessionTable = SessionTable::new(1, limits);
    let mut hello = Hello {
        connection: 1,
        max_frame: 1 << 20,
        ..Hello::default()
    };
    let mut keys = Vec::new();
    for fresh in 1..=3 {
        let Greeted::Session(mut session) = table.greet(&hello, fresh, now) else {
            panic!("no session");
        };
        session.attach(Link::plain(Role::Server, 1 << 20), &hello, 1);
        answer_one(&mut session, now);
        keys.push(session.key());
        table.park(session, now + Duration::from_secs(fresh as u64));
    }
    for (key, is_kept) in keys.into_iter().zip([false, true, true]) {
        (hello.resume, hello.connection) = (Some(key), 2);
        let Greeted::Session(mut session) = table.greet(&hello, 9, now) else {
            panic!("no session");
        };
        assert_eq!(session.kept() > 0, is_kept);
        session.attach(Link::plain(Role::Server, 1 << 20), &hello, 1);
        session.consume(usize::MAX);
        let again = answer_one(&mut session, now);
        let kept = again == Some(CtrlMsg::Ok);
        assert_eq!(kept, is_kept, "{again:?}");
    }
}

/// Call 1 comes, runs if it has not, and is answered with 400 bytes.
fn answer_one(session: &mut ServerSession, now: Instant) -> Option<CtrlMsg> {
    let preamble = Preamble::new(Suite::Plain, Role::Client);
    session.handle_input(&preamble.encode(), now);
    let mut frame = call_frame(1, 400);
    set_call_numbers(&mut frame, 1, 1, 0);
    session.handle_input(&frame, now);
    if session.next_call(now).is_some() {
        session.reply(1, reply_frame(1, &answer(1, 400)));
    }
    let mut said = Vec::new();
    while let bytes @ [_, ..] = session.transmit() {
        said.extend_from_slice(bytes);
        let count = bytes.len();
        session.consume(count);
    }
    message::single_frame(&said).ok().map(|frame| frame.ctrl)
}
