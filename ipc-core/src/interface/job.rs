//! Calls as values: what is to run, and what came of it. Frames, sockets and other ways of travelling are not part of them.

use bytes::Bytes;

use crate::wire::ctrl::Form;

/// A call on its way to a driver.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "made by whatever takes calls")]
pub struct Job<'a> {
    /// The method's name on the wire, such as `pump_read_voltage`.
    pub method: &'a str,
    /// How the arguments are written, and how the result is to be.
    pub form: Form,
    /// The fingerprint of the method's signature; of no account unless the form is [`Form::Typed`].
    pub fingerprint: u64,
    /// The arguments.
    pub arguments: &'a [u8],
    /// What is to stand before the result. The result is written behind it, so that it need not be copied there.
    pub reply: Vec<u8>,
    /// Maximum length of the reply in bytes, with what stands before the result.
    pub limit: usize,
}

/// The result of a call, behind what was to stand before it.
#[derive(Debug, Default)]
#[allow(
    clippy::exhaustive_structs,
    reason = "taken apart by whatever takes calls"
)]
pub struct Reply {
    /// The beginning.
    pub head: Vec<u8>,
    /// What follows without having been copied there.
    pub tail: Bytes,
}

impl Reply {
    /// All of it in one piece.
    pub fn into_bytes(mut self) -> Bytes {
        if self.head.is_empty() {
            return self.tail;
        }
        self.head.extend_from_slice(&self.tail);
        self.head.into()
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
    /// The arguments.
    pub(super) fn arguments(&self) -> &[u8] {
        self.frame.get(self.arguments_at..).unwrap_or_default()
    }

    /// What is to run.
    pub(super) fn job(&self, limit: usize) -> Job<'_> {
        Job {
            method: &self.method,
            form: self.form,
            fingerprint: self.fingerprint,
            arguments: self.arguments(),
            reply: Vec::new(),
            limit,
        }
    }
}
