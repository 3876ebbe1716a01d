//! Long calls at the server: their lists are read into memory of their own, and nothing else is different.

use std::time::Instant;

use serde::Serialize;

use super::{epoch, link};
use crate::session::link::{Link, LinkError};
use crate::session::server::{End, ServerSession, SessionLimits};
use crate::wire::block::{Probe, ValueProbe};
use crate::wire::codec::{self, MAX_VALUE};
use crate::wire::ctrl::{CallHeader, CtrlMsg, Hello, SessionKey};
use crate::wire::frame::{self, ReplyFrame};
use crate::wire::message::{IncomingCall, begin_reply, set_call_numbers};
use crate::wire::preamble::Role;

type Arguments = (u8, Vec<f64>, String, Vec<bool>);

/// One function for each of the arguments.
const PROBE: Probe = &[
    codec::probe::<u8> as ValueProbe,
    codec::probe::<Vec<f64>>,
    codec::probe::<String>,
    codec::probe::<Vec<bool>>,
];

const FINGERPRINT: u64 = 77;

fn arguments() -> Arguments {
    let samples = (0..50_000).map(f64::from).collect();
    let flags = (0..300_000).map(|n| n % 3 == 0).collect();
    (7, samples, "a note".repeat(3), flags)
}

fn call<T: Serialize>(ctrl: CtrlMsg, number: u64, arguments: &T) -> Vec<u8> {
    let header = CallHeader {
        fingerprint: FINGERPRINT,
        method: "weigh".into(),
        ..CallHeader::default()
    };
    let mut out = frame::begin(ctrl);
    codec::encode(&(header, arguments), &mut out, MAX_VALUE).unwrap();
    frame::finish(&mut out, 0);
    set_call_numbers(&mut out, number, 0, 0);
    out
}

/// A server and the end of a client, in the clear or under a secret.
struct Pair {
    client: Link,
    server: ServerSession,
    now: Instant,
    /// Number of times that the server has asked for a probe.
    asked: usize,
}

/// How a frame comes to the server.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// Number of bytes of each piece.
    step: usize,
    /// Whether the method is known.
    is_known: bool,
}

impl Pair {
    fn new(is_secret: bool, limits: SessionLimits) -> Self {
        let key = SessionKey {
            incarnation: 1,
            session: 2,
        };
        let mut pair = Self {
            client: link(Role::Client, is_secret, 1 << 24),
            server: ServerSession::new(key, limits),
            now: epoch(),
            asked: 0,
        };
        let mut end = link(Role::Server, is_secret, 1 << 24);
        let hello = Hello {
            max_frame: 1 << 24,
            ..Hello::default()
        };
        // The handshake, then what an established session says.
        for _ in 0..3 {
            let bytes = taken(&mut pair.client);
            end.handle_input(&bytes).unwrap();
            let bytes = end.transmit().to_vec();
            end.consume(bytes.len());
            pair.client.handle_input(&bytes).unwrap();
        }
        pair.server.attach(end, &hello, 0);
        pair
    }

    /// Sends a frame, or a part of one.
    fn send(&mut self, frame: &[u8], cut: Cut) {
        self.client.send(frame.to_vec());
        let bytes = taken(&mut self.client);
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let mut count = cut.step.min(rest.len());
            match self.server.take_partial() {
                Some(mut partial) => {
                    let room = partial.room();
                    count = count.min(room.len());
                    room[..count].copy_from_slice(&rest[..count]);
                    partial.advance(count);
                    self.server.handle_partial(partial, self.now);
                }
                None => self
                    .server
                    .handle_buffer(&mut rest[..count].to_vec(), self.now),
            }
            rest = &rest[count..];
            if self.server.has_partial() {
                let asked = &mut self.asked;
                self.server.explain_partial(|method, fingerprint| {
                    *asked += 1;
                    assert_eq!((method, fingerprint), ("weigh", FINGERPRINT));
                    cut.is_known.then_some(PROBE)
                });
            }
        }
    }

    fn next(&mut self) -> Option<IncomingCall> {
        self.server.next_call(self.now).map(|(call, _)| call)
    }

    /// Answers, and returns what the client gets.
    fn answer(&mut self, number: u64) -> Vec<u8> {
        let mut reply = begin_reply(Vec::new(), CtrlMsg::Ok, number);
        frame::finish(&mut reply, 0);
        self.server.reply(number, ReplyFrame::from(reply));
        self.written()
    }

    fn written(&mut self) -> Vec<u8> {
        let mut written = Vec::new();
        while !self.server.transmit().is_empty() {
            let bytes = self.server.transmit().to_vec();
            self.server.consume(bytes.len());
            self.client.handle_input(&bytes).unwrap();
        }
        while let Some(frame) = self.client.next_frame().unwrap() {
            written.extend(frame.payload);
        }
        written
    }
}

fn taken(link: &mut Link) -> Vec<u8> {
    let mut taken = Vec::new();
    while !link.transmit().is_empty() {
        let bytes = link.transmit().to_vec();
        link.consume(bytes.len());
        taken.extend(bytes);
    }
    taken
}

const CUTS: [Cut; 4] = [
    Cut {
        step: usize::MAX,
        is_known: false,
    },
    Cut {
        step: 10_000,
        is_known: false,
    },
    Cut {
        step: 4096,
        is_known: true,
    },
    Cut {
        step: 77_777,
        is_known: true,
    },
];

#[test]
fn the_lists_in_several_arguments_are_apart() {
    for is_secret in [false, true] {
        for cut in CUTS {
            let mut pair = Pair::new(is_secret, SessionLimits::default());
            pair.send(&call(CtrlMsg::Call, 1, &arguments()), cut);
            let mut taken = pair.next().unwrap();
            let whole = call(CtrlMsg::Call, 1, &arguments()).len();
            assert_eq!(taken.len(), whole - frame::HEADER - 5 * 8);
            let blocks = taken.take_blocks();
            assert_eq!(blocks.len(), if cut.is_known { 2 } else { 0 }, "{cut:?}");
            let places: Vec<_> = blocks.iter().map(|it| it.memory.bytes().as_ptr()).collect();
            let mut reader = codec::ValueReader::new(taken.arguments(), blocks, 0);
            let (first, samples) = (reader.read().unwrap(), reader.read().unwrap());
            let (note, flags) = (reader.read().unwrap(), reader.read().unwrap());
            assert_eq!(reader.finish(), Ok(()));
            let read: Arguments = (first, samples, note, flags);
            assert!(read == arguments());
            if let [_, place] = places[..] {
                assert_eq!(read.1.as_ptr().cast(), place, "it was read where it lies");
            }
        }
    }
}

/// Whether its lists are apart or not, at first or when it comes again.
#[test]
fn a_repeated_call_is_recognised_however_it_came() {
    for is_secret in [false, true] {
        for (first, again) in CUTS.iter().flat_map(|cut| CUTS.map(|again| (*cut, again))) {
            let mut pair = Pair::new(is_secret, SessionLimits::default());
            pair.written();
            pair.send(&call(CtrlMsg::Call, 1, &arguments()), first);
            assert!(pair.next().is_some());
            pair.send(&call(CtrlMsg::Call, 1, &arguments()), again);
            assert!(pair.next().is_none(), "it runs");
            let answered = pair.answer(1);
            assert!(!answered.is_empty());
            pair.send(&call(CtrlMsg::Call, 1, &arguments()), again);
            assert!(pair.next().is_none(), "{first:?} {again:?}");
            assert_eq!(pair.server.end(), None);
            assert_eq!(pair.written(), answered);
        }
    }
}

#[test]
fn another_call_under_the_same_number_is_no_repeat() {
    let mut others = vec![arguments(); 4];
    others[0].0 = 8;
    others[1].1.push(1.0);
    others[2].1[2] = 0.5;
    others[3].3[299_999] ^= true;
    for (first, again) in CUTS.iter().flat_map(|cut| CUTS.map(|again| (*cut, again))) {
        for other in &others {
            let mut pair = Pair::new(false, SessionLimits::default());
            pair.send(&call(CtrlMsg::Call, 1, &arguments()), first);
            pair.next().unwrap();
            pair.send(&call(CtrlMsg::Call, 1, other), again);
            assert_eq!(
                pair.server.end(),
                Some(&End::Lost(LinkError::FalseRetry(1)))
            );
        }
    }
}

#[test]
fn lists_that_are_apart_count_among_the_bytes_that_wait() {
    let mut limits = SessionLimits::default();
    limits.waiting_bytes(800_000);
    for cut in CUTS {
        let mut pair = Pair::new(false, limits.clone());
        pair.send(&call(CtrlMsg::Call, 1, &arguments()), cut);
        assert!(pair.server.wants_input());
        pair.send(&call(CtrlMsg::Call, 2, &arguments()), cut);
        assert!(!pair.server.wants_input(), "{cut:?}");
        assert!(pair.server.is_within_limits(0));
        pair.next().unwrap();
        assert!(pair.server.wants_input() && pair.server.is_within_limits(0));
    }
}

/// Regardless of where the head is cut, and not for calls whose arguments say themselves what they are.
#[test]
fn the_method_of_a_long_call_is_asked_for_once() {
    let typed = call(CtrlMsg::Call, 1, &arguments());
    for step in (1..60).chain([1000]) {
        let mut pair = Pair::new(false, SessionLimits::default());
        let is_known = true;
        let (head, rest) = typed.split_at(step * 2);
        pair.send(head, Cut { step, is_known });
        assert!(pair.asked <= 1);
        pair.send(
            rest,
            Cut {
                step: 50_000,
                is_known,
            },
        );
        assert_eq!(pair.asked, 1, "pieces of {step} bytes");
        assert_eq!(pair.next().unwrap().take_blocks().len(), 2);
    }
    for ctrl in [CtrlMsg::CallByName, CtrlMsg::Command] {
        let mut pair = Pair::new(false, SessionLimits::default());
        pair.send(&call(ctrl, 1, &arguments()), CUTS[2]);
        assert_eq!(pair.asked, 0);
        assert_eq!(pair.next().unwrap().take_blocks().len(), 0);
    }
}
