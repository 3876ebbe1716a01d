//! Goodbyes of the server while calls run, and clients that come back while they do.

use super::scripted::Scripted;
use crate::session::server::{Farewell, SessionLimits};
use crate::wire::ctrl::{ByeReason, CtrlMsg, Features};
use crate::wire::failure::FaultKind;
use crate::wire::message::{Outcome, reply_of};

const REFUSED: [(CtrlMsg, u64); 2] = [(CtrlMsg::Error, 2), (CtrlMsg::Error, 3)];

fn say_bye(scripted: &mut Scripted) -> Farewell {
    scripted.session.say_bye(ByeReason::Stopping, "bye")
}

#[test]
fn waiting_calls_are_refused_while_another_one_runs() {
    let mut scripted = Scripted::busy();
    scripted.session.refuse_waiting(ByeReason::Stopping);
    assert_eq!(scripted.heard(), REFUSED);
    scripted.reply(1);
    assert_eq!(scripted.heard(), [(CtrlMsg::Ok, 1)]);
    assert_eq!(scripted.next(), None);
    scripted.call(2);
    assert_eq!(scripted.heard(), REFUSED[..1], "the same again");
}

/// A client takes what the server has not answered before its goodbye for not executed, and calls again.
#[test]
fn every_call_is_answered_before_the_goodbye_and_once() {
    let mut scripted = Scripted::busy();
    assert_eq!(say_bye(&mut scripted), Farewell::Said);
    assert!(scripted.session.is_cancelled(1));
    let heard = scripted.heard();
    assert_eq!(heard[..2], REFUSED);
    let end = [(CtrlMsg::ErrorForwarded, 1), (CtrlMsg::Bye, 0)];
    assert_eq!(heard[2..], end);
    scripted.reply(1);
    scripted.session.handle_eof(None);
    scripted.connect();
    scripted.call(1);
    let again = [(CtrlMsg::ErrorForwarded, 1)];
    assert_eq!(scripted.heard(), again, "and not what the driver returned");
}

/// Regression test: a parked session that had to forget its results said that such a call had run to its end.
#[test]
fn an_unknown_outcome_stays_unknown_when_results_are_forgotten() {
    let mut tight = SessionLimits::default();
    tight.kept_replies(0);
    for limits in [tight, SessionLimits::default()] {
        let mut scripted = Scripted::new(limits);
        scripted.call(1);
        scripted.next();
        assert_eq!(say_bye(&mut scripted), Farewell::Said);
        let first = scripted.frames().remove(0);
        scripted.session.forget_results();
        scripted.connect();
        scripted.call(1);
        let again = scripted.frames().remove(0);
        assert_eq!(again, first);
        let Ok((1, Outcome::Fault(fault))) = reply_of(again) else {
            panic!("no fault");
        };
        assert_eq!(fault.kind, FaultKind::Unknown);
    }
}

#[test]
fn a_client_that_does_not_know_unknown_outcomes_is_cut_without_a_goodbye() {
    let mut scripted = Scripted::busy();
    scripted.features = Features::default();
    scripted.connect();
    assert_eq!(say_bye(&mut scripted), Farewell::Cut);
    assert_eq!(scripted.heard(), REFUSED);
    scripted.session.handle_eof(None);
    scripted.reply(1);
    scripted.connect();
    scripted.call(1);
    let answer = [(CtrlMsg::Ok, 1)];
    assert_eq!(scripted.heard(), answer, "it gets the true answer");
}

/// Regression test: a call that was read behind the goodbye could run, although its client takes it for not executed.
#[test]
fn nothing_is_taken_after_a_goodbye() {
    let mut scripted = Scripted::new(SessionLimits::default());
    assert_eq!(say_bye(&mut scripted), Farewell::Said);
    assert!(!scripted.session.wants_input());
    scripted.call(1);
    assert!(!scripted.session.has_waiting());
    scripted.connect();
    scripted.call(1);
    assert_eq!(scripted.next(), Some(1));
}

/// The client sends the call again as soon as it is welcome; the answer may be quicker.
#[test]
fn an_answer_that_overtakes_the_call_on_a_new_connection_is_sent_once() {
    let mut scripted = Scripted::busy();
    scripted.connect();
    scripted.reply(1);
    assert_eq!(scripted.heard(), [(CtrlMsg::Ok, 1)]);
    scripted.call(1);
    assert_eq!(scripted.heard(), []);
    scripted.call(1);
    assert_eq!(scripted.heard(), [(CtrlMsg::Ok, 1)], "a second request");
}

#[test]
fn an_answer_that_was_lost_with_its_connection_is_sent_again() {
    let mut scripted = Scripted::busy();
    scripted.connect();
    scripted.reply(1);
    scripted.connect();
    scripted.call(1);
    assert_eq!(scripted.heard(), [(CtrlMsg::Ok, 1)]);
}

#[test]
fn a_call_that_came_again_before_its_answer_is_answered_once() {
    let mut scripted = Scripted::busy();
    scripted.connect();
    (1..=3).for_each(|number| scripted.call(number));
    scripted.reply(1);
    assert_eq!(scripted.heard(), [(CtrlMsg::Ok, 1)]);
    scripted.call(1);
    assert_eq!(scripted.heard(), [(CtrlMsg::Ok, 1)], "a second request");
}

/// What the client cancels over the new connection gets no answer that could have overtaken anything.
#[test]
fn a_call_that_was_cancelled_over_the_new_connection_is_answered_if_it_comes_again() {
    let mut scripted = Scripted::busy();
    scripted.connect();
    scripted.cancel(1);
    scripted.reply(1);
    assert_eq!(scripted.heard(), []);
    scripted.call(1);
    assert_eq!(scripted.heard(), [(CtrlMsg::ErrorForwarded, 1)]);
}
