//! Frames to messages and back, for those that carry more than one value.

use std::fmt;

use bytes::{Buf, Bytes};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::block::{Payload, ReadBlocks};
use super::codec::{self, CodecError, Reader};
#[cfg(doc)]
use super::ctrl::CallHeader;
use super::ctrl::{CtrlMsg, Form, Info};
use super::failure::{Failure, Fault, FaultKind, Refusal};
use super::frame::{self, Frame, OutgoingFrame};
#[cfg(test)]
use super::frame::{FrameError, FrameReader};
use super::redact::ByteCount;

/// Where the number of a call stands in its frame, right behind the frame's header; then `acknowledged` and
/// `timeout_ms`.
const NUMBERS: usize = frame::HEADER;
/// Where the fingerprint stands in the payload of a call, behind three other numbers.
const FINGERPRINT: usize = 3 * 8;
/// Where the method stands in the payload of a call, behind the fingerprint and its own length.
const METHOD: usize = FINGERPRINT + 2 * 8;
/// Room for most messages of the two ends themselves, in bytes.
const USUAL: usize = 256;
/// Where the value of a result begins in its frame, behind the number of the call.
pub(crate) const RESULT: usize = frame::HEADER + 8;

/// A call as it came.
#[derive(Clone, PartialEq, Eq)]
pub struct IncomingCall {
    /// The number of the call.
    pub number: u64,
    /// The lowest call number whose answer has not arrived.
    pub acknowledged: u64,
    /// How long the caller waits, in milliseconds; 0 for no limit.
    pub timeout_ms: u64,
    /// The fingerprint of the method that the client was built for; 0 in calls by name.
    pub fingerprint: u64,
    /// How the arguments are written.
    pub form: Form,
    /// A [`CallHeader`] and the arguments.
    payload: Bytes,
    /// Where the arguments begin in the payload.
    arguments_at: usize,
    /// Long lists in the arguments that are not among the bytes of the payload.
    blocks: ReadBlocks,
}

impl IncomingCall {
    /// Reads the payload of a call.
    pub fn read(form: Form, payload: Bytes) -> Result<Self, CodecError> {
        Self::read_around(form, payload, ReadBlocks::default())
    }

    /// Reads the payload of a call, of which the lists in `blocks` are apart.
    #[inline]
    fn read_around(form: Form, payload: Bytes, blocks: ReadBlocks) -> Result<Self, CodecError> {
        let mut reader = Reader::new(&payload);
        let (number, acknowledged) = (reader.number()?, reader.number()?);
        let (timeout_ms, fingerprint) = (reader.number()?, reader.number()?);
        reader.text()?;
        let arguments_at = payload.len() - reader.rest().len();
        if form == Form::Describe {
            reader.finish()?;
        }
        Ok(Self {
            number,
            acknowledged,
            timeout_ms,
            fingerprint,
            form,
            payload,
            arguments_at,
            blocks,
        })
    }

    /// The method on the wire.
    #[inline]
    pub fn method(&self) -> &str {
        let text = self.payload.get(METHOD..self.arguments_at);
        // It was checked when the call was read.
        std::str::from_utf8(text.unwrap_or_default()).unwrap_or_default()
    }

    /// The arguments, without the long lists that are [apart](Self::take_blocks).
    #[inline]
    pub fn arguments(&self) -> &[u8] {
        self.payload.get(self.arguments_at..).unwrap_or_default()
    }

    /// Takes the long lists in the arguments that are apart from their bytes.
    #[inline]
    pub(crate) fn take_blocks(&mut self) -> ReadBlocks {
        std::mem::take(&mut self.blocks)
    }

    /// All that tells it from another call: the fingerprint, the method and the arguments, as they are in the frame; and the
    /// lists that are apart from these bytes.
    #[inline]
    pub(crate) fn identity(&self) -> (&[u8], &ReadBlocks) {
        let identity = self.payload.get(FINGERPRINT..);
        (identity.unwrap_or_default(), &self.blocks)
    }

    /// The number of bytes of the method and the arguments.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.payload.len() - METHOD + self.blocks.size()
    }
}

impl fmt::Debug for IncomingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingCall")
            .field("number", &self.number)
            .field("method", &self.method())
            .field("form", &self.form)
            .field(
                "arguments",
                &ByteCount(self.arguments().len() + self.blocks.size()),
            )
            .finish()
    }
}

/// How a call ended at the server.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The method ran and returned these bytes.
    Ok(Payload),
    /// The driver was not entered.
    Refused(Box<Refusal>),
    /// The driver ran and failed.
    Fault(Box<Fault>),
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok(payload) => f.debug_tuple("Ok").field(payload).finish(),
            Self::Refused(refusal) => f.debug_tuple("Refused").field(refusal).finish(),
            Self::Fault(fault) => f.debug_tuple("Fault").field(fault).finish(),
        }
    }
}

/// A frame with one value in it. Own messages are far below any limit, and cannot fail to encode.
pub(crate) fn frame_of<T: Serialize>(ctrl: CtrlMsg, value: &T) -> Vec<u8> {
    let mut frame = Vec::with_capacity(USUAL);
    frame::begin_in(&mut frame, ctrl);
    let written = codec::encode(value, &mut frame, codec::MAX_VALUE);
    debug_assert!(written.is_ok(), "{ctrl:?} cannot be encoded: {written:?}");
    frame::finish(&mut frame, 0);
    frame
}

/// The one value in a frame.
pub(crate) fn value_of<T: DeserializeOwned>(frame: &Frame) -> Result<T, CodecError> {
    codec::decode(&frame.payload)
}

/// The value at the beginning of a frame; what a later release adds behind it is skipped.
pub(crate) fn beginning_of<T: DeserializeOwned>(frame: &Frame) -> Result<T, CodecError> {
    Reader::new(&frame.payload).read()
}

/// What the server tells; `None` if it is of a kind that this version does not define.
pub(crate) fn info_of(frame: &Frame) -> Result<Option<Info>, CodecError> {
    match beginning_of::<u32>(frame)? {
        Info::KINDS.. => Ok(None),
        _ => beginning_of(frame).map(Some),
    }
}

/// Fills in the numbers of a call whose frame is otherwise complete.
pub(crate) fn set_call_numbers(frame: &mut [u8], number: u64, acknowledged: u64, timeout_ms: u64) {
    set_numbers(frame, &[number, acknowledged, timeout_ms]);
}

/// The same call under another number.
pub(crate) fn renumbered(frame: &OutgoingFrame, number: u64, acknowledged: u64) -> OutgoingFrame {
    frame.with_head(|head| renumber(head, number, acknowledged))
}

/// Gives the call in `frame` another number.
pub(crate) fn renumber(frame: &mut [u8], number: u64, acknowledged: u64) {
    set_numbers(frame, &[number, acknowledged]);
}

fn set_numbers(frame: &mut [u8], numbers: &[u64]) {
    let places = frame
        .get_mut(NUMBERS..)
        .unwrap_or_default()
        .chunks_exact_mut(8);
    for (place, value) in places.zip(numbers) {
        place.copy_from_slice(&value.to_le_bytes());
    }
}

/// The call in a frame; `None` for frames that are no calls.
#[inline]
pub(crate) fn call_of(frame: Frame) -> Option<Result<IncomingCall, CodecError>> {
    let form = match frame.ctrl {
        CtrlMsg::Call => Form::Typed,
        CtrlMsg::CallByName => Form::ByName,
        CtrlMsg::Describe => Form::Describe,
        CtrlMsg::Command => Form::Command,
        _ => return None,
    };
    Some(IncomingCall::read_around(form, frame.payload, frame.blocks))
}

/// The answer in a frame and the number of its call.
#[inline]
pub(crate) fn reply_of(frame: Frame) -> Result<(u64, Outcome), CodecError> {
    let Frame {
        ctrl,
        mut payload,
        blocks,
    } = frame;
    let number = payload.try_get_u64_le();
    let number = number.map_err(|_| CodecError::UnexpectedEnd)?;
    let payload = Payload {
        bytes: payload,
        blocks,
    };
    Ok((number, outcome_of(ctrl, payload)))
}

/// The answer with these bytes behind the number of its call.
///
/// What cannot be read still says whether the driver ran. To drop the connection over it would only bring the same answer
/// again.
#[inline]
pub(crate) fn outcome_of(ctrl: CtrlMsg, payload: Payload) -> Outcome {
    match ctrl {
        CtrlMsg::Ok => Outcome::Ok(payload),
        CtrlMsg::Error => Outcome::Refused(Refusal::read(&payload.bytes).into()),
        _ => Outcome::Fault(read_fault(&payload.bytes)),
    }
}

/// The number of the call to which a frame brings the result, as far as that can be seen from the bytes behind its length.
pub(crate) fn number_of_result(beginning: &[u8]) -> Option<u64> {
    let (ctrl, rest) = beginning.split_first_chunk()?;
    let is_result = CtrlMsg::from_number(u16::from_le_bytes(*ctrl)) == Some(CtrlMsg::Ok);
    let number = rest.first_chunk().filter(|_| is_result);
    number.map(|number| u64::from_le_bytes(*number))
}

/// The head of a call of which a part has come.
pub(crate) struct BegunCall<'a> {
    pub(crate) method: &'a str,
    pub(crate) fingerprint: u64,
    /// Where the arguments begin in the frame.
    pub(crate) arguments_at: usize,
}

/// The typed call in a frame, as far as that can be seen from the bytes behind its length.
pub(crate) fn begun_call(beginning: &[u8]) -> Option<BegunCall<'_>> {
    let (ctrl, payload) = beginning.split_first_chunk()?;
    if CtrlMsg::from_number(u16::from_le_bytes(*ctrl)) != Some(CtrlMsg::Call) {
        return None;
    }
    let mut reader = Reader::new(payload.get(FINGERPRINT..)?);
    let fingerprint = reader.number().ok()?;
    let method = reader.text().ok()?;
    Some(BegunCall {
        method,
        fingerprint,
        arguments_at: frame::HEADER + METHOD + method.len(),
    })
}

/// Reads a fault. If it cannot be read, only its kind says whether the driver ran.
fn read_fault(payload: &[u8]) -> Box<Fault> {
    let mut reader = Reader::new(payload);
    let kind = reader.clone().read().unwrap_or(FaultKind::Unknown);
    let read = reader.read().unwrap_or_else(|error| {
        let message = format!("the call ended, but how it ended cannot be read here: {error}");
        Fault::own(kind, message)
    });
    Box::new(read)
}

/// The one frame in `bytes`.
#[cfg(test)]
pub(crate) fn single_frame(bytes: &[u8]) -> Result<Frame, FrameError> {
    let mut reader = FrameReader::new(bytes.len());
    reader.push(bytes);
    reader.next_frame()?.ok_or(FrameError::Truncated)
}

/// Starts the frame that answers call `number`, in `memory`.
#[inline]
pub(crate) fn begin_reply(mut memory: Vec<u8>, ctrl: CtrlMsg, number: u64) -> Vec<u8> {
    frame::begin_in(&mut memory, ctrl);
    memory.extend_from_slice(&number.to_le_bytes());
    memory
}

/// The frame that tells of a failure. Texts that do not fit are dropped rather than the answer.
pub(crate) fn failure_frame(number: u64, failure: &Failure, limit: usize) -> Vec<u8> {
    let begin = |ctrl| begin_reply(Vec::new(), ctrl, number);
    let (_, mut frame) = failure.encoded(begin, limit);
    frame::finish(&mut frame, 0);
    frame
}
