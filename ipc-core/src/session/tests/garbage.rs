//! Bytes from hell: no input panics, and how it is cut makes no difference.

use super::{Random, answer, call_frame, preamble, reply_frame};
use crate::session::arrival::{Arrival, bye};
use crate::session::client::{ClientConfig, ClientSession, Event};
use crate::session::link::Link;
use crate::session::server::{ServerSession, SessionLimits};
use crate::wire::ctrl::{
    ByeReason, CtrlMsg, Features, Hello, Info, QueueStatus, SessionKey, Welcome,
};
use crate::wire::message::{frame_of, set_call_numbers};
use crate::wire::preamble::{Preamble, Role};

const KEY: SessionKey = SessionKey {
    incarnation: 1,
    session: 2,
};

fn hello() -> Hello {
    Hello {
        connection: 1,
        name: "c".into(),
        max_frame: 1 << 20,
        features: Features::of_client(),
        ..Hello::default()
    }
}

fn welcome() -> Vec<u8> {
    let welcome = Welcome {
        key: KEY,
        resumed: false,
        last_call: 0,
        lease_epoch: 1,
        max_frame: 1 << 20,
        epochs: vec![("pump".into(), 3)],
        features: Features::of_server(),
    };
    frame_of(CtrlMsg::Welcome, &welcome)
}

/// What a server may send, three answers to calls that were made among it.
fn from_server() -> Vec<u8> {
    let mut stream = preamble(Role::Server);
    stream.extend(welcome());
    for number in 1..=3 {
        let info = Info::Progress {
            call: number,
            fraction: 0.5,
            message: "half".into(),
        };
        stream.extend(frame_of(CtrlMsg::Info, &info));
        stream.extend(frame_of(CtrlMsg::Ping, &number));
        stream.extend(reply_frame(number, &answer(number, 50)).to_vec());
    }
    stream
}

/// What a client may send after its hello.
fn from_client() -> Vec<u8> {
    let mut stream = Vec::new();
    for number in [1, 2, 5, 5, 1] {
        let mut call = call_frame(number, 10);
        set_call_numbers(&mut call, number, number.saturating_sub(1), 0);
        stream.extend(call);
        stream.extend(frame_of(CtrlMsg::Ping, &number));
    }
    stream.extend(frame_of(CtrlMsg::Cancel, &2_u64));
    stream.extend(frame_of(CtrlMsg::Ack, &1_u64));
    stream
}

fn client() -> ClientSession {
    let mut client = ClientSession::new(ClientConfig::default());
    let now = super::epoch();
    for tag in 1..=4 {
        client.call(call_frame(tag, 50), false, None, now);
    }
    client.connect(Link::plain(Role::Client, 1 << 20), now);
    client
}

fn server() -> ServerSession {
    let mut arrival = Arrival::new(Link::plain(Role::Server, 1 << 20));
    let mut greeting = preamble(Role::Client);
    greeting.extend(frame_of(CtrlMsg::Hello, &hello()));
    arrival.handle_input(&greeting).unwrap();
    let mut session = ServerSession::new(KEY, SessionLimits::default());
    session.attach(arrival.into_link(), &hello(), 1);
    session
}

fn pieces<'a>(stream: &'a [u8], random: &mut Random, most: usize) -> Vec<&'a [u8]> {
    let mut rest = stream;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at((1 + random.below(most)).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

fn client_transcript(pieces: &[&[u8]]) -> (Vec<Event>, Vec<u8>) {
    let mut client = client();
    let now = super::epoch();
    let mut events = Vec::new();
    for piece in pieces {
        client.handle_input(piece, now);
        events.extend(std::iter::from_fn(|| client.poll_event()));
    }
    let mut out = Vec::new();
    while let bytes @ [_, ..] = client.transmit() {
        out.extend_from_slice(bytes);
        let count = bytes.len();
        client.consume(count);
    }
    (events, out)
}

fn server_transcript(pieces: &[&[u8]]) -> (Vec<u64>, Vec<u8>) {
    let mut server = server();
    let now = super::epoch();
    let mut calls = Vec::new();
    for piece in pieces {
        server.handle_input(piece, now);
    }
    while let Some((call, _)) = server.next_call(now) {
        let number = call.number;
        calls.push(number);
        server.reply(number, reply_frame(number, &answer(number, 3)));
    }
    let mut out = Vec::new();
    while let bytes @ [_, ..] = server.transmit() {
        out.extend_from_slice(bytes);
        let count = bytes.len();
        server.consume(count);
    }
    (calls, out)
}

#[test]
fn how_the_input_is_cut_makes_no_difference() {
    let (to_client, to_server) = (from_server(), from_client());
    let whole = client_transcript(&[&to_client]);
    assert_eq!(whole.0.len(), 7, "one welcome, three steps, three ends");
    let served = server_transcript(&[&to_server]);
    assert_eq!(served.0, [1, 5], "2 was cancelled");
    for seed in 0..500 {
        let mut random = Random(seed);
        let most = [1, 3, 20, 200][random.below(4)];
        assert_eq!(
            client_transcript(&pieces(&to_client, &mut random, most)),
            whole
        );
        assert_eq!(
            server_transcript(&pieces(&to_server, &mut random, most)),
            served
        );
    }
}

/// Optional messages and kinds of Info that a later release may have.
#[test]
fn what_a_later_release_adds_disturbs_nobody() {
    let optional = [7, 0, 0, 0, 0x34, 0x92, 1, 2, 3, 4, 5];
    let kind = frame_of(CtrlMsg::Info, &(Info::KINDS, "what may this be"));
    let preamble_ends = Preamble::LEN;

    let plain = from_server();
    let with_more = between_frames(&plain, preamble_ends, &[&optional[..], &kind].concat());
    assert_eq!(
        client_transcript(&[&with_more]),
        client_transcript(&[&plain])
    );

    let plain = from_client();
    let with_more = between_frames(&plain, 0, &optional);
    assert_eq!(
        server_transcript(&[&with_more]),
        server_transcript(&[&plain])
    );
    // What means nothing to anybody, and is not optional, is a mistake.
    let undefined = [2, 0, 0, 0, 0x34, 0x12];
    let broken = between_frames(&plain, 0, &undefined);
    assert_eq!(server_transcript(&[&broken]).0, [0_u64; 0]);
}

/// The frames of `stream`, with `more` before each and at the end; they begin at `start`.
fn between_frames(stream: &[u8], start: usize, more: &[u8]) -> Vec<u8> {
    let (greeting, mut rest) = stream.split_at(start);
    let mut out = greeting.to_vec();
    while let Some(length) = rest.first_chunk() {
        let (frame, after) = rest.split_at(4 + u32::from_le_bytes(*length) as usize);
        out.extend([more, frame].concat());
        rest = after;
    }
    out.extend_from_slice(more);
    out
}

/// Flips, drops, repeats and inserts bytes.
fn damage(stream: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.below(stream.len());
        match random.below(5) {
            0 => stream[at] ^= 1 << random.below(8),
            1 => stream[at] = random.next() as u8,
            2 => drop(stream.drain(at..(at + random.below(9)).min(stream.len()))),
            3 => stream.insert(at, random.next() as u8),
            _ => stream.extend_from_within(at..),
        }
        if stream.is_empty() {
            stream.push(0);
        }
    }
}

#[test]
fn no_input_panics_and_each_call_ends_at_most_once() {
    let (mut lost, mut ends) = (0, 0);
    for seed in 0..20_000 {
        let mut random = Random(seed);
        let mut to_client = from_server();
        damage(&mut to_client, &mut random);
        let (events, _) = client_transcript(&pieces(&to_client, &mut random, 100));
        let mut ended: Vec<u64> = Vec::new();
        for event in events {
            match event {
                Event::Ended { call, .. } => ended.push(call),
                Event::Lost(_) => lost += 1,
                _ => {}
            }
        }
        ends += ended.len();
        let count = ended.len();
        ended.sort_unstable();
        ended.dedup();
        assert_eq!(ended.len(), count, "seed {seed}");
        let mut to_server = from_client();
        damage(&mut to_server, &mut random);
        let (calls, _) = server_transcript(&pieces(&to_server, &mut random, 100));
        assert!(calls.is_sorted_by(|a, b| a < b), "seed {seed}: {calls:?}");
        let mut arrival = Arrival::new(Link::plain(Role::Server, 1 << 20));
        let mut greeting = preamble(Role::Client);
        greeting.extend(frame_of(CtrlMsg::Hello, &hello()));
        damage(&mut greeting, &mut random);
        for piece in pieces(&greeting, &mut random, 30) {
            let _ = arrival.handle_input(piece);
        }
    }
    assert!(lost > 1000 && ends > 1000, "{lost} losses, {ends} ends");
}

/// A server that pinged and did not read had as much of the client's memory as it liked.
#[test]
fn pings_are_not_answered_without_end() {
    let greeting = preamble(Role::Server);
    let ping = frame_of(CtrlMsg::Ping, &1_u64);
    for said in [greeting.clone(), [greeting, welcome()].concat()] {
        let now = super::epoch();
        let mut client = ClientSession::new(ClientConfig::default());
        client.connect(Link::plain(Role::Client, 1 << 20), now);
        client.handle_input(&said, now);
        let many = ping.repeat(1000);
        for _ in 0..100 {
            client.handle_input(&many, now);
        }
        let mut answered = 0;
        while let count @ 1.. = client.transmit().len() {
            answered += count;
            client.consume(count);
        }
        assert!((60_000..70_000).contains(&answered), "{answered}");
        client.handle_input(&ping, now);
        assert!(!client.transmit().is_empty(), "it goes on");
    }
}

/// What a server said went to the terminal as it was.
#[test]
fn what_a_server_says_is_made_fit_to_show() {
    let evil = "\u{1b}[2Jforged\r\nline";
    let queued = Info::Queued(QueueStatus {
        place: 1,
        waiting: 1,
        holder: evil.into(),
        holder_address: evil.into(),
        held_ms: 0,
        idle_ms: 0,
        running: evil.into(),
        running_ms: 0,
    });
    let mut said = preamble(Role::Server);
    said.extend(frame_of(CtrlMsg::Info, &queued));
    said.extend(bye(ByeReason::Full, evil));
    let now = super::epoch();
    let mut client = ClientSession::new(ClientConfig::default());
    client.connect(Link::plain(Role::Client, 1 << 20), now);
    client.handle_input(&said, now);
    let Some(Event::Queued(status)) = client.poll_event() else {
        panic!("no place in the queue");
    };
    let Some(Event::Lost(error)) = client.poll_event() else {
        panic!("no goodbye");
    };
    for text in [status.to_string(), error.to_string()] {
        assert!(text.contains("[2Jforged"), "{text}");
        assert!(!text.contains(char::is_control), "{text:?}");
    }
}
