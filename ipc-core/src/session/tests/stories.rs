//! Faults that the random operations, the model or a reader found, each told once more.

use std::time::Duration;

use super::call_frame;
use super::pair::Pair;
use crate::error::NotSent;
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
