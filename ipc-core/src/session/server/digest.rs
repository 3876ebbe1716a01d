//! What tells two calls under one number apart.

use std::hash::Hasher;

use rustc_hash::FxHasher;

use crate::wire::block;
use crate::wire::message::IncomingCall;

/// Tells two calls under one number apart. Not for security, so the hash may be a fast one: within a session there is one
/// client. Which lists are apart from the bytes of the call makes no difference.
pub(super) fn of_call(call: &IncomingCall) -> u64 {
    let (identity, blocks) = call.identity();
    let mut hasher = FxHasher::default();
    // The length is in front, so that no two calls write the same.
    let len = identity.len() + blocks.size();
    hasher.write_u64(len as u64);
    hasher.write_u8(call.form as u8);
    if !blocks.is_empty() {
        let [first, last] = edges(&block::pieces(identity, blocks));
        hasher.write(&first);
        hasher.write(&last);
        return hasher.finish();
    }
    let first = identity.first_chunk::<EDGE>();
    match first.zip(identity.last_chunk::<EDGE>()) {
        Some((first, last)) => {
            hasher.write(first);
            hasher.write(last);
        }
        None => hasher.write(identity),
    }
    hasher.finish()
}

/// The bytes at both ends of a long call, which has come in `pieces`.
#[cold]
fn edges(pieces: &[&[u8]]) -> [Vec<u8>; 2] {
    let first = pieces.iter().copied().flatten().take(EDGE).copied();
    let last = pieces.iter().copied().flatten().rev().take(EDGE).copied();
    let mut last: Vec<u8> = last.collect();
    last.reverse();
    [first.collect(), last]
}

/// Number of bytes at each end of a call that are part of the digest. All of a long array would take longer than its
/// transfer.
const EDGE: usize = 512;
