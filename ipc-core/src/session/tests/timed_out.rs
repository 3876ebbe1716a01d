//! What a client can know of a call whose time is over.

use std::time::Duration;

use super::call_frame;
use super::other_servers::{KEY, Scene, fault, welcome, welcome_after};
use crate::session::client::{CallOutcome, Event};
use crate::wire::ctrl::{CtrlMsg, SessionKey};
use crate::wire::failure::{FaultKind, Refusal};
use crate::wire::message::frame_of;

const TIMEOUT: Duration = Duration::from_secs(1);

/// A client with a call that is not answered, and one behind it whose time is over: the numbers of both.
fn one_behind_another() -> (Scene, u64, u64) {
    let mut scene = Scene::new();
    let first = scene.call(1, false);
    let second = scene
        .client
        .call(call_frame(2, 0), false, Some(TIMEOUT), scene.now);
    scene.said();
    scene.now += TIMEOUT;
    scene.client.handle_timeout(scene.now);
    assert_eq!(
        scene.client.transmit(),
        frame_of(CtrlMsg::Cancel, &second),
        "the server is asked at once"
    );
    scene.said();
    assert_eq!(scene.events(), [], "there is a moment for the answer");
    (scene, first, second)
}

fn refusal(number: u64) -> Vec<u8> {
    let method = "m2".into();
    frame_of(CtrlMsg::Error, &(number, Refusal::Cancelled { method }))
}

#[test]
fn a_refused_call_is_known_not_to_have_begun() {
    let (mut scene, first, second) = one_behind_another();
    scene.hear(&refusal(second));
    assert_eq!(scene.end(), (second, CallOutcome::NotBegun));
    assert_eq!(scene.client.in_flight(), [first]);
}

/// A client that was suspended finds the refusal before it looks at the clock. Its caller has cancelled nothing, and used
/// to be told that it had.
#[test]
fn a_call_that_the_server_has_found_to_be_late_has_timed_out() {
    for (late, outcome) in [
        (TIMEOUT, CallOutcome::NotBegun),
        (
            TIMEOUT / 2,
            CallOutcome::Refused(Box::new(Refusal::Cancelled {
                method: "m2".into(),
            })),
        ),
    ] {
        let mut scene = Scene::new();
        scene.call(1, false);
        let second = scene
            .client
            .call(call_frame(2, 0), false, Some(TIMEOUT), scene.now);
        scene.said();
        scene.now += late;
        scene.hear(&refusal(second));
        assert_eq!(scene.end(), (second, outcome));
    }
}

#[test]
fn a_call_that_has_run_has_timed_out() {
    for reply in [
        frame_of(CtrlMsg::Ok, &(2_u64, 7_u64)),
        fault(2, FaultKind::Error),
        fault(2, FaultKind::Unknown),
    ] {
        let (mut scene, first, second) = one_behind_another();
        scene.hear(&reply);
        assert_eq!(scene.end(), (second, CallOutcome::TimedOut));
        assert_eq!(scene.client.in_flight(), [first]);
    }
}

#[test]
fn an_answer_is_not_awaited_for_long() {
    let (mut scene, _, second) = one_behind_another();
    let until = scene.client.poll_timeout().unwrap();
    assert!(until <= scene.now + Duration::from_millis(100));
    scene.client.handle_timeout(until);
    assert_eq!(scene.end(), (second, CallOutcome::TimedOut));
    scene.hear(&refusal(second));
    assert_eq!(scene.events(), []);
}

/// The call ahead may still run, although its caller has given it up. Nothing was asked then.
#[test]
fn a_call_behind_one_that_was_given_up_is_asked_about() {
    let mut scene = Scene::new();
    let first = scene.call(1, false);
    scene.said();
    scene.client.give_up(first);
    let second = scene
        .client
        .call(call_frame(2, 0), false, Some(TIMEOUT), scene.now);
    scene.said();
    scene.client.handle_timeout(scene.now + TIMEOUT);
    assert_eq!(scene.events(), []);
    scene.hear(&refusal(second));
    assert_eq!(scene.end(), (second, CallOutcome::NotBegun));
}

/// Over the next connection, the call would be made again.
#[test]
fn a_call_ends_with_its_connection() {
    let (mut scene, first, second) = one_behind_another();
    scene.client.disconnect();
    assert_eq!(scene.end(), (second, CallOutcome::TimedOut));
    scene.connect(welcome_after(KEY, true, second));
    assert_eq!(scene.client.in_flight(), [first]);

    let (mut scene, _, second) = one_behind_another();
    scene.client.close();
    let ends = scene.events();
    let ended = |outcome| Event::Ended {
        call: second,
        outcome,
    };
    assert!(ends.contains(&ended(CallOutcome::TimedOut)), "{ends:?}");
}

#[test]
fn a_call_behind_none_ends_at_once() {
    let mut scene = Scene::new();
    let only = scene
        .client
        .call(call_frame(1, 0), false, Some(TIMEOUT), scene.now);
    scene.said();
    scene.client.handle_timeout(scene.now + TIMEOUT);
    assert_eq!(scene.end(), (only, CallOutcome::TimedOut));
}

/// A refusal says nothing about an earlier session, in which the call may have run.
#[test]
fn a_refusal_in_another_session_proves_nothing() {
    let mut scene = Scene::new();
    scene.call(1, true);
    let second = scene
        .client
        .call(call_frame(2, 0), true, Some(TIMEOUT), scene.now);
    scene.said();
    scene.client.disconnect();
    let other = SessionKey {
        incarnation: 7,
        ..KEY
    };
    scene.connect(welcome(other, false));
    scene.client.handle_timeout(scene.now + TIMEOUT);
    assert_eq!(scene.events(), []);
    scene.hear(&refusal(second));
    assert_eq!(scene.end(), (second, CallOutcome::TimedOut));
}
