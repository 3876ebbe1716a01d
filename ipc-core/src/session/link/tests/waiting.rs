//! What waits for a network that is slower than its user.

use std::time::Duration;

use super::super::*;
use crate::session::tests::{Random, epoch};
use crate::wire::message::frame_of;

/// Both ends of an encrypted connection, ready to speak.
fn sealed() -> (Link, Link) {
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

fn pass(from: &mut Link, to: &mut Link) {
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
    for mut link in [Link::plain(Role::Client, 1 << 20), sealed().0] {
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
        while !link.transmit().is_empty() {
            link.consume(link.transmit().len());
        }
        assert_eq!(link.transmitted - before, due);
        assert_eq!(link.backlog(), 0);
        assert!(link.has_room());
    }
}

/// A thread that takes pieces to write them later gets the same stream as one that writes at once.
#[test]
fn taken_pieces_are_the_same_stream() {
    let mut random = Random(2);
    for make in [|| Link::plain(Role::Client, 1 << 20), || sealed().0] {
        let (mut whole, mut taken) = (make(), make());
        let (mut expected, mut pieces) = (Vec::new(), Vec::new());
        for byte in 0..200 {
            let frame = vec![byte; 6 + random.below(300_000)];
            whole.send(frame.clone());
            taken.send(frame);
            for _ in 0..random.below(4) {
                let part = random.below(taken.transmit().len() + 1);
                pieces.extend_from_slice(&taken.transmit()[..part]);
                taken.consume(part);
                pieces.extend(taken.take_output().into_iter().flatten());
            }
        }
        pieces.extend(std::iter::from_fn(|| taken.take_output()).flatten());
        while !whole.transmit().is_empty() {
            expected.extend_from_slice(whole.transmit());
            whole.consume(usize::MAX);
        }
        assert!(
            pieces == expected,
            "{} bytes, {} expected",
            pieces.len(),
            expected.len()
        );
        assert_eq!((taken.backlog(), taken.transmitted), (0, whole.transmitted));
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
    assert_eq!(pieces[0], link.transmit());
}
