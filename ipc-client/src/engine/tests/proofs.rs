//! How many proofs of its secret a client gives to servers that do not know it, and which errors its callers get.

use std::io;

use super::secrets::{answer, forever, server};
use super::storms::sealed as right;
use super::*;
use crate::retry::Retry;

/// What a server does once it has the client's proof.
type Ending = fn(&mut Scene);

fn is_full(mut arrival: Arrival) -> Vec<u8> {
    arrival.refuse(ByeReason::Full, "too many");
    drain(&mut arrival, Arrival::transmit, Arrival::consume)
}

const ENDINGS: [(&str, Ending); 5] = [
    ("close", |scene| scene.loses(Ok(0))),
    ("reset", |scene| {
        scene.loses(Err(io::ErrorKind::ConnectionReset.into()));
    }),
    ("half a proof", |scene| {
        scene.hears(&[0; 10]);
        scene.loses(Ok(0));
    }),
    ("wrong proof", |scene| scene.hears(&[0; 64])),
    ("silence", |scene| {
        scene.now += Duration::from_secs(15);
        scene.settle();
    }),
];

/// One connection to a server that does not know the secret. Returns whether it was given a proof.
fn guess(scene: &mut Scene, ending: Ending) -> bool {
    scene.connect();
    let mut channel = server("a guess");
    let said = scene.says();
    scene.hears(&answer(&mut channel, &said));
    let given = scene.says().len() == 64;
    ending(scene);
    given
}

const MINUTE: Duration = Duration::from_secs(60);

/// Connects to a false server whenever an attempt is allowed, for `time`. Returns how many guesses the server gets.
fn guesses_within(scene: &mut Scene, time: Duration, ending: Ending) -> u32 {
    let end = scene.now + time;
    let mut guesses = 0;
    while !scene.ended && scene.engine.next_attempt(scene.now) <= end {
        scene.await_try();
        assert!(scene.engine.proof_pause(scene.now).is_none());
        assert!(guess(scene, ending));
        guesses += 1;
        assert!(guesses < 100);
    }
    scene.now = scene.now.max(end);
    guesses
}

/// Regression test: servers that reset the connection, or sent half a proof or nothing, had unlimited guesses.
#[test]
fn a_false_server_has_four_guesses_and_then_one_a_minute() {
    for (name, ending) in ENDINGS {
        // A client that has not met its server gives up sooner, and anew with each call.
        let mut scene = Scene::new(forever());
        let start = scene.now;
        let mut guesses = 0;
        while scene.now < start + 10 * MINUTE {
            guesses += guesses_within(&mut scene, MINUTE / 60, ending);
            scene.call();
        }
        // A silent server has fewer: it takes up the time itself.
        assert!((11..=13).contains(&guesses), "{name}: {guesses}");
        // A client that has met its server waits for it, and gives no more proofs meanwhile.
        let mut scene = Scene::new(forever());
        scene.await_try();
        scene.meets(right(), queues, Duration::ZERO);
        let guesses = guesses_within(&mut scene, 10 * MINUTE, ending);
        assert!((11..=13).contains(&guesses), "{name}: {guesses}");
        assert!(!scene.ended, "{name}");
    }
}

/// Regression test: calls failed for up to a minute after the right server was back, whatever `retry` was.
#[test]
fn calls_wait_for_the_right_server_as_long_as_they_would_in_any_outage() {
    let limit = Duration::from_secs(30);
    for (retry, waited) in [
        (Retry::never(), Duration::ZERO),
        (Retry::up_to(limit), limit),
        (Retry::forever(), Duration::MAX),
    ] {
        for (name, ending) in ENDINGS.into_iter().take(4) {
            let mut scene = Scene::new(forever().retry(retry));
            scene.await_try();
            scene.meets(right(), queues, MINUTE);
            while scene.engine.proofs.pause().is_none() {
                scene.ended.then(|| scene.call());
                scene.await_try();
                assert!(guess(&mut scene, ending), "{name}");
            }
            let (end, _) = scene.engine.proofs.pause().unwrap();
            // The right server is back, but no call reaches it before the pause ends.
            scene.ended.then(|| scene.call());
            let start = scene.now;
            while !scene.ended && scene.now < end {
                match scene.engine.next_step(scene.now) {
                    Step::Wait(until) => scene.now = until,
                    _ => scene.settle(),
                }
            }
            if waited < MINUTE {
                assert!(scene.ended && scene.now <= start + waited, "{name}");
                continue;
            }
            assert!(!scene.ended && scene.now == end, "{name}");
            scene.meets(right(), welcomes, MINUTE / 60);
            assert!(scene.engine.proofs.pause().is_none(), "{name}");
        }
    }
}

/// The error of a call with a timeout says what the client waits for.
#[test]
fn a_call_that_is_not_let_through_ends_at_its_own_time() {
    let mut scene = Scene::new(forever());
    scene.await_try();
    scene.meets(right(), queues, MINUTE);
    guesses_within(&mut scene, MINUTE / 2, ENDINGS[0].1);
    let timeout = MINUTE / 60;
    let frame = OutgoingCall::by_name("step", &Args::new());
    let frame = { frame }.take_frame().unwrap();
    let timing = Timing {
        started: scene.now,
        timeout: Some(timeout),
    };
    let call = scene.engine.begin(frame, false, timing).unwrap();
    assert!(
        matches!(scene.engine.next_step(scene.now), Step::Wait(until) if until > scene.now + timeout)
    );
    scene.now += timeout;
    scene.engine.handle_timeout(scene.now);
    let event = scene.engine.poll_event(scene.now).unwrap();
    let Event::Ended {
        call: ended,
        outcome,
    } = event
    else {
        panic!("{event:?}");
    };
    assert_eq!(ended, call);
    let call = OutgoingCall::by_name("step", &Args::new());
    let error = CallEnd::Outcome(outcome).into_result::<()>(&call, timing);
    let error = error.unwrap_err();
    assert!(
        error.to_string().contains("did not confirm the secret"),
        "{error}"
    );
}

/// Regression test: a very first connection that was cut during the handshake was reported as a wrong secret.
#[test]
fn the_first_connection_is_attempted_twice_before_the_secret_is_reported_as_wrong() {
    for (name, ending) in ENDINGS {
        let mut scene = Scene::new(forever());
        scene.engine.start_first_connection(MINUTE, scene.now);
        let certain = name == "wrong proof";
        let mut guesses = 0;
        let error = loop {
            scene.await_try();
            assert!(guess(&mut scene, ending), "{name}");
            guesses += 1;
            if let Some(result) = scene.engine.poll_first_connection(scene.now) {
                break result.unwrap_err();
            }
        };
        assert_eq!(guesses, if certain { 1 } else { 2 }, "{name}");
        let text = error.to_string();
        match name {
            "close" | "half a proof" => {
                assert!(
                    matches!(
                        error,
                        ConnectError::WrongSecret {
                            certain: false,
                            tries: 2,
                            ..
                        }
                    ),
                    "{name}"
                );
                assert!(
                    text.contains("2 times in a row") && text.contains("or a lost connection"),
                    "{text}"
                );
            }
            "wrong proof" => assert!(text.contains("has another secret"), "{text}"),
            _ => assert!(
                text.contains("lost before the server had confirmed the secret"),
                "{text}"
            ),
        }
        // A client whose first attempt is cut connects with the second one.
        let mut scene = Scene::new(forever());
        scene.engine.start_first_connection(MINUTE, scene.now);
        scene.await_try();
        guess(&mut scene, ending);
        assert_eq!(
            scene.engine.poll_first_connection(scene.now).is_some(),
            certain,
            "{name}"
        );
        scene.await_try();
        scene.meets(right(), queues, Duration::ZERO);
        assert!(scene.engine.proofs.pause().is_none());
    }
}

#[test]
fn guesses_are_counted_over_all_calls_until_the_server_proves_itself() {
    for script in [queues as Script, is_full] {
        let mut scene = Scene::new(forever().retry(Retry::never()));
        for (name, ending) in ENDINGS.into_iter().take(4) {
            assert!(scene.engine.proofs.pause().is_none(), "{name}");
            scene.await_try();
            guess(&mut scene, ending);
            assert!(scene.ended, "{name}");
            scene.call();
        }
        assert!(scene.engine.proofs.pause().is_some());
        scene.now += MINUTE;
        scene.await_try();
        scene.meets(right(), script, Duration::ZERO);
        assert!(scene.engine.proofs.pause().is_none());
    }
}
