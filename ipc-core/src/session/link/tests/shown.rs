//! What a connection shows of what it carries, and how its end is called.

use bytes::Bytes;

use super::super::{Link, LinkError};
use crate::secure::{Entropy, Secret};
use crate::session::client::CallOutcome;
use crate::wire::block::Payload;
use crate::wire::block::ReadBlocks;
use crate::wire::bulk::LongBlock;
use crate::wire::codec::{self, Reader};
use crate::wire::ctrl::{Bye, ByeReason, CallHeader, CtrlMsg, Form};
use crate::wire::frame::{self, Frame, OutgoingFrame};
use crate::wire::message::{IncomingCall, Outcome, frame_of, value_of};
use crate::wire::preamble::Role;

const WORD: &str = "CANARY";

fn secret(role: Role) -> Link {
    let entropy = Entropy::new([1 + role as u8; Entropy::LEN]);
    Link::secret(role, &Secret::new("waktu").unwrap(), "", entropy, 1 << 20)
}

/// A client and a server, either way.
fn pairs() -> [(Link, Link); 2] {
    let plain = |role| Link::plain(role, 1 << 20);
    [plain as fn(Role) -> Link, secret].map(|link| (link(Role::Client), link(Role::Server)))
}

/// What `from` has to say arrives, but for the last `short` bytes of it.
fn pass(from: &mut Link, to: &mut Link, short: usize) {
    while from.transmit().len() > short {
        let bytes = from.transmit().to_vec();
        let count = bytes.len() - short;
        to.handle_input(&bytes[..count]).unwrap();
        from.consume(count);
    }
}

/// Both have said what they have to say.
fn settle(client: &mut Link, server: &mut Link) {
    for _ in 0..3 {
        pass(client, server, 0);
        pass(server, client, 0);
    }
}

fn word_frame() -> OutgoingFrame {
    let mut head = frame::begin(CtrlMsg::Ok);
    head.extend_from_slice(WORD.as_bytes());
    let bytes = Bytes::from_static(WORD.as_bytes());
    let at = head.len();
    OutgoingFrame::finished(head, vec![LongBlock { at, bytes }])
}

/// The same once a frame has gone from the client to the server.
fn pairs_that_have_spoken() -> [(Link, Link); 2] {
    pairs().map(|(mut client, mut server)| {
        client.send(word_frame());
        settle(&mut client, &mut server);
        assert!(server.next_frame().unwrap().is_some());
        (client, server)
    })
}

fn shows_nothing(shown: &str) {
    let list = format!("{:?}", &WORD.as_bytes()[..4]);
    for betrayal in [WORD, &list[1..list.len() - 1]] {
        assert!(!shown.contains(betrayal), "{shown}");
    }
}

/// `Debug` was derived, and showed what had just been decrypted.
#[test]
fn debug_shows_sizes_and_no_bytes() {
    for (mut client, mut server) in pairs() {
        client.send(word_frame());
        shows_nothing(&format!("{client:?}"));
        settle(&mut client, &mut server);
        shows_nothing(&format!("{server:?}"));
        let frame = server.next_frame().unwrap().unwrap();
        assert_eq!(frame.payload, WORD.repeat(2));
        shows_nothing(&format!("{frame:?}"));
    }
    let bytes = Bytes::from_static(WORD.as_bytes());
    let method = "step".to_string();
    let header = CallHeader {
        method,
        ..CallHeader::default()
    };
    let mut payload = Vec::new();
    codec::encode(&header, &mut payload, codec::MAX_VALUE).unwrap();
    payload.extend_from_slice(&bytes);
    let call = IncomingCall::read(Form::Typed, payload.into()).unwrap();
    let frame = Frame {
        ctrl: CtrlMsg::Ok,
        payload: bytes.clone(),
        blocks: ReadBlocks::default(),
    };
    let outgoing = word_frame();
    let payload = Payload::from(bytes);
    let (outcome, ended) = (Outcome::Ok(payload.clone()), CallOutcome::Returned(payload));
    let reader = Reader::new(WORD.as_bytes());
    let shown = format!("{call:?} {frame:?} {outgoing:?} {outcome:?} {ended:?} {reader:?}");
    shows_nothing(&shown);
    assert!(shown.contains("6 bytes"), "{shown}");
    assert!(shown.contains("18 bytes"), "{shown}");
}

/// A stream that is cut between two frames is as lost as one that is cut within: only a goodbye is one.
#[test]
fn a_cut_is_never_taken_for_a_goodbye() {
    let bye = || Bye::new(ByeReason::Stopping, "see you");
    for (_client, mut server) in pairs_that_have_spoken() {
        let end = server.handle_eof();
        assert!(matches!(end, LinkError::Lost(_)), "{end:?}");
    }
    // The last byte of the goodbye is missing.
    for (mut client, mut server) in pairs_that_have_spoken() {
        client.send(frame_of(CtrlMsg::Bye, &bye()));
        pass(&mut client, &mut server, 1);
        assert_eq!(server.next_frame(), Ok(None));
        let end = server.handle_eof();
        assert!(matches!(end, LinkError::Lost(_)), "{end:?}");
    }
    for (mut client, mut server) in pairs_that_have_spoken() {
        client.send_last(frame_of(CtrlMsg::Bye, &bye()));
        settle(&mut client, &mut server);
        let frame = server.next_frame().unwrap().unwrap();
        assert_eq!(value_of::<Bye>(&frame), Ok(bye()));
    }
}

/// A copy of an encrypted connection went on in the clear.
#[cfg(feature = "proof")]
#[test]
fn the_copy_of_a_secret_connection_is_of_no_use() {
    let [_, (mut client, mut server)] = pairs();
    client.send(word_frame());
    settle(&mut client, &mut server);
    for end in [client, server] {
        let mut copy = end.clone();
        assert!(copy.next_frame().is_err());
        copy.send(word_frame());
        assert_eq!(copy.transmit(), b"");
        assert!(copy.handle_input(b"LIPC\x01\x00C\x00").is_err());
        assert!(copy.next_frame().is_err());
    }
    let [(mut client, _), _] = pairs();
    client.send(word_frame());
    assert_eq!(client.clone().transmit(), client.transmit());
}
