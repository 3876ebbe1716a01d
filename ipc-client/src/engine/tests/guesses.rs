//! How many proofs of its secret a client gives to servers that do not know it, and what its callers are told.

use std::io;

use super::secrets::{answer, forever, server};
use super::storms::sealed as right;
use super::*;
use crate::retry::Retry;

/// What a server does once it has the client's proof.
type Ending = fn(&mut Stage);

fn is_full(mut arrival: Arrival) -> Vec<u8> {
    arrival.refuse(ByeReason::Full, "too many");
    drain(&mut arrival, Arrival::transmit, Arrival::consume)
}

const ENDINGS: [(&str, Ending); 5] = [
    ("close", |stage| stage.loses(Ok(0))),
    ("reset", |stage| {
        stage.loses(Err(io::ErrorKind::ConnectionReset.into()));
    }),
    ("half a proof", |stage| {
        stage.hears(&[0; 10]);
        stage.loses(Ok(0));
    }),
    ("wrong proof", |stage| stage.hears(&[0; 64])),
    ("silence", |stage| {
        stage.now += Duration::from_secs(15);
        stage.settle();
    }),
];

/// One connection to a server that does not know the secret. Returns whether it was given a proof.
fn guess(stage: &mut Stage, ending: Ending) -> bool {
    stage.connect();
    let mut channel = server("a guess");
    let said = stage.says();
    stage.hears(&answer(&mut channel, &said));
    let given = stage.says().len() == 64;
    ending(stage);
    given
}

const MINUTE: Duration = Duration::from_secs(60);

/// Connects whenever a try is allowed, to a false server, for as long. Returns how many guesses that gives it.
fn guesses_within(stage: &mut Stage, time: Duration, ending: Ending) -> u32 {
    let end = stage.now + time;
    let mut guesses = 0;
    while !stage.ended && stage.engine.next_try(stage.now) <= end {
        stage.await_try();
        assert!(stage.engine.barred(stage.now).is_none());
        assert!(guess(stage, ending));
        guesses += 1;
        assert!(guesses < 100);
    }
    stage.now = stage.now.max(end);
    guesses
}

/// Those that reset the connection, or said half a proof or nothing, had as many guesses as they liked.
#[test]
fn a_false_server_has_four_guesses_and_then_one_a_minute() {
    for (name, ending) in ENDINGS {
        // A client that has not met its server takes its secret for wrong sooner, and each later call for itself.
        let mut stage = Stage::new(forever());
        let start = stage.now;
        let mut guesses = 0;
        while stage.now < start + 10 * MINUTE {
            guesses += guesses_within(&mut stage, MINUTE / 60, ending);
            stage.call();
        }
        // Silence takes its time.
        assert!((11..=13).contains(&guesses), "{name}: {guesses}");
        // One that has waits for it, and gives no more away than that.
        let mut stage = Stage::new(forever());
        stage.await_try();
        stage.meets(right(), queues, Duration::ZERO);
        let guesses = guesses_within(&mut stage, 10 * MINUTE, ending);
        assert!((11..=13).contains(&guesses), "{name}: {guesses}");
        assert!(!stage.ended, "{name}");
    }
}

/// Calls failed for up to a minute after the right server was back, whatever `retry` said.
#[test]
fn calls_wait_for_the_right_server_as_long_as_they_would_in_any_outage() {
    let limit = Duration::from_secs(30);
    for (retry, waited) in [
        (Retry::never(), Duration::ZERO),
        (Retry::for_duration(limit), limit),
        (Retry::forever(), Duration::MAX),
    ] {
        for (name, ending) in ENDINGS.into_iter().take(4) {
            let mut stage = Stage::new(forever().retry(retry));
            stage.await_try();
            stage.meets(right(), queues, MINUTE);
            while stage.engine.guesses.bar().is_none() {
                stage.ended.then(|| stage.call());
                stage.await_try();
                assert!(guess(&mut stage, ending), "{name}");
            }
            let (bar, _) = stage.engine.guesses.bar().unwrap();
            // The right server is back; the call that waits, or a new one, is not let through to it before the bar ends.
            stage.ended.then(|| stage.call());
            let start = stage.now;
            while !stage.ended && stage.now < bar {
                match stage.engine.next_step(stage.now) {
                    Step::Wait(until) => stage.now = until,
                    _ => stage.settle(),
                }
            }
            if waited < MINUTE {
                assert!(stage.ended && stage.now <= start + waited, "{name}");
                continue;
            }
            assert!(!stage.ended && stage.now == bar, "{name}");
            stage.meets(right(), welcomes, MINUTE / 60);
            assert!(stage.engine.guesses.bar().is_none(), "{name}");
        }
    }
}

/// A call with a time of its own is told what the client waits for.
#[test]
fn a_call_that_is_not_let_through_ends_at_its_own_time() {
    let mut stage = Stage::new(forever());
    stage.await_try();
    stage.meets(right(), queues, MINUTE);
    guesses_within(&mut stage, MINUTE / 2, ENDINGS[0].1);
    let timeout = MINUTE / 60;
    let frame = OutgoingCall::by_name("step", &Args::new());
    let frame = { frame }.take_frame().unwrap();
    let timing = Timing {
        started: stage.now,
        timeout: Some(timeout),
    };
    let call = stage.engine.begin(frame, false, timing).unwrap();
    assert!(
        matches!(stage.engine.next_step(stage.now), Step::Wait(until) if until > stage.now + timeout)
    );
    stage.now += timeout;
    stage.engine.settle(stage.now);
    let event = stage.engine.poll_event(stage.now).unwrap();
    assert_eq!(event.call, call);
    let News::Ended(ended) = event.news else {
        panic!("it has ended");
    };
    let call = OutgoingCall::by_name("step", &Args::new());
    let error = ended.into_result::<()>(&call, timing).unwrap_err();
    assert!(
        error.to_string().contains("did not confirm the secret"),
        "{error}"
    );
}

/// The client was told of a wrong secret as a fact, whenever its very first connection was cut in the handshake.
#[test]
fn the_first_connection_is_tried_twice_before_a_secret_is_said_to_be_wrong() {
    for (name, ending) in ENDINGS {
        let mut stage = Stage::new(forever());
        stage.engine.begin_first(MINUTE, stage.now);
        let certain = name == "wrong proof";
        let mut guesses = 0;
        let error = loop {
            stage.await_try();
            assert!(guess(&mut stage, ending), "{name}");
            guesses += 1;
            if let Some(result) = stage.engine.poll_first(stage.now) {
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
        // Cut once, it is connected all the same.
        let mut stage = Stage::new(forever());
        stage.engine.begin_first(MINUTE, stage.now);
        stage.await_try();
        guess(&mut stage, ending);
        assert_eq!(
            stage.engine.poll_first(stage.now).is_some(),
            certain,
            "{name}"
        );
        stage.await_try();
        stage.meets(right(), queues, Duration::ZERO);
        assert!(stage.engine.guesses.bar().is_none());
    }
}

#[test]
fn guesses_are_counted_over_all_calls_until_the_server_proves_itself() {
    for script in [queues as Script, is_full] {
        let mut stage = Stage::new(forever().retry(Retry::never()));
        for (name, ending) in ENDINGS.into_iter().take(4) {
            assert!(stage.engine.guesses.bar().is_none(), "{name}");
            stage.await_try();
            guess(&mut stage, ending);
            assert!(stage.ended, "{name}");
            stage.call();
        }
        assert!(stage.engine.guesses.bar().is_some());
        stage.now += MINUTE;
        stage.await_try();
        stage.meets(right(), script, Duration::ZERO);
        assert!(stage.engine.guesses.bar().is_none());
    }
}
