//! A session with a client that is a script.

use std::time::Instant;

use super::{answer, call_frame, link, preamble, reply_frame};
use crate::session::server::{ServerSession, SessionLimits};
use crate::wire::ctrl::{CtrlMsg, Features, Hello, SessionKey};
use crate::wire::frame::{Frame, FrameReader};
use crate::wire::message::{frame_of, reply_of, set_call_numbers};
use crate::wire::preamble::Role;

const KEY: SessionKey = SessionKey {
    incarnation: 1,
    session: 2,
};

pub(super) struct Scripted {
    pub(super) session: ServerSession,
    pub(super) features: Features,
    pub(super) now: Instant,
}

impl Scripted {
    /// With a connection.
    pub(super) fn new(limits: SessionLimits) -> Self {
        let mut scripted = Self {
            session: ServerSession::new(KEY, limits),
            features: Features::of_client(),
            now: super::epoch(),
        };
        scripted.connect();
        scripted
    }

    /// With a call that runs and two that wait.
    pub(super) fn busy() -> Self {
        let mut scripted = Self::new(SessionLimits::default());
        (1..=3).for_each(|number| scripted.call(number));
        assert_eq!(scripted.next(), Some(1));
        scripted
    }

    /// A new connection of the session, after the Welcome.
    pub(super) fn connect(&mut self) {
        let hello = Hello {
            resume: Some(KEY),
            max_frame: 1 << 20,
            features: self.features.clone(),
            ..Hello::default()
        };
        let link = link(Role::Server, false, 1 << 20);
        self.session.attach(link, &hello, 1);
        self.session.handle_input(&preamble(Role::Client), self.now);
        self.session.consume(usize::MAX);
    }

    pub(super) fn call(&mut self, number: u64) {
        self.call_for(number, 0);
    }

    /// A call whose caller waits for so many milliseconds.
    pub(super) fn call_for(&mut self, number: u64, timeout_ms: u64) {
        let mut frame = call_frame(number, 10);
        set_call_numbers(&mut frame, number, 1, timeout_ms);
        self.say(&frame);
    }

    pub(super) fn cancel(&mut self, number: u64) {
        self.say(&frame_of(CtrlMsg::Cancel, &number));
    }

    pub(super) fn confirm(&mut self, oldest: u64) {
        self.say(&frame_of(CtrlMsg::Ack, &oldest));
    }

    pub(super) fn say(&mut self, bytes: &[u8]) {
        self.session.handle_input(bytes, self.now);
        assert!(self.session.is_within_limits(bytes.len()));
    }

    /// The number of the call that begins.
    pub(super) fn next(&mut self) -> Option<u64> {
        let (call, _) = self.session.next_call(self.now)?;
        Some(call.number)
    }

    pub(super) fn reply(&mut self, number: u64) {
        let frame = reply_frame(number, &answer(number, 20));
        self.session.reply(number, frame);
    }

    /// The frames that the server says next.
    pub(super) fn frames(&mut self) -> Vec<Frame> {
        let mut reader = FrameReader::new(1 << 24);
        while let Some(piece) = self.session.take_output() {
            reader.push(&piece);
        }
        std::iter::from_fn(|| reader.next_frame().unwrap()).collect()
    }

    /// The same as messages, with the numbers of the calls that they answer.
    pub(super) fn heard(&mut self) -> Vec<(CtrlMsg, u64)> {
        let heard = self.frames().into_iter().map(|frame| {
            let ctrl = frame.ctrl;
            let number = match ctrl {
                CtrlMsg::Ok | CtrlMsg::Error | CtrlMsg::ErrorForwarded => {
                    reply_of(frame).unwrap().0
                }
                _ => 0,
            };
            (ctrl, number)
        });
        heard.collect()
    }
}
