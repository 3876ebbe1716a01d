//! What a client makes of a goodbye.

use super::other_servers::{KEY, Scene, fault, goodbye, welcome_after};
use crate::session::client::{CallOutcome, Event};
use crate::session::link::LinkError;
use crate::wire::ctrl::{Bye, ByeReason, CtrlMsg};
use crate::wire::failure::FaultKind;
use crate::wire::message::frame_of;

/// A call that may have run in an earlier session was told as not executed after the goodbye of a later one.
#[test]
fn a_goodbye_says_nothing_about_an_earlier_try() {
    let mut scene = Scene::new();
    let getter = scene.call(1, true);
    scene.said();
    scene.hear(
        &[
            fault(getter, FaultKind::Unknown),
            goodbye(ByeReason::Stopping),
        ]
        .concat(),
    );
    scene.events();
    scene.client.give_up_all(&crate::error::NotSent::Closed);
    let (ended, outcome) = scene.end();
    assert_eq!(ended, getter);
    assert!(matches!(outcome, CallOutcome::Unknown(_)), "{outcome:?}");
}

/// Only what the server has seen over an earlier connection may have run there.
#[test]
fn a_call_that_the_server_has_not_seen_before_is_judged_by_this_connection_alone() {
    for has_seen in [false, true] {
        let mut scene = Scene::new();
        let number = scene.call(1, false);
        scene.said();
        scene.client.handle_eof(None);
        scene.events();
        let last_call = if has_seen { number } else { number - 1 };
        scene.connect(welcome_after(KEY, true, last_call));
        scene.hear(&goodbye(ByeReason::Stopping));
        scene.events();
        scene.client.give_up_all(&crate::error::NotSent::Closed);
        let is_unknown = matches!(scene.end().1, CallOutcome::Unknown(_));
        assert_eq!(is_unknown, has_seen);
    }
}

/// What the goodbyes say about a call that was sent and not answered.
#[test]
fn each_reason_of_a_goodbye_counts_as_stated() {
    let not_executed = [
        ByeReason::Stopping,
        ByeReason::IdleHandover,
        ByeReason::Disconnected,
        ByeReason::Evicted,
    ];
    let open = [ByeReason::Full, ByeReason::Other(99)];
    for reason in not_executed.into_iter().chain(open) {
        let mut scene = Scene::new();
        scene.call(1, false);
        scene.said();
        scene.hear(&goodbye(reason));
        scene.events();
        scene.client.give_up_all(&crate::error::NotSent::Closed);
        match scene.end().1 {
            CallOutcome::NotSent(_) => assert!(not_executed.contains(&reason), "{reason:?}"),
            CallOutcome::Unknown(_) => assert!(open.contains(&reason), "{reason:?}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_goodbye_may_carry_more_and_an_eviction_names_who() {
    let mut scene = Scene::new();
    scene.hear(&frame_of(CtrlMsg::Bye, &(99_u32, "later", "by", 7_u64)));
    let [Event::Lost(LinkError::Bye(bye))] = &scene.events()[..] else {
        panic!("no goodbye");
    };
    assert_eq!(
        (bye.reason, bye.message.as_str()),
        (ByeReason::Other(99), "later")
    );

    let mut scene = Scene::new();
    let evicted = Bye {
        by: "anna".into(),
        ..Bye::new(ByeReason::Evicted, "night run")
    };
    scene.hear(&frame_of(CtrlMsg::Bye, &evicted));
    let [Event::Lost(error)] = &scene.events()[..] else {
        panic!("no goodbye");
    };
    let text = error.to_string();
    assert!(
        text.contains("anna ended this session: night run"),
        "{text}"
    );
}
