//! Faults that the random operations, the model or a reader found, each told once more.

use std::time::Duration;

use super::call_frame;
use super::pair::Pair;
use super::server_end::LIMITS;
use crate::error::{NotSent, Refusal};
use crate::session::client::{CallOutcome, ClientConfig, Event};

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
    let method = "m".repeat(LIMITS.kept_replies);
    held.session.refuse(number, Refusal::Stopping { method });
    held.running = None;
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
