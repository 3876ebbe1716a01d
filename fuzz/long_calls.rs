//! Long calls with any head and any counts of elements.

use std::time::Instant;

use ipc_core::interface::context::CallContext;
use ipc_core::session::link::Link;
use ipc_core::session::server::{End, ServerSession, SessionLimits};
use ipc_core::wire::codec::{MAX_VALUE, encode};
use ipc_core::wire::ctrl::{CallHeader, Hello, SessionKey};
use ipc_core::wire::preamble::{Preamble, Role, Suite};
use ipc_core::{Registry, native, remote};

#[remote]
#[derive(Debug)]
struct Trace {
    label: String,
    levels: Option<Vec<u16>>,
    flags: Vec<bool>,
}

/// Counts what it gets.
#[remote]
fn weigh(samples: Vec<f64>, traces: Vec<Trace>, note: String) -> usize {
    let sizes = traces.iter().map(|trace| {
        let levels = trace.levels.as_ref().map_or(0, Vec::len);
        trace.label.len() + levels + trace.flags.len()
    });
    samples.len() + sizes.sum::<usize>() + note.len()
}

/// Sends a call whose payload is `input` with two long runs of zeros in it. Whether its lists are read into memory of their
/// own, and how it is cut, makes no difference: not for the answer, and not if it comes again.
pub(crate) fn calls(input: &[u8]) {
    let frame = frame(input);
    let whole = answer(&[(&frame, usize::MAX)]);
    for step in [1 << 12, 50_021, 1 << 17] {
        assert_eq!(answer(&[(&frame, step)]), whole);
    }
    if whole.1.is_none() {
        let again = answer(&[(&frame, usize::MAX), (&frame, 50_021)]);
        assert_eq!(again, ([&whole.0[..], &whole.0].concat(), None));
    }
}

/// Each third of `input` but the last is followed by zeros.
fn frame(input: &[u8]) -> Vec<u8> {
    let (first, rest) = input.split_at(input.len() / 3);
    let (second, third) = rest.split_at(input.len() / 3);
    let zeros = vec![0; ZEROS];
    let payload = [first, &zeros, second, &zeros, third].concat();
    let len = u32::try_from(payload.len() + 2).expect("a short frame");
    [&len.to_le_bytes()[..], &[10, 0], &payload].concat()
}

/// What a server says to these frames, each of them cut into pieces, and how the connection ends.
fn answer(frames: &[(&[u8], usize)]) -> (Vec<u8>, Option<End>) {
    let mut registry = Registry::new();
    registry.add_function(weigh::function()).expect("a name");
    let key = SessionKey {
        incarnation: 1,
        session: 2,
    };
    let now = Instant::now();
    let mut session = ServerSession::new(key, SessionLimits::default());
    let hello = Hello {
        max_frame: 1 << 20,
        ..Hello::default()
    };
    session.attach(Link::plain(Role::Server, 1 << 20), &hello, 0);
    session.handle_input(&Preamble::new(Suite::Plain, Role::Client).encode(), now);
    written(&mut session);
    let mut said = Vec::new();
    for (frame, step) in frames {
        let mut rest = *frame;
        while !rest.is_empty() {
            let mut count = rest.len().min(*step);
            match session.take_partial() {
                Some(mut partial) => {
                    let room = partial.room();
                    count = count.min(room.len());
                    room[..count].copy_from_slice(&rest[..count]);
                    partial.advance(count);
                    session.handle_partial(partial, now);
                }
                None => session.handle_input(&rest[..count], now),
            }
            session.explain_partial(|method, fingerprint| {
                registry.offers().probe_of(method, fingerprint)
            });
            rest = &rest[count..];
        }
        while let Some((call, _)) = session.next_call(now) {
            let context = CallContext::local();
            let reply = native::run(registry.offers(), &call, &context, 1 << 20);
            session.reply(call.number, reply);
        }
        said.extend(written(&mut session));
    }
    (said, session.end().cloned())
}

fn written(session: &mut ServerSession) -> Vec<u8> {
    let mut written = Vec::new();
    while !session.transmit().is_empty() {
        let bytes = session.transmit().to_vec();
        session.consume(bytes.len());
        written.extend(bytes);
    }
    written
}

/// Honest calls for the corpus.
#[allow(dead_code)]
pub(crate) fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let trace = |label, levels: Option<usize>, flags| Trace {
        label: "\0".repeat(label),
        levels: levels.map(|count| vec![0; count]),
        flags: vec![false; flags],
    };
    let long = ZEROS + 100;
    let calls = [
        ("levels", vec![trace(10, Some(long / 2), 40)]),
        ("flags", vec![trace(10, None, long)]),
        ("label", vec![trace(long, None, 3)]),
        ("note", vec![]),
    ];
    let input = |(name, traces)| ("calls", name, input(traces));
    calls.map(input).into()
}

/// The input that stands for a call with two long lists, the samples and one behind them.
fn input(traces: Vec<Trace>) -> Vec<u8> {
    const THIRD: usize = 128;
    let header = CallHeader {
        number: 1,
        fingerprint: weigh::function().method().fingerprint(),
        method: "weigh".into(),
        ..CallHeader::default()
    };
    let samples = vec![0.0; ZEROS / 8 + 13];
    let mut payload = Vec::new();
    let encoded = encode(&(header, samples, traces), &mut payload, MAX_VALUE);
    encoded.expect("a value");
    let note = 2 * ZEROS + 3 * THIRD - payload.len() - size_of::<u64>();
    encode(&"\0".repeat(note), &mut payload, MAX_VALUE).expect("a value");
    for at in [2 * THIRD + ZEROS, THIRD] {
        let mut removed = payload.drain(at..at + ZEROS);
        assert!(removed.all(|byte| byte == 0), "only zeros");
    }
    let (said, _) = answer(&[(&frame(&payload), 4096)]);
    assert_eq!(said.get(4..6), Some(&[200, 0][..]), "it is answered");
    payload
}

/// Number of zeros in each run: more than is read in one piece.
const ZEROS: usize = 140_000;
