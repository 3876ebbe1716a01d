//! What a client of another release may say, and what the server makes of it.

use super::call_frame;
use crate::session::arrival::Arrival;
use crate::session::client::{ClientConfig, ClientSession};
use crate::session::link::{Link, LinkError};
use crate::session::server::{End, ServerSession, SessionLimits};
use crate::wire::ctrl::{
    Bye, ByeReason, ConnectionRole, CtrlMsg, Features, Form, Hello, SessionKey,
};
use crate::wire::failure::Refusal;
use crate::wire::frame::{self, ReplyFrame, ShortFrame};
use crate::wire::message::{begin_reply, frame_of, set_call_numbers, single_frame, value_of};
use crate::wire::preamble::{Preamble, Role, Suite};

const KEY: SessionKey = SessionKey {
    incarnation: 1,
    session: 2,
};

/// What a server says to a hello.
fn arrived(hello: &impl serde::Serialize) -> (Arrival, Result<(), LinkError>, Option<Bye>) {
    let mut arrival = Arrival::new(Link::plain(Role::Server, 1 << 20));
    let mut said = Preamble::new(Suite::Plain, Role::Client).encode().to_vec();
    said.extend(frame_of(CtrlMsg::Hello, hello));
    let taken = arrival.handle_input(&said);
    let answered = arrival.transmit().get(Preamble::LEN..).unwrap_or_default();
    let bye = single_frame(answered)
        .ok()
        .map(|frame| value_of(&frame).unwrap());
    (arrival, taken, bye)
}

#[test]
fn a_hello_that_breaks_a_rule_is_refused_in_words() {
    let broken = [
        Hello {
            name: "x".repeat(257),
            ..Hello::default()
        },
        Hello {
            role: ConnectionRole::Lane,
            of: None,
            ..Hello::default()
        },
        Hello {
            role: ConnectionRole::Other(9),
            ..Hello::default()
        },
    ];
    for hello in broken {
        let (arrival, taken, bye) = arrived(&hello);
        assert!(taken.is_err() && arrival.hello().is_none());
        let bye = bye.expect("words");
        assert_eq!(bye.reason, ByeReason::Protocol);
        assert_eq!(Some(bye.message), hello.problem());
    }
}

#[test]
fn a_hello_may_carry_more() {
    let hello = Hello {
        name: "later".into(),
        features: [("zzz".to_string(), 3)].into_iter().collect(),
        ..Hello::default()
    };
    let (arrival, taken, bye) = arrived(&(&hello, "more", 7_u64));
    assert_eq!((taken, bye), (Ok(()), None));
    assert_eq!(arrival.hello(), Some(&hello));
}

#[test]
fn the_client_cuts_what_a_hello_may_carry() {
    let mut client = ClientSession::new(ClientConfig {
        name: "é".repeat(200),
        service: "s".repeat(300),
        ..ClientConfig::default()
    });
    client.connect(Link::plain(Role::Client, 1 << 20), super::epoch());
    let mut arrival = Arrival::new(Link::plain(Role::Server, 1 << 20));
    arrival.handle_input(client.transmit()).unwrap();
    let hello = arrival.hello().unwrap();
    assert_eq!((hello.name.len(), hello.service.len()), (256, 256));
    assert_eq!(hello.features, Features::of_client());
}

/// A session of a client that offers `features`.
fn session(features: Features) -> ServerSession {
    let hello = Hello {
        features,
        ..Hello::default()
    };
    let mut session = ServerSession::new(KEY, SessionLimits::default());
    session.attach(Link::plain(Role::Server, 1 << 20), &hello, 1);
    let preamble = Preamble::new(Suite::Plain, Role::Client).encode();
    session.handle_input(&preamble, super::epoch());
    session.consume(usize::MAX);
    session
}

fn call_in(form: CtrlMsg, number: u64) -> Vec<u8> {
    let mut frame = call_frame(1, 0);
    frame[frame::HEADER - 2..frame::HEADER].copy_from_slice(&form.number().to_le_bytes());
    set_call_numbers(&mut frame, number, number, 0);
    frame
}

#[test]
fn a_session_refuses_in_the_form_that_its_client_understands() {
    let refusal = || Refusal::NotConnected {
        method: "m1".into(),
        device: "pump".into(),
        state: "unplugged".into(),
    };
    for (features, kind) in [(Features::of_client(), 11_u32), (Features::default(), 6)] {
        let mut session = session(features);
        session.handle_input(&call_in(CtrlMsg::Call, 1), super::epoch());
        let (call, _) = session.next_call(super::epoch()).unwrap();
        session.refuse(call.number, refusal());
        let frame = single_frame(session.transmit()).unwrap();
        assert_eq!(frame.payload[8..12], kind.to_le_bytes());
    }
}

#[test]
fn a_command_takes_a_number_and_is_no_call_of_the_same_name() {
    let mut session = session(Features::of_client());
    let now = super::epoch();
    session.handle_input(&call_in(CtrlMsg::Command, 1), now);
    let (call, _) = session.next_call(now).unwrap();
    assert_eq!((call.number, call.form), (1, Form::Command));
    session.handle_input(&call_in(CtrlMsg::CallByName, 1), now);
    let end = session.end().cloned();
    let expected = End::Lost(LinkError::FalseRetry(1));
    assert_eq!(end, Some(expected));
}

#[test]
fn a_call_that_comes_again_gets_the_same_short_answer() {
    let mut session = session(Features::of_client());
    let mut answers = Vec::new();
    for _ in 0..2 {
        session.handle_input(&call_in(CtrlMsg::Call, 1), super::epoch());
        if let Some((call, _)) = session.next_call(super::epoch()) {
            let mut answer = begin_reply(Vec::new(), CtrlMsg::Ok, call.number);
            let answer = ShortFrame::finished(&mut answer).unwrap();
            session.reply(call.number, ReplyFrame::Short(answer));
            assert_eq!(session.kept(), session.transmit().len());
        }
        answers.push(session.transmit().to_vec());
        session.consume(usize::MAX);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].len(), 14);
}
