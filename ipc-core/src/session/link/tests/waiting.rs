//! What waits for a network that is slower than its user.

use std::time::Duration;

use super::super::*;
use crate::session::tests::{Random, epoch};
use crate::wire::ctrl::CtrlMsg;
use crate::wire::frame::{begin, finish};
use crate::wire::message::frame_of;
use crate::wire::preamble::Preamble;

/// Both ends of an encrypted connection, ready to speak.
pub(super) fn sealed() -> (Link, Link) {
    let secret = Secret::new("a word of ours").unwrap();
    let end = |role, byte| {
        let entropy = Entropy::new([byte; Entropy::LEN]);
        Link::secret(role, &secret, "", entropy, 1 << 20)
    };
    let (mut client, mut server) = (end(Role::Client, 1), end(Role::Server, 2));
    for _ in 0..2 {
        pass(&mut client, &mut server);
        pass(&mut server, &mut client);
    }
    (client, server)
}

pub(super) fn pass(from: &mut Link, to: &mut Link) {
    while !from.transmit().is_empty() {
        let bytes = from.transmit().to_vec();
        from.consume(bytes.len());
        to.handle_input(&bytes).unwrap();
    }
}

/// The backlog is counted as it comes and goes; it must be what is still to be written.
#[test]
fn the_backlog_is_what_the_network_is_still_to_take() {
    let mut random = Random(1);
    let mut link = Link::plain(Role::Client, 1 << 20);
    let mut due = 0;
    for _ in 0..2000 {
        if random.percent(40) {
            let frame = vec![7; 6 + random.below(400_000)];
            let start = link.send(frame);
            assert_eq!(start, link.transmitted + due);
        } else {
            let count = link.transmit().len();
            link.consume(random.below(count + 1));
        }
        due = link.backlog();
    }
    let before = link.transmitted;
    while let count @ 1.. = link.transmit().len() {
        link.consume(count);
    }
    assert_eq!(link.transmitted - before, due);
    assert_eq!(link.backlog(), 0);
    assert!(link.has_room());
}

/// Under a secret, frames that wait together are sealed together. The network has all of them as soon as it has a part of
/// their records, and none of them before.
#[test]
fn sealed_frames_are_sent_with_the_first_byte_of_their_records() {
    let (mut link, mut peer) = sealed();
    let len = |link: &mut Link| link.transmit().len();
    let [first, second] = [7, 8].map(|byte| link.send(short(byte)));
    assert_eq!(len(&mut link), 2 * 10 + 19, "one record");
    let third = link.send(short(9));
    let sent = |link: &Link| [first, second, third].map(|start| link.has_transmitted(start));
    assert_eq!(sent(&link), [false, false, false]);
    pass_part(&mut link, &mut peer, 1);
    assert_eq!(sent(&link), [true, true, false]);
    pass_part(&mut link, &mut peer, 2 * 10 + 18);
    assert_eq!(sent(&link), [true, true, false]);
    assert_eq!(len(&mut link), 10 + 19, "the next record");
    assert_eq!(sent(&link), [true, true, false]);
    pass_part(&mut link, &mut peer, 1);
    assert_eq!(sent(&link), [true, true, true]);
    pass(&mut link, &mut peer);
    for byte in [7, 8, 9] {
        let frame = peer.next_frame().unwrap().unwrap();
        assert_eq!(frame.payload, [byte; 4][..]);
    }
    let taken = link.send(short(1));
    assert!(!link.has_transmitted(taken));
    assert_eq!(link.take_output().map(|piece| piece.len()), Some(10 + 19));
    assert!(link.has_transmitted(taken));
    assert_eq!(link.backlog(), 0);
}

/// A frame of ten bytes.
fn short(byte: u8) -> Vec<u8> {
    let mut frame = begin(CtrlMsg::Ok);
    frame.extend_from_slice(&[byte; 4]);
    finish(&mut frame, 0);
    frame
}

/// Passes on the next `count` bytes.
fn pass_part(from: &mut Link, to: &mut Link, count: usize) {
    let bytes = from.transmit()[..count].to_vec();
    from.consume(count);
    to.handle_input(&bytes).unwrap();
}

#[test]
fn sealed_frames_of_any_length_arrive_however_the_network_takes_them() {
    let mut random = Random(3);
    let (mut link, mut peer) = sealed();
    let (mut sent, mut received, mut queued) = (0_u8, 0_u8, 0);
    for _ in 0..1000 {
        if random.percent(50) {
            let mut frame = begin(CtrlMsg::Ok);
            let len = match random.percent(20) {
                true => random.below(600_000),
                false => random.below(3000),
            };
            frame.resize(frame.len() + len, sent);
            finish(&mut frame, 0);
            let len = frame.len() as u64;
            assert_eq!(link.send(frame), queued);
            queued += len;
            sent = sent.wrapping_add(1);
        } else {
            let count = random.below(link.transmit().len() + 1);
            pass_part(&mut link, &mut peer, count);
        }
        if random.percent(2) {
            pass(&mut link, &mut peer);
        }
        while let Some(frame) = peer.next_frame().unwrap() {
            assert!(frame.payload.iter().all(|byte| *byte == received));
            received = received.wrapping_add(1);
        }
    }
    pass(&mut link, &mut peer);
    while let Some(frame) = peer.next_frame().unwrap() {
        assert!(frame.payload.iter().all(|byte| *byte == received));
        received = received.wrapping_add(1);
    }
    assert_eq!(sent, received);
    assert_eq!((link.transmitted, link.backlog()), (queued, 0));
    assert!(link.has_room());
}

/// A thread that takes pieces to write them later sends the same frames as one that writes at once.
#[test]
fn taken_pieces_are_the_same_frames() {
    let mut random = Random(2);
    let plain = |role| Link::plain(role, 1 << 20);
    let plain = (plain(Role::Client), plain(Role::Server));
    for ((mut from, mut to), preamble) in [(plain, Preamble::LEN), (sealed(), 0)] {
        let mut queued = preamble as u64;
        let mut pieces = Vec::new();
        for byte in 0..200 {
            let mut frame = begin(CtrlMsg::Ok);
            frame.resize(6 + random.below(300_000), byte);
            finish(&mut frame, 0);
            queued += frame.len() as u64;
            from.send(frame);
            for _ in 0..random.below(4) {
                let part = random.below(from.transmit().len() + 1);
                pieces.extend_from_slice(&from.transmit()[..part]);
                from.consume(part);
                pieces.extend(from.take_output().into_iter().flatten());
            }
        }
        pieces.extend(std::iter::from_fn(|| from.take_output()).flatten());
        assert_eq!((from.backlog(), from.transmitted), (0, queued));
        to.handle_input(&pieces).unwrap();
        for byte in 0..200 {
            let frame = to.next_frame().unwrap().unwrap();
            assert!(frame.payload.iter().all(|each| *each == byte));
        }
    }
}

/// The sum over all that waited was taken with each message: half a minute of work for these.
#[test]
fn many_messages_that_wait_cost_no_more_than_a_few() {
    for mut link in [Link::plain(Role::Client, 1 << 20), sealed().0] {
        let start = epoch();
        for number in 0..300_000_u64 {
            link.send(frame_of(CtrlMsg::Cancel, &number));
        }
        assert!(!link.has_room());
        let took = epoch() - start;
        assert!(took < Duration::from_secs(10), "{took:?}");
    }
}

/// A connection that somebody had cut looked as if the other end had closed it.
#[test]
fn an_end_without_the_close_is_told_from_one_with_it() {
    for (close, expected) in [
        (false, "without the authenticated close"),
        (true, "closed it"),
    ] {
        let (mut client, mut server) = sealed();
        let frame = frame_of(CtrlMsg::Cancel, &1_u64);
        match close {
            true => server.send_last(frame),
            false => drop(server.send(frame)),
        }
        pass(&mut server, &mut client);
        assert!(client.next_frame().unwrap().is_some());
        let error = client.handle_eof();
        // The server's patience with lost clients hangs on it.
        assert!(matches!(error, LinkError::Lost(_)), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

/// A long frame can be written by one system call, together with what is around it.
#[test]
fn all_that_waits_is_there_for_one_write() {
    let mut link = Link::plain(Role::Client, 1 << 20);
    let frames: [Vec<u8>; 4] = [vec![1; 10], vec![2; 100_000], vec![3; 20], vec![4; 30]];
    for frame in &frames {
        link.send(frame.clone());
    }
    let preamble = link.backlog() as usize - 100_060;
    link.consume(preamble + 4);
    let mut slices = [IoSlice::new(&[]); 8];
    let count = link.transmit_vectored(&mut slices);
    let pieces: Vec<&[u8]> = slices[..count].iter().map(|slice| &slice[..]).collect();
    let last = [&frames[2][..], &frames[3]].concat();
    assert_eq!(pieces, [&frames[0][4..], &frames[1], &last]);
    assert_eq!(link.transmit(), &frames[0][4..]);
}
