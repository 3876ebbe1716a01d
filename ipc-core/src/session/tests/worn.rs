//! A connection whose keys have served long enough: the session goes on over another one.

use super::pair::Pair;
use super::{answer, call_frame, reply_frame};
use crate::secure::{MAX_BLOCKS, MAX_RECORDS};
use crate::session::client::{CallOutcome, ClientConfig, Event};

/// Everything that is under way arrives, and every call that has arrived is run. Returns how many were.
fn run(pair: &mut Pair) -> usize {
    let mut runs = 0;
    for _ in 0..100 {
        pair.client_writes(usize::MAX);
        let wires: Vec<_> = pair.wires.keys().copied().collect();
        for id in wires {
            pair.arrive_at_server(id, usize::MAX);
            pair.take_over(id);
            pair.server_writes(id, usize::MAX);
        }
        let keys: Vec<_> = pair.server.out.keys().copied().collect();
        for key in keys {
            if let Some(call) = pair.server.start(key, pair.now) {
                runs += 1;
                let frame = reply_frame(call.number, &answer(call.tag, call.size));
                let held = pair.server.out.get_mut(&key).unwrap();
                held.session.reply(call.number, frame);
                held.running.clear();
            }
        }
        pair.arrive_at_client(usize::MAX);
    }
    runs
}

fn events(pair: &mut Pair) -> Vec<Event> {
    std::iter::from_fn(|| pair.client.poll_event()).collect()
}

fn has_returned(events: &[Event], wanted: u64) -> bool {
    let returned = |event: &Event| matches!(event, Event::Ended { call, outcome: CallOutcome::Returned(_) } if *call == wanted);
    events.iter().any(returned)
}

#[test]
fn half_way_to_the_last_record_a_session_moves_to_fresh_keys() {
    moves_to_fresh_keys((MAX_RECORDS / 2 - 4, 0), (MAX_RECORDS / 2, 0));
}

#[test]
fn half_way_to_the_last_block_a_session_moves_to_fresh_keys() {
    moves_to_fresh_keys((0, MAX_BLOCKS / 2 - 40), (0, MAX_BLOCKS / 2));
}

/// At `before`, there is room for a question, its answer, and the confirmation of it; at `worn` there is not.
fn moves_to_fresh_keys(before: (u64, u64), worn: (u64, u64)) {
    let mut pair = Pair::secret(ClientConfig::default());
    pair.dial();
    assert_eq!(run(&mut pair), 0);
    assert!(matches!(events(&mut pair)[..], [Event::Connected { .. }]));

    let skip = |pair: &mut Pair, (records, blocks)| {
        pair.client.skip_to(records, blocks);
        let mut sessions = pair.server.out.values_mut();
        sessions.next().unwrap().session.skip_to(records, blocks);
    };
    skip(&mut pair, before);
    let before = pair.client.call(call_frame(1, 0), false, None, pair.now);
    assert_eq!(run(&mut pair), 1);
    let told = events(&mut pair);
    assert!(has_returned(&told, before) && told.len() == 1, "{told:?}");

    skip(&mut pair, worn);
    let call = pair.client.call(call_frame(2, 0), false, None, pair.now);
    assert_eq!(run(&mut pair), 0, "nothing more goes over the worn keys");
    let told = events(&mut pair);
    assert!(matches!(told[..], [Event::Lost(_)]), "{told:?}");

    pair.dial();
    assert_eq!(run(&mut pair), 1, "once, over the new connection");
    let told = events(&mut pair);
    assert!(matches!(told[0], Event::Connected { resumed: true, .. }));
    assert!(has_returned(&told, call), "{told:?}");
}
