//! Reads frames out of a stream of bytes.

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

use super::{HEADER, LENGTH, PartialFrame, ctrl_of, number_of};
use crate::wire::block::ReadBlocks;
use crate::wire::ctrl::CtrlMsg;
use crate::wire::redact::ByteCount;
use crate::wire::spare;

/// Why a byte stream is not a sequence of frames. Nothing after such an error can be trusted.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A frame is longer than allowed.
    #[error("the peer announced a frame of {len} bytes, {limit} are allowed here")]
    TooLong {
        /// The announced length in bytes.
        len: usize,
        /// The allowed length in bytes.
        limit: usize,
    },
    /// A frame is too short to hold a control message.
    #[error("the peer sent a frame of {0} bytes, too short for a control message")]
    TooShort(usize),
    /// The control message has a number that this version does not define.
    #[error("the peer sent control message {0}, which this version does not define")]
    UnknownCtrl(u16),
    /// The connection ended inside a frame.
    #[error("the connection ended in the middle of a frame")]
    Truncated,
}

crate::readable_debug!(FrameError);

/// One complete frame.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) ctrl: CtrlMsg,
    pub(crate) payload: Bytes,
    /// Long lists that are not among the bytes of the payload.
    pub(crate) blocks: ReadBlocks,
}

impl Frame {
    /// The number of bytes that came behind the control message.
    pub(crate) fn len(&self) -> usize {
        self.payload.len() + self.blocks.size()
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Frame")
            .field(&self.ctrl)
            .field(&ByteCount(self.len()))
            .finish()
    }
}

/// Cuts a byte stream into frames. The memory in use grows with the bytes received; what is reserved for a frame is limited.
#[derive(Clone)]
pub(crate) struct FrameReader {
    buffer: BytesMut,
    /// The frame before what is in the buffer, if it is a long one.
    partial: Option<PartialFrame>,
    limit: usize,
}

impl fmt::Debug for FrameReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameReader")
            .field("buffer", &ByteCount(self.buffer.len()))
            .field("limit", &self.limit)
            .finish()
    }
}

impl FrameReader {
    /// Room that is kept between frames, in bytes: fresh memory costs more than the copying.
    const KEEP: usize = 16 * 1024 * 1024;

    pub(crate) fn new(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            partial: None,
            limit,
        }
    }

    /// Frames longer than `limit` bytes, from the next one on, are refused.
    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    #[inline]
    pub(crate) fn push(&mut self, mut bytes: &[u8]) {
        if let Some(partial) = &mut self.partial {
            bytes = partial.push(bytes);
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Takes the next frame if much of it has not come yet. Until it is [given back](Self::put_partial), nothing may be
    /// pushed.
    #[inline]
    pub(crate) fn take_partial(&mut self) -> Option<PartialFrame> {
        self.begin_partial();
        self.partial.take_if(|partial| partial.missing() > 0)
    }

    /// Gives the next frame memory of its own if much of it has not come yet.
    #[inline]
    pub(crate) fn begin_partial(&mut self) -> Option<&mut PartialFrame> {
        if self.partial.is_none() && !self.buffer.is_empty() {
            self.move_to_partial();
        }
        self.partial.as_mut()
    }

    fn move_to_partial(&mut self) {
        let Some(prefix) = self.buffer.first_chunk() else {
            return;
        };
        let len = u32::from_le_bytes(*prefix) as usize;
        let come = self.buffer.len() - LENGTH;
        if len <= self.limit && len.saturating_sub(come) >= LONG_REST {
            spare::keep_freed_memory();
            let memory = self.memory_for(len);
            let begun = self.buffer.split();
            self.partial = Some(PartialFrame::begin_in(memory, &begun, LENGTH + len));
        }
    }

    /// Memory for the frame that begins in the buffer. Only a long result gets the memory of an earlier frame: it is decoded
    /// at once, which gives the memory back, but a call may wait for its turn.
    fn memory_for(&self, len: usize) -> Vec<u8> {
        match ctrl_of(&self.buffer) {
            Some(CtrlMsg::Ok) if len >= spare::MIN => spare::take(),
            _ => Vec::new(),
        }
    }

    /// Takes back a frame with more of its bytes.
    pub(crate) fn put_partial(&mut self, partial: PartialFrame) {
        self.partial = Some(partial);
    }

    #[cfg(feature = "proof")]
    pub(crate) fn buffered(&self) -> &[u8] {
        &self.buffer
    }

    /// The next complete frame, if its bytes are all here. Optional messages of later releases are passed over.
    #[inline(always)]
    pub(crate) fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        loop {
            let (mut payload, blocks) = match &self.partial {
                None => match self.next_short()? {
                    Some(frame) => (frame, ReadBlocks::default()),
                    None => return Ok(None),
                },
                Some(partial) if partial.missing() > 0 => return Ok(None),
                Some(_) => match self.partial.take() {
                    Some(partial) => partial.finish(),
                    None => return Ok(None),
                },
            };
            let Some(number) = number_of(&payload) else {
                return Err(FrameError::TooShort(payload.len()));
            };
            payload.advance(HEADER);
            match CtrlMsg::from_number(number) {
                Some(ctrl) => {
                    return Ok(Some(Frame {
                        ctrl,
                        payload,
                        blocks,
                    }));
                }
                None if number >= CtrlMsg::OPTIONAL => {}
                None => return Err(FrameError::UnknownCtrl(number)),
            }
        }
    }

    /// The next frame that has no memory of its own.
    #[inline(always)]
    fn next_short(&mut self) -> Result<Option<Bytes>, FrameError> {
        let Some(prefix) = self.buffer.first_chunk::<LENGTH>() else {
            return Ok(None);
        };
        let len = u32::from_le_bytes(*prefix) as usize;
        if len < HEADER - LENGTH {
            return Err(FrameError::TooShort(len));
        }
        if len > self.limit {
            return Err(FrameError::TooLong {
                len,
                limit: self.limit,
            });
        }
        // Not the other way round: on a computer of 32 bits the sum may be too large to be one.
        if self.buffer.len() - LENGTH < len {
            return Ok(None);
        }
        let whole = self.buffer.split_to(LENGTH + len).freeze();
        if len > Self::KEEP && self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        Ok(Some(whole))
    }

    /// The stream has ended: an error if it did so inside a frame.
    pub(crate) fn finish(&self) -> Result<(), FrameError> {
        match self.buffer.is_empty() && self.partial.is_none() {
            true => Ok(()),
            false => Err(FrameError::Truncated),
        }
    }
}

/// How much of a frame must be missing for the rest to be read into memory of its own, in bytes.
const LONG_REST: usize = 32 * 1024;

#[cfg(test)]
mod tests {
    use super::super::{begin, finish};
    use super::*;

    fn frame(payload: &[u8]) -> Vec<u8> {
        let mut frame = begin(CtrlMsg::Ok);
        frame.extend_from_slice(payload);
        finish(&mut frame, 0);
        frame
    }

    #[test]
    fn frames_survive_any_cutting_of_the_stream() {
        let stream: Vec<u8> = (0..50)
            .flat_map(|n| frame(&vec![n; usize::from(n) * 7]))
            .collect();
        for cut in [1, 2, 3, 5, 64, 1000, stream.len()] {
            let mut reader = FrameReader::new(10_000);
            let mut payloads = Vec::new();
            for bytes in stream.chunks(cut) {
                reader.push(bytes);
                while let Some(frame) = reader.next_frame().unwrap() {
                    payloads.push(frame.payload);
                }
            }
            assert_eq!(payloads.len(), 50);
            assert!(
                payloads
                    .iter()
                    .enumerate()
                    .all(|(n, payload)| payload.len() == n * 7)
            );
            assert_eq!(reader.finish(), Ok(()));
        }
    }

    #[test]
    fn a_long_frame_is_read_into_memory_of_its_own() {
        let payload: Vec<u8> = (0..3_000_000_u32).map(|n| n as u8).collect();
        let stream = [frame(b"short"), frame(&payload), frame(b"last")].concat();
        for first in [3, 11, 20, 400_000, 3_000_000] {
            let mut reader = FrameReader::new(4_000_000);
            let mut rest = &stream[..];
            let mut payloads = Vec::new();
            let mut was_partial = false;
            reader.push(&rest[..first]);
            rest = &rest[first..];
            while payloads.len() < 3 {
                while let Some(frame) = reader.next_frame().unwrap() {
                    payloads.push(frame.payload);
                }
                match reader.take_partial() {
                    Some(mut partial) => {
                        was_partial = true;
                        let room = partial.room();
                        let count = room.len().min(rest.len());
                        room[..count].copy_from_slice(&rest[..count]);
                        partial.advance(count);
                        rest = &rest[count..];
                        reader.put_partial(partial);
                    }
                    None => {
                        let count = rest.len().min(1000);
                        reader.push(&rest[..count]);
                        rest = &rest[count..];
                    }
                }
            }
            assert!(was_partial || first == 3_000_000);
            assert!(
                payloads[0] == b"short"[..] && payloads[1] == payload && payloads[2] == b"last"[..]
            );
            assert_eq!(reader.finish(), Ok(()));
        }
        let mut reader = FrameReader::new(100);
        reader.push(&1_000_000_u32.to_le_bytes());
        assert!(reader.take_partial().is_none(), "beyond the limit");
    }

    #[test]
    fn only_long_results_get_the_memory_of_earlier_frames() {
        let memory = |ctrl, len: u32| {
            let frame = begin(ctrl);
            let mut reader = FrameReader::new(usize::MAX);
            reader.push(&len.to_le_bytes());
            reader.push(&frame[LENGTH..]);
            // Other tests may take it.
            (0..100).any(|_| {
                spare::give(vec![0; spare::MIN].into());
                reader.memory_for(len as usize).capacity() > 0
            })
        };
        let long = u32::try_from(spare::MIN).unwrap();
        assert!(memory(CtrlMsg::Ok, long));
        assert!(!memory(CtrlMsg::Ok, long - 1));
        assert!(!memory(CtrlMsg::Call, long));
    }

    #[test]
    fn an_announced_length_allocates_nothing() {
        let mut reader = FrameReader::new(1 << 20);
        reader.push(&u32::MAX.to_le_bytes());
        let len = u32::MAX as usize;
        assert_eq!(
            reader.next_frame(),
            Err(FrameError::TooLong {
                len,
                limit: 1 << 20
            })
        );

        let mut reader = FrameReader::new(1 << 20);
        reader.push(&(1_u32 << 20).to_le_bytes());
        assert_eq!(reader.next_frame(), Ok(None));
        assert!(reader.buffer.capacity() < 1024);
        assert_eq!(reader.finish(), Err(FrameError::Truncated));
    }

    #[test]
    fn optional_messages_of_later_releases_are_passed_over() {
        let optional = [7, 0, 0, 0, 0x00, 0x80, 1, 2, 3, 4, 5];
        let stream = [&optional[..], &frame(b"known"), &optional].concat();
        for cut in 1..=stream.len() {
            let mut reader = FrameReader::new(100);
            let mut payloads = Vec::new();
            for bytes in stream.chunks(cut) {
                reader.push(bytes);
                while let Some(frame) = reader.next_frame().unwrap() {
                    payloads.push(frame.payload);
                }
            }
            assert_eq!(payloads, [&b"known"[..]]);
            assert_eq!(reader.finish(), Ok(()));
        }
        let mut reader = FrameReader::new(6);
        reader.push(&optional);
        assert!(matches!(
            reader.next_frame(),
            Err(FrameError::TooLong { .. })
        ));
    }

    #[test]
    fn undefined_messages_and_empty_frames_are_refused() {
        let mut reader = FrameReader::new(100);
        reader.push(&[2, 0, 0, 0, 0xff, 0x7f]);
        assert_eq!(reader.next_frame(), Err(FrameError::UnknownCtrl(0x7fff)));
        let mut reader = FrameReader::new(100);
        reader.push(&[1, 0, 0, 0, 0]);
        assert_eq!(reader.next_frame(), Err(FrameError::TooShort(1)));
    }
}
