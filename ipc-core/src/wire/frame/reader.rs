//! Reads frames out of a stream of bytes.

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

use super::{HEADER, LENGTH};
use crate::wire::ctrl::CtrlMsg;
use crate::wire::redact::ByteCount;
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
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Frame")
            .field(&self.ctrl)
            .field(&ByteCount(self.payload.len()))
            .finish()
    }
}

/// Cuts a byte stream into frames. Memory grows with the bytes received, never with the length announced.
#[derive(Clone)]
pub(crate) struct FrameReader {
    buffer: BytesMut,
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
            limit,
        }
    }

    /// Frames longer than `limit` bytes, from the next one on, are refused.
    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Where bytes can be appended by others.
    pub(crate) fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    #[cfg(feature = "proof")]
    pub(crate) fn buffered(&self) -> &[u8] {
        &self.buffer
    }

    /// The next complete frame, if its bytes are all here. Optional messages of later releases are passed over.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        loop {
            let Some((number, payload)) = self.next_numbered()? else {
                return Ok(None);
            };
            match CtrlMsg::from_number(number) {
                Some(ctrl) => return Ok(Some(Frame { ctrl, payload })),
                None if number >= CtrlMsg::OPTIONAL => {}
                None => return Err(FrameError::UnknownCtrl(number)),
            }
        }
    }

    fn next_numbered(&mut self) -> Result<Option<(u16, Bytes)>, FrameError> {
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
        let mut payload = self.buffer.split_to(LENGTH + len);
        if len > Self::KEEP && self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        payload.advance(LENGTH);
        let number = payload.get_u16_le();
        Ok(Some((number, payload.freeze())))
    }

    /// The stream has ended: an error if it did so inside a frame.
    pub(crate) fn finish(&self) -> Result<(), FrameError> {
        if self.buffer.is_empty() {
            Ok(())
        } else {
            Err(FrameError::Truncated)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{begin, finish};
    use super::*;

    fn frame(payload: &[u8]) -> Vec<u8> {
        let mut frame = begin(CtrlMsg::Ok);
        frame.extend_from_slice(payload);
        finish(&mut frame);
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
