//! How often a client connects to a server that closes each connection.

use ipc_core::Secret;
use ipc_core::secure::Entropy;

use super::secrets::SECRET;
use super::*;
use crate::retry::Retry;

const MINUTE: Duration = Duration::from_secs(60);

/// Counts the connections that a call makes within a minute, and returns whether it has ended by then.
fn connections(builder: ClientBuilder, link: fn() -> Link, script: Script) -> (u32, bool) {
    let mut scene = Scene::new(builder);
    let end = scene.now + MINUTE;
    let mut count = 0;
    while scene.now < end && !scene.ended {
        scene.await_try();
        scene.meets(link(), script, Duration::ZERO);
        count += 1;
        assert!(count < 1000, "a storm");
    }
    (count, scene.ended)
}

/// The server's end of a connection under the secret.
pub(super) fn sealed() -> Link {
    let secret = Secret::new(SECRET).unwrap();
    let entropy = Entropy::gather(getrandom::fill).unwrap();
    Link::secret(Role::Server, &secret, "", entropy, 1 << 20)
}

/// Like [`welcomes`], with progress of the call.
fn tells_progress(arrival: Arrival) -> Vec<u8> {
    let mut session = session(arrival);
    session.progress(1, 0.5, "half");
    drain(
        &mut session,
        ServerSession::transmit,
        ServerSession::consume,
    )
}

/// Regression test: the client connected to each of these thousands of times a second, whatever `retry` was.
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
fn no_encrypted_server_is_connected_to_without_a_pause() {
    let forever = || client().secret(SECRET).retry(Retry::forever());
    for script in [queues as Script, hands_over] {
        let (count, _) = connections(forever().retry(Retry::never()), sealed, script);
        assert_eq!(count, 1);
        let (count, _) = connections(forever(), sealed, script);
        assert!((10..40).contains(&count), "{count}");
    }
}

/// A long wait ends an outage. The next one begins with an attempt at once.
#[test]
fn after_a_long_wait_the_client_reconnects_at_once() {
    let second = Duration::from_secs(1);
    for script in [queues as Script, welcomes] {
        for stay in [second, 3600 * second] {
            let mut scene = Scene::new(client().retry(Retry::never()));
            for _ in 0..3 {
                scene.await_try();
                scene.meets(plain(), script, stay);
                assert!(!scene.ended);
                assert_eq!(scene.engine.next_attempt(scene.now), scene.now);
            }
        }
    }
}

/// Regression test: a short time in the queue counted as part of the outage.
#[test]
fn waiting_in_a_queue_is_no_part_of_the_outage() {
    let limit = Duration::from_secs(10);
    let stay = Duration::from_millis(900);
    let mut scene = Scene::new(client().retry(Retry::up_to(limit)));
    let start = scene.now;
    let mut queued = Duration::ZERO;
    while !scene.ended {
        scene.await_try();
        scene.meets(plain(), queues, stay);
        queued += stay;
        assert!(queued < MINUTE, "it never ends");
    }
    assert_eq!(scene.now - start - queued, limit);
}

#[test]
fn the_busy_error_says_how_long_the_holder_has_held_the_server_by_then() {
    let mut scene = Scene::new(client());
    scene.engine.start_first_connection(MINUTE, scene.now);
    scene.await_try();
    let until = scene.now + MINUTE;
    scene.joins(plain(), queues);
    scene.now = until;
    let Some(Err(ConnectError::Busy { queue, .. })) = scene.engine.poll_first_connection(until)
    else {
        panic!("it waits in the queue");
    };
    assert_eq!(queue.held_ms, 60_001);
}

#[test]
fn the_first_connection_is_awaited_for_the_connect_timeout() {
    let limit = Duration::from_secs(10);
    let mut scene = Scene::new(client().retry(Retry::up_to(MINUTE / 60)));
    scene.engine.start_first_connection(limit, scene.now);
    let until = scene.now + limit;
    scene.await_try();
    scene.meets(plain(), queues, Duration::from_secs(2));
    let mut tries = 0;
    while scene.now < until {
        assert_eq!(scene.engine.poll_first_connection(scene.now), None);
        scene.await_try();
        scene.meets(plain(), queues, Duration::ZERO);
        tries += 1;
        // A dozen at once, then longer and longer pauses.
        assert!(tries < 30, "a storm");
    }
    assert!(tries > 5, "{tries}");
    assert!(matches!(
        scene.engine.poll_first_connection(until),
        Some(Err(_))
    ));
}
