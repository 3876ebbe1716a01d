//! How often a client connects to a server that sends it away again and again.

use ipc_core::Secret;
use ipc_core::secure::Entropy;

use super::secrets::SECRET;
use super::*;
use crate::retry::Retry;

const MINUTE: Duration = Duration::from_secs(60);

/// How many connections a call makes within a minute, and whether it has ended then.
fn connections(builder: ClientBuilder, link: fn() -> Link, script: Script) -> (u32, bool) {
    let mut stage = Stage::new(builder);
    let end = stage.now + MINUTE;
    let mut count = 0;
    while stage.now < end && !stage.ended {
        stage.await_try();
        stage.meets(link(), script, Duration::ZERO);
        count += 1;
        assert!(count < 1000, "a storm");
    }
    (count, stage.ended)
}

/// The server's end of a connection under the secret.
pub(super) fn sealed() -> Link {
    let secret = Secret::new(SECRET).unwrap();
    let entropy = Entropy::gather(getrandom::fill).unwrap();
    Link::secret(Role::Server, &secret, "", entropy, 1 << 20)
}

/// As [`welcomes`], with a word about the call.
fn tells_progress(arrival: Arrival) -> Vec<u8> {
    let mut session = session(arrival);
    session.progress(1, 0.5, "half");
    drain(
        &mut session,
        ServerSession::transmit,
        ServerSession::consume,
    )
}

/// Each of these was connected to thousands of times a second, whatever the client was told of retries.
#[test]
fn no_server_is_connected_to_without_a_pause() {
    for (name, script) in [
        ("queue", queues as Script),
        ("hand-over", hands_over),
        ("welcome", welcomes),
        ("progress", tells_progress),
    ] {
        let (count, ended) = connections(client().retry(Retry::never()), plain, script);
        assert_eq!((count, ended), (1, true), "{name}");
        let (count, ended) = connections(client().retry(Retry::forever()), plain, script);
        assert!((10..40).contains(&count) && !ended, "{name}: {count}");
        let (count, ended) = connections(client(), plain, script);
        assert!((8..30).contains(&count) && ended, "{name}: {count}");
    }
}

#[test]
fn nor_is_one_behind_somebody_who_cuts_encrypted_connections() {
    let forever = || client().secret(SECRET).retry(Retry::forever());
    for script in [queues as Script, hands_over] {
        let (count, _) = connections(forever().retry(Retry::never()), sealed, script);
        assert_eq!(count, 1);
        let (count, _) = connections(forever(), sealed, script);
        assert!((10..40).contains(&count), "{count}");
    }
}

/// A long wait is no outage: what follows it is a new one, with a try at once.
#[test]
fn who_has_waited_long_is_back_at_once() {
    let second = Duration::from_secs(1);
    for script in [queues as Script, welcomes] {
        for stay in [second, 3600 * second] {
            let mut stage = Stage::new(client().retry(Retry::never()));
            for _ in 0..3 {
                stage.await_try();
                stage.meets(plain(), script, stay);
                assert!(!stage.ended);
                assert_eq!(stage.engine.next_try(stage.now), stage.now);
            }
        }
    }
}

/// The time in a queue counted as outage, however short it was.
#[test]
fn waiting_in_a_queue_is_no_part_of_the_outage() {
    let limit = Duration::from_secs(10);
    let stay = Duration::from_millis(900);
    let mut stage = Stage::new(client().retry(Retry::for_duration(limit)));
    let start = stage.now;
    let mut queued = Duration::ZERO;
    while !stage.ended {
        stage.await_try();
        stage.meets(plain(), queues, stay);
        queued += stay;
        assert!(queued < MINUTE, "it never ends");
    }
    assert_eq!(stage.now - start - queued, limit);
}

#[test]
fn who_gives_up_in_the_queue_is_told_how_long_the_holder_has_had_it_by_then() {
    let mut stage = Stage::new(client());
    stage.engine.begin_first(MINUTE, stage.now);
    stage.await_try();
    let until = stage.now + MINUTE;
    stage.joins(plain(), queues);
    stage.now = until;
    let Some(Err(ConnectError::Busy { queue, .. })) = stage.engine.poll_first(until) else {
        panic!("it waits in the queue");
    };
    assert_eq!(queue.held_ms, 60_001);
}

#[test]
fn who_waits_for_the_first_connection_waits_as_long_as_it_asked_for() {
    let limit = Duration::from_secs(10);
    let mut stage = Stage::new(client().retry(Retry::for_duration(MINUTE / 60)));
    stage.engine.begin_first(limit, stage.now);
    let until = stage.now + limit;
    stage.await_try();
    stage.meets(plain(), queues, Duration::from_secs(2));
    let mut tries = 0;
    while stage.now < until {
        assert_eq!(stage.engine.poll_first(stage.now), None);
        stage.await_try();
        stage.meets(plain(), queues, Duration::ZERO);
        tries += 1;
        assert!(tries < 20, "a storm");
    }
    assert!(tries > 5, "{tries}");
    assert!(matches!(stage.engine.poll_first(until), Some(Err(_))));
}
