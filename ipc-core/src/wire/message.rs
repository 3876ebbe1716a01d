//! Frames to messages and back, for those that carry more than one value.

use bytes::{Buf, Bytes};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codec::{self, CodecError, Reader};
use super::ctrl::{CallHeader, CtrlMsg};
use super::frame::{self, Frame, FrameError, FrameReader};
use crate::error::{Fault, FaultKind, Refusal};
use crate::interface::registry::{Form, IncomingCall};

/// Where the number of a call stands in its frame, right behind the frame's header; then `acknowledged` and
/// `timeout_ms`.
const NUMBERS: usize = frame::HEADER;

/// How a call ended at the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The method ran and returned these bytes.
    Ok(Bytes),
    /// The driver was not entered.
    Refused(Refusal),
    /// The driver ran and failed.
    Fault(Box<Fault>),
}

/// A frame with one value in it. Own messages are far below any limit, and cannot fail to encode.
pub(crate) fn frame_of<T: Serialize>(ctrl: CtrlMsg, value: &T) -> Vec<u8> {
    let mut frame = frame::begin(ctrl);
    let written = codec::encode(value, &mut frame, codec::MAX_VALUE);
    debug_assert!(written.is_ok(), "{ctrl:?} cannot be encoded: {written:?}");
    frame::finish(&mut frame);
    frame
}

/// The one value in a frame.
pub(crate) fn value_of<T: DeserializeOwned>(frame: &Frame) -> Result<T, CodecError> {
    codec::decode(&frame.payload)
}

/// Fills in the numbers of a call whose frame is otherwise complete.
pub(crate) fn set_call_numbers(frame: &mut [u8], number: u64, acknowledged: u64, timeout_ms: u64) {
    let places = frame
        .get_mut(NUMBERS..)
        .unwrap_or_default()
        .chunks_exact_mut(8);
    for (place, value) in places.zip([number, acknowledged, timeout_ms]) {
        place.copy_from_slice(&value.to_le_bytes());
    }
}

/// The call in a frame; `None` for frames that are no calls.
pub(crate) fn call_of(frame: Frame) -> Option<Result<IncomingCall, CodecError>> {
    let form = match frame.ctrl {
        CtrlMsg::Call => Form::Typed,
        CtrlMsg::CallByName => Form::ByName,
        CtrlMsg::Describe => Form::Describe,
        _ => return None,
    };
    let mut reader = Reader::new(&frame.payload);
    let header = match reader.read::<CallHeader>() {
        Ok(header) => header,
        Err(error) => return Some(Err(error)),
    };
    let mut arguments = frame.payload.clone();
    arguments.advance(frame.payload.len() - reader.rest().len());
    Some(Ok(IncomingCall {
        header,
        form,
        arguments,
    }))
}

/// The answer in a frame and the number of its call; `None` for frames that are no answers.
pub(crate) fn reply_of(frame: Frame) -> Option<Result<(u64, Outcome), CodecError>> {
    let mut payload = frame.payload;
    let outcome = match frame.ctrl {
        CtrlMsg::Ok | CtrlMsg::Error | CtrlMsg::ErrorForwarded => {
            let Ok(number) = payload.try_get_u64_le() else {
                return Some(Err(CodecError::UnexpectedEnd));
            };
            // What cannot be read still says whether the driver ran. To drop the connection over it would only bring
            // the same answer again.
            let outcome = match frame.ctrl {
                CtrlMsg::Ok => Outcome::Ok(payload),
                CtrlMsg::Error => {
                    Outcome::Refused(codec::decode(&payload).unwrap_or_else(unreadable_refusal))
                }
                _ => Outcome::Fault(codec::decode(&payload).unwrap_or_else(unreadable_fault)),
            };
            Ok((number, outcome))
        }
        _ => return None,
    };
    Some(outcome)
}

fn unreadable_fault(error: CodecError) -> Box<Fault> {
    let message = format!("the driver failed, and its error cannot be read here: {error}");
    Box::new(Fault::own(FaultKind::Error, message))
}

fn unreadable_refusal(error: CodecError) -> Refusal {
    Refusal::Protocol {
        method: "the method".into(),
        reason: format!("the reason cannot be read here: {error}"),
    }
}

/// The one frame in `bytes`.
pub(crate) fn single_frame(bytes: &[u8]) -> Result<Frame, FrameError> {
    let mut reader = FrameReader::new(bytes.len());
    reader.push(bytes);
    reader.next_frame()?.ok_or(FrameError::Truncated)
}
