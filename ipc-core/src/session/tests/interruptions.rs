//! A server that refuses a call once, because the instruments may have changed since the last one.

use super::other_servers::{KEY, Scene, fault, goodbye, welcome};
use super::{answer, reply_frame};
use crate::session::arrival::Arrival;
use crate::session::client::{CallOutcome, ClientConfig, ClientSession};
use crate::session::link::Link;
use crate::wire::ctrl::{ByeReason, ConnectionRole, CtrlMsg, Feature, Features, Hello, SessionKey};
use crate::wire::failure::{FaultKind, Refusal};
use crate::wire::message::frame_of;
use crate::wire::preamble::Role;

fn interrupted(number: u64) -> Vec<u8> {
    frame_of(CtrlMsg::Error, &(number, refusal()))
}

fn refusal() -> Refusal {
    Refusal::Interrupted {
        method: "m1".into(),
        by: "anna".into(),
        why: "the server was restarted".into(),
        ago_ms: 1_000,
    }
}

/// A client that has called something.
fn experienced() -> Scene {
    let mut scene = Scene::new();
    let number = scene.call(9, false);
    scene.hear(&reply_frame(number, &answer(9, 0)).to_vec());
    assert_eq!(scene.end().0, number);
    scene.said();
    scene
}

#[test]
fn an_interruption_is_told_to_a_client_that_has_called_before() {
    let mut scene = experienced();
    let number = scene.call(1, false);
    scene.hear(&interrupted(number));
    let outcome = CallOutcome::Refused(refusal().into());
    assert_eq!(scene.end(), (number, outcome));
}

#[test]
fn a_client_that_has_called_nothing_makes_its_calls_again() {
    let mut scene = Scene::new();
    let (first, second) = (scene.call(1, false), scene.call(2, false));
    scene.said();
    scene.hear(&interrupted(first));
    scene.hear(&interrupted(second));
    let said = scene.said();
    assert_eq!(said, [(3, "m1".to_string()), (4, "m2".to_string())]);
    scene.hear(&reply_frame(3, &answer(1, 0)).to_vec());
    let (ended, outcome) = scene.end();
    assert_eq!(ended, first);
    assert!(matches!(outcome, CallOutcome::Returned(_)), "{outcome:?}");
    // From then on there are settings that could have changed.
    scene.hear(&interrupted(4));
    let outcome = CallOutcome::Refused(refusal().into());
    assert_eq!(scene.end(), (second, outcome));
}

/// Otherwise a server could keep a client busy for ever.
#[test]
fn a_call_is_made_again_once() {
    let mut scene = Scene::new();
    let first = scene.call(1, false);
    scene.hear(&interrupted(first));
    scene.hear(&interrupted(first + 1));
    let outcome = CallOutcome::Refused(refusal().into());
    assert_eq!(scene.end(), (first, outcome));
}

#[test]
fn a_call_that_was_given_up_has_called_something() {
    let mut scene = Scene::new();
    let first = scene.call(1, false);
    scene.said();
    scene.client.give_up(first);
    let second = scene.call(1, false);
    scene.hear(&interrupted(second));
    let outcome = CallOutcome::Refused(refusal().into());
    assert_eq!(scene.end(), (second, outcome));
}

/// The driver may have run a getter before the server was restarted, which is of no interest. That the instruments may have
/// changed is.
#[test]
fn an_interruption_is_told_by_an_idempotent_call_that_was_sent_before() {
    for idempotent in [false, true] {
        let mut scene = experienced();
        let number = scene.call(1, idempotent);
        scene.hear(&fault(number, FaultKind::Unknown));
        let Some((again, _)) = scene.said().pop().filter(|_| idempotent) else {
            assert!(!idempotent);
            continue;
        };
        scene.hear(&interrupted(again));
        let outcome = CallOutcome::Refused(refusal().into());
        assert_eq!(scene.end(), (number, outcome));
    }
}

#[test]
fn another_refusal_of_a_call_that_was_sent_before_is_unknown() {
    let mut scene = experienced();
    let number = scene.call(1, true);
    scene.said();
    scene.hear(&fault(number, FaultKind::Unknown));
    let (again, _) = scene.said().pop().unwrap();
    let method = "m1".to_string();
    let stopping = Refusal::Stopping { method };
    scene.hear(&frame_of(CtrlMsg::Error, &(again, stopping)));
    assert!(matches!(scene.end().1, CallOutcome::Unknown(_)));
}

#[test]
fn a_lost_connection_after_a_call_counts_as_a_call() {
    let mut scene = Scene::new();
    scene.call(1, true);
    scene.said();
    scene.client.handle_eof(Some("cut".into()));
    scene.events();
    let restarted = SessionKey {
        incarnation: 9,
        ..KEY
    };
    scene.connect(welcome(restarted, false));
    let number = scene.client.in_flight()[0];
    scene.hear(&interrupted(number));
    assert!(matches!(scene.end().1, CallOutcome::Refused(_)));
}

/// What the server answered by its goodbye never began.
#[test]
fn a_goodbye_before_the_first_call_has_begun_is_no_call() {
    let mut scene = Scene::new();
    let first = scene.call(1, false);
    scene.said();
    scene.hear(&goodbye(ByeReason::IdleHandover));
    scene.events();
    scene.connect(welcome(KEY, false));
    scene.hear(&interrupted(first));
    assert_eq!(scene.said(), [(first + 1, "m1".to_string())]);
}

fn hello_of(config: ClientConfig) -> Hello {
    let mut client = ClientSession::new(config);
    client.connect(Link::plain(Role::Client, 1 << 20), super::epoch());
    let mut arrival = Arrival::new(Link::plain(Role::Server, 1 << 20));
    arrival.handle_input(client.transmit()).unwrap();
    arrival.hello().unwrap().clone()
}

#[test]
fn the_features_are_those_of_the_settings() {
    let features = Features::of_client().with(Feature::Interruptions, 2);
    let hello = hello_of(ClientConfig {
        features: features.clone(),
        ..ClientConfig::default()
    });
    assert_eq!(hello.features, features);
    assert_eq!((hello.role, hello.of), (ConnectionRole::Control, None));
}
