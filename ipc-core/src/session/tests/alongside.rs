//! Several calls at once: which may begin, what becomes of late answers, and how much is read.

use std::time::Duration;

use super::scripted::Scripted;
use crate::session::server::SessionLimits;
use crate::wire::ctrl::CtrlMsg;
use crate::wire::failure::{Failure, Refusal};
use crate::wire::message::failure_frame;

fn scripted() -> Scripted {
    Scripted::new(SessionLimits::default())
}

#[test]
fn a_cancelled_call_lets_the_next_one_begin_in_rising_order() {
    let mut scripted = scripted();
    (1..=4).for_each(|number| scripted.call(number));
    assert_eq!((scripted.next(), scripted.next()), (Some(1), None));
    scripted.cancel(1);
    assert_eq!((scripted.next(), scripted.next()), (Some(2), None));
    assert!(scripted.session.is_cancelled(1) && !scripted.session.is_cancelled(2));
    scripted.reply(1);
    assert_eq!(scripted.next(), None, "2 runs, and its caller waits");
    scripted.cancel(3);
    scripted.reply(2);
    assert_eq!(scripted.next(), Some(4));
    assert_eq!(scripted.heard(), [(CtrlMsg::Error, 3), (CtrlMsg::Ok, 2)]);
    assert!(scripted.session.is_cancelled(2), "nobody waits for it now");
}

/// The next call confirms the answers to all calls before it, also to one that was given up while its answer was on the
/// way.
#[test]
fn an_answer_that_nobody_reads_is_reported() {
    let mut scripted = scripted();
    scripted.call(1);
    scripted.call(2);
    assert_eq!(scripted.next(), Some(1));
    scripted.reply(1);
    scripted.cancel(1);
    assert_eq!(scripted.session.take_given_up(), [1]);
    assert_eq!(scripted.session.take_given_up(), [0; 0]);
    assert_eq!(scripted.next(), Some(2));
    scripted.cancel(2);
    assert_eq!(scripted.session.take_given_up(), [0; 0], "it runs");
    scripted.confirm(2);
    scripted.cancel(1);
    assert_eq!(scripted.session.take_given_up(), [0; 0], "it was read");
}

/// The clock of a suspended client stands still: its caller waits when the server's clock says otherwise.
#[test]
fn a_deadline_alone_lets_nothing_pass() {
    let mut scripted = scripted();
    scripted.call_for(1, 1000);
    scripted.call(2);
    assert_eq!(scripted.next(), Some(1));
    scripted.now += Duration::from_secs(60);
    assert_eq!(scripted.next(), None);
    scripted.reply(1);
    assert_eq!(scripted.heard(), [(CtrlMsg::Ok, 1)]);
    assert_eq!(scripted.next(), Some(2));
}

#[test]
fn a_call_that_has_waited_beyond_its_deadline_is_refused_and_the_next_one_begins() {
    let mut scripted = scripted();
    scripted.call(1);
    scripted.call_for(2, 1000);
    scripted.call(3);
    assert_eq!(scripted.next(), Some(1));
    scripted.now += Duration::from_secs(1);
    scripted.reply(1);
    assert_eq!(scripted.next(), Some(3));
    assert_eq!(scripted.heard(), [(CtrlMsg::Ok, 1), (CtrlMsg::Error, 2)]);
}

#[test]
fn a_goodbye_of_the_client_lets_nothing_pass() {
    let mut scripted = Scripted::busy();
    let goodbye = crate::session::arrival::bye(crate::wire::ctrl::ByeReason::Done, "done");
    scripted.say(&goodbye);
    assert!(scripted.session.end().is_some());
    assert_eq!(scripted.next(), None);
    scripted.reply(1);
    assert_eq!(scripted.next(), Some(2), "it came before the goodbye");
}

#[test]
fn the_number_of_calls_that_run_at_once_is_limited() {
    let mut scripted = scripted();
    let limit = 64;
    for number in 1..=limit + 1 {
        scripted.call(number);
        assert_eq!(scripted.next(), (number <= limit).then_some(number));
        scripted.cancel(number);
    }
    let last = limit + 2;
    scripted.call(last);
    assert_eq!(scripted.next(), None);
    scripted.reply(2);
    let why = "the one before it was cancelled while it waited";
    assert_eq!(scripted.next(), Some(last), "{why}");
}

#[test]
fn a_call_that_is_given_up_before_its_driver_is_refused_the_same_way_again() {
    let mut scripted = scripted();
    scripted.call(1);
    assert_eq!(scripted.next(), Some(1));
    let method = "m1".to_string();
    scripted.session.refuse(1, Refusal::Cancelled { method });
    let first = scripted.frames();
    assert_eq!(first[0].ctrl, CtrlMsg::Error);
    scripted.call(1);
    assert_eq!(scripted.frames(), first);
}

#[test]
fn the_answer_of_a_cancelled_call_is_neither_sent_nor_kept() {
    let mut scripted = scripted();
    (1..=2).for_each(|number| scripted.call(number));
    scripted.next();
    scripted.cancel(1);
    scripted.cancel(2);
    assert_eq!(scripted.heard(), [(CtrlMsg::Error, 2)]);
    let kept = scripted.session.kept();
    scripted.reply(1);
    assert_eq!(scripted.heard(), []);
    assert_eq!(scripted.session.kept(), kept);
    scripted.call(1);
    scripted.call(2);
    let again = [(CtrlMsg::ErrorForwarded, 1), (CtrlMsg::Error, 2)];
    assert_eq!(scripted.heard(), again, "it ran, and it did not");
}

/// The call had begun, and waited at the gate of its device. Its caller could not learn that it never got in.
#[test]
fn the_refusal_of_a_cancelled_call_is_sent() {
    let mut scripted = scripted();
    scripted.call(1);
    scripted.next();
    scripted.cancel(1);
    let refusal = Refusal::Cancelled {
        method: "m1".into(),
    };
    let refusal = failure_frame(1, &Failure::Refused(refusal), 1 << 20);
    scripted.session.reply(1, refusal);
    assert_eq!(scripted.heard(), [(CtrlMsg::Error, 1)]);
}

#[test]
fn an_answer_that_was_confirmed_in_advance_is_neither_sent_nor_kept() {
    let mut scripted = scripted();
    scripted.call(1);
    scripted.next();
    scripted.confirm(2);
    assert!(scripted.session.is_cancelled(1), "its caller cannot wait");
    scripted.session.progress(1, 0.5, "half");
    scripted.reply(1);
    assert_eq!(scripted.heard(), []);
    assert!(scripted.session.is_within_limits(0));
    scripted.call(1);
    assert_eq!(scripted.heard(), [(CtrlMsg::Error, 1)], "it is not known");
}

/// Regression test: a confirmation of calls to come made the server drop their answers.
#[test]
fn a_confirmation_reaches_no_further_than_the_calls_that_came() {
    let mut scripted = scripted();
    scripted.confirm(u64::MAX);
    scripted.call(1);
    scripted.next();
    scripted.reply(1);
    assert_eq!(scripted.heard(), [(CtrlMsg::Ok, 1)]);
}

#[test]
fn progress_is_told_only_while_its_caller_waits() {
    let mut scripted = Scripted::busy();
    scripted.session.progress(1, 0.5, "half");
    assert_eq!(scripted.heard(), [(CtrlMsg::Info, 0)]);
    scripted.session.progress(2, 0.5, "has not begun");
    scripted.cancel(1);
    scripted.session.progress(1, 0.6, "cancelled");
    scripted.next();
    scripted.reply(2);
    scripted.session.progress(2, 1.0, "answered");
    assert_eq!(scripted.heard(), [(CtrlMsg::Ok, 2)]);
}

#[test]
fn a_cancellation_and_a_ping_are_read_behind_a_thousand_calls() {
    let mut scripted = scripted();
    for number in 1..=1001 {
        assert!(scripted.session.wants_input());
        scripted.call(number);
        scripted.next();
    }
    scripted.cancel(1);
    let ping = crate::wire::message::frame_of(CtrlMsg::Ping, &7_u64);
    scripted.say(&ping);
    assert!(scripted.session.is_cancelled(1));
    assert_eq!(scripted.heard(), [(CtrlMsg::Pong, 0)]);
    let more = (1002..=1100).take_while(|number| {
        scripted.call(*number);
        scripted.session.wants_input()
    });
    assert_eq!(more.last(), Some(1024), "1 runs, and 1024 wait");
}

/// Regression test: the names of methods did not count.
#[test]
fn waiting_calls_are_limited_in_bytes_with_their_names() {
    let mut limits = SessionLimits::default();
    limits.waiting_bytes(100);
    let mut scripted = Scripted::new(limits);
    let mut number = 0;
    while scripted.session.wants_input() {
        number += 1;
        scripted.call(number);
    }
    // The name of the method and eight bytes of arguments.
    assert_eq!(number, 10);
    scripted.next();
    assert!(scripted.session.wants_input());
    scripted.cancel(2);
    assert!(scripted.session.is_within_limits(0));
}
