//! Calls as values: what to run, and the result. How a call travels is no part of them: no frames, no sockets.

use bytes::Bytes;

use crate::wire::block::ReadBlocks;
use crate::wire::bulk::{self, LongBlock};
use crate::wire::ctrl::Form;

/// A call that is to be run.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "made by whatever takes calls")]
pub struct Job<'a> {
    /// The method's name on the wire, such as `pump_read_voltage`.
    pub method: &'a str,
    /// How the arguments are encoded, and how to encode the result.
    pub form: Form,
    /// The fingerprint of the method's signature, as the caller knows it. Compared only if the form is [`Form::Typed`].
    pub fingerprint: u64,
    /// The encoded arguments.
    pub arguments: &'a [u8],
    /// Long lists of the arguments that are not among these bytes, in memory of their own.
    pub blocks: ReadBlocks,
    /// What precedes the result in the reply, such as the head of a frame. The result is appended, and need not be
    /// copied later.
    pub reply: Vec<u8>,
    /// Maximum length of the reply in bytes, including what precedes the result.
    pub limit: usize,
}

/// The result of a call, preceded by [`Job::reply`].
#[derive(Debug, Default)]
#[allow(
    clippy::exhaustive_structs,
    reason = "taken apart by whatever takes calls"
)]
pub struct Reply {
    /// The reply without its long lists.
    pub head: Vec<u8>,
    /// Long lists that stand between the bytes of `head`, in the driver's own memory.
    pub blocks: Vec<LongBlock>,
}

impl Reply {
    /// Returns the whole reply in one piece.
    pub fn into_bytes(self) -> Bytes {
        match self.blocks.is_empty() {
            true => self.head.into(),
            false => bulk::joined(&self.head, &self.blocks).into(),
        }
    }
}

/// A call that was made in this process, with all its arguments.
#[derive(Debug)]
pub struct LocalCall {
    pub(super) method: String,
    pub(super) form: Form,
    pub(super) fingerprint: u64,
    /// The frame that the call would travel in.
    pub(super) frame: Vec<u8>,
    /// Where the arguments begin in the frame.
    pub(super) arguments_at: usize,
}

impl LocalCall {
    /// Returns the encoded arguments.
    pub(super) fn arguments(&self) -> &[u8] {
        self.frame.get(self.arguments_at..).unwrap_or_default()
    }

    /// Returns the call as a job, which borrows from it.
    pub(super) fn job(&self, limit: usize) -> Job<'_> {
        Job {
            method: &self.method,
            form: self.form,
            fingerprint: self.fingerprint,
            arguments: self.arguments(),
            blocks: ReadBlocks::default(),
            reply: Vec::new(),
            limit,
        }
    }
}
