//! Both ends of a session in one process: virtual time, a wire that delays, cuts and loses.

mod alongside;
mod garbage;
mod goodbyes;
mod interruptions;
mod leaving;
mod long_calls;
mod other_clients;
mod other_servers;
mod pair;
mod random;
mod scripted;
mod server_end;
mod stories;
mod timed_out;
mod trial;
mod worn;

use std::time::Instant;

use crate::secure::{Entropy, Secret};
use crate::session::link::Link;
use crate::wire::bulk::LongBlock;
use crate::wire::codec::{MAX_VALUE, encode};
use crate::wire::ctrl::{CallHeader, CtrlMsg};
use crate::wire::frame::{self, OutgoingFrame};
use crate::wire::preamble::{Preamble, Role, Suite};

/// One end of a connection, in the clear or under a secret.
pub(super) fn link(role: Role, is_secret: bool, max_frame: usize) -> Link {
    if !is_secret {
        return Link::plain(role, max_frame);
    }
    // The same each time: nothing here is worth protecting.
    let entropy = Entropy::new([1 + role as u8; Entropy::LEN]);
    Link::secret(role, &Secret::new("waktu").unwrap(), "", entropy, max_frame)
}

pub(super) fn preamble(role: Role) -> Vec<u8> {
    Preamble::new(Suite::Plain, role).encode().to_vec()
}

/// A call without its numbers. The method says which call it is, the arguments how long its answer is to be.
pub(super) fn call_frame(tag: u64, size: usize) -> Vec<u8> {
    let header = CallHeader {
        number: 0,
        acknowledged: 0,
        timeout_ms: 0,
        fingerprint: 0,
        method: format!("m{tag}"),
    };
    let mut out = frame::begin(CtrlMsg::Call);
    encode(&header, &mut out, MAX_VALUE).unwrap();
    out.extend_from_slice(&(size as u64).to_le_bytes());
    frame::finish(&mut out, 0);
    out
}

/// The payload that call `tag` is answered with.
fn answer(tag: u64, size: usize) -> Vec<u8> {
    let mut payload = tag.to_le_bytes().to_vec();
    payload.resize(8 + size, tag.to_le_bytes()[0]);
    payload
}

/// In two pieces, as the answer with a long array is.
pub(super) fn reply_frame(number: u64, payload: &[u8]) -> OutgoingFrame {
    let (first, rest) = payload.split_at(payload.len() / 2);
    let mut head = frame::begin(CtrlMsg::Ok);
    head.extend_from_slice(&number.to_le_bytes());
    head.extend_from_slice(first);
    let block = LongBlock {
        at: head.len(),
        bytes: rest.to_vec().into(),
    };
    OutgoingFrame::finished(head, vec![block])
}

/// Virtual time has to begin somewhere.
#[allow(clippy::disallowed_methods)]
pub(crate) fn epoch() -> Instant {
    Instant::now()
}

/// Splitmix64: what follows from a seed is the same everywhere, for ever.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub(crate) fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }
}
