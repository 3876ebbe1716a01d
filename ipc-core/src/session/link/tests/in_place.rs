//! Long frames under a secret: read from the network to where they stay, and decrypted there.

use std::collections::VecDeque;

use super::super::*;
use super::waiting::{pass, sealed};
use crate::session::tests::Random;
use crate::wire::codec;
use crate::wire::ctrl::CtrlMsg;
use crate::wire::frame::{begin, finish};
use crate::wire::message::RESULT;

/// The answer to call 7.
fn answer(list: &[f64]) -> Vec<u8> {
    let mut frame = begin(CtrlMsg::Ok);
    frame.extend_from_slice(&7_u64.to_le_bytes());
    codec::encode(&list, &mut frame, codec::MAX_VALUE).unwrap();
    finish(&mut frame, 0);
    frame
}

/// Reads up to `most` bytes of `bytes` as a socket does, in place if `link` has room for that. Returns how many were read in
/// place.
fn read(link: &mut Link, bytes: &mut &[u8], most: usize) -> Result<usize, LinkError> {
    let Some(mut partial) = link.take_partial() else {
        let (piece, rest) = bytes.split_at(bytes.len().min(most).min(READ_SIZE));
        *bytes = rest;
        link.handle_input(piece)?;
        return Ok(0);
    };
    let room = partial.room();
    let count = room.len().min(most).min(bytes.len());
    room[..count].copy_from_slice(&bytes[..count]);
    *bytes = &bytes[count..];
    partial.advance(count);
    link.put_partial(partial)?;
    Ok(count)
}

#[test]
fn frames_are_the_same_however_they_are_read() {
    let mut random = Random(5);
    let (mut link, mut peer) = sealed();
    peer.set_max_frame(4 << 20);
    let (mut in_place, mut total) = (0, 0);
    for byte in 0..60 {
        let mut frames = VecDeque::new();
        for _ in 0..random.below(3) + 1 {
            let mut frame = begin(CtrlMsg::Ok);
            let len = match random.percent(50) {
                true => random.below(2_000_000),
                false => random.below(100_000),
            };
            frame.resize(frame.len() + len, byte);
            finish(&mut frame, 0);
            link.send(frame.clone());
            frames.push_back(frame);
        }
        let mut bytes = Vec::new();
        while let Some(piece) = link.take_output() {
            bytes.extend_from_slice(&piece);
        }
        total += bytes.len();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let most = match random.percent(30) {
                true => random.below(1000),
                false => random.below(900_000),
            };
            in_place += read(&mut peer, &mut rest, most).unwrap();
            while let Some(received) = peer.next_frame().unwrap() {
                let frame = frames.pop_front().unwrap();
                assert_eq!(received.payload.len(), frame.len() - 6);
                assert!(received.payload.iter().all(|each| *each == byte));
            }
        }
        assert!(frames.is_empty());
    }
    assert!(in_place > total / 2, "{in_place} of {total} bytes");
}

/// A list is read into the memory of the `Vec` that it becomes, most of it without a copy.
#[test]
fn long_lists_are_decrypted_in_their_own_memory() {
    let (mut link, mut peer) = sealed();
    peer.set_max_frame(16 << 20);
    let list: Vec<f64> = (0..1_000_000).map(f64::from).collect();
    for step in [usize::MAX, 100_000] {
        let frame = answer(&list);
        link.send(frame.clone());
        let mut bytes = Vec::new();
        while let Some(piece) = link.take_output() {
            bytes.extend_from_slice(&piece);
        }
        let (mut rest, mut in_place) = (&bytes[..], 0);
        while !rest.is_empty() {
            in_place += read(&mut peer, &mut rest, step).unwrap();
            if peer.unexplained().is_some() {
                peer.explain(Some(&[codec::probe::<Vec<f64>>]), RESULT);
            }
        }
        assert!(in_place > bytes.len() * 9 / 10, "{in_place} bytes");
        let received = peer.next_frame().unwrap().unwrap();
        let [block] = &received.blocks[..] else {
            panic!("{} lists", received.blocks.len());
        };
        let block = block.memory.clone();
        assert_eq!(block.into_list::<f64>().as_ref(), Some(&list));
    }
}

/// A peer that reads nothing in place leaves no trace.
#[test]
fn a_frame_can_be_given_back_unread() {
    let (mut link, mut peer) = sealed();
    peer.set_max_frame(4 << 20);
    let frame = answer(&[0.5; 300_000]);
    link.send(frame.clone());
    let bytes = link.transmit()[..100_000].to_vec();
    link.consume(100_000);
    peer.handle_input(&bytes).unwrap();
    for _ in 0..3 {
        let partial = peer.take_partial().unwrap();
        peer.put_partial(partial).unwrap();
    }
    pass(&mut link, &mut peer);
    let received = peer.next_frame().unwrap().unwrap();
    assert!(received.payload == frame[6..]);
}

/// Many short reads do not copy a record many times.
#[test]
fn the_beginning_of_a_record_stays_where_it_was_read_to() {
    let (mut link, mut peer) = sealed();
    peer.set_max_frame(4 << 20);
    link.send(answer(&[0.5; 300_000]));
    let bytes = link.transmit();
    peer.handle_input(&bytes[..70_000]).unwrap();
    let mut place = None;
    for piece in bytes[70_000..130_000].chunks(1000) {
        let mut partial = peer.take_partial().unwrap();
        let room = &mut partial.room()[..piece.len()];
        assert!(place.is_none_or(|place| place == room.as_ptr()));
        room.copy_from_slice(piece);
        place = Some(room.as_ptr_range().end);
        partial.advance(piece.len());
        peer.put_partial(partial).unwrap();
    }
}

#[test]
fn a_corrupt_record_ends_the_connection() {
    let (mut link, mut peer) = sealed();
    peer.set_max_frame(4 << 20);
    link.send(answer(&[0.5; 300_000]));
    let mut bytes = link.transmit().to_vec();
    bytes[200_000] ^= 1;
    let mut rest = &bytes[..100_000];
    read(&mut peer, &mut rest, usize::MAX).unwrap();
    read(&mut peer, &mut rest, usize::MAX).unwrap();
    let mut rest = &bytes[100_000..];
    let error = read(&mut peer, &mut rest, usize::MAX).unwrap_err();
    let corrupt = ChannelError::CorruptRecord { number: 3 };
    assert_eq!(error, LinkError::Channel(corrupt.clone()));
    assert_eq!(peer.handle_input(&bytes), Err(LinkError::Channel(corrupt)));
}
