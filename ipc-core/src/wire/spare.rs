//! Memory for long frames, kept from one to the next.
//!
//! Allocators give memory of this size back to the operating system when it is freed. To get it again, page by page, takes
//! longer than the frame takes on a fast network.

use std::sync::Mutex;

use bytes::{Bytes, BytesMut};

/// One allocation for all connections of the process, empty if there is none.
static SPARE: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Minimum and maximum size of what is kept, in bytes.
const MIN: usize = 256 << 10;
const MAX: usize = 16 << 20;

/// Returns the memory that is kept, with nothing in it, or an empty list without memory.
pub(crate) fn take() -> Vec<u8> {
    let spare = SPARE.try_lock();
    spare.map_or_else(|_| Vec::new(), |mut spare| std::mem::take(&mut *spare))
}

/// Keeps the memory of `bytes` if nobody else uses it and it is larger than what is kept.
pub(crate) fn give(bytes: Bytes) {
    if bytes.len() < MIN {
        return;
    }
    if let Ok(mut memory) = bytes.try_into_mut() {
        // What is in it would be moved to the front.
        memory.clear();
        keep(memory);
    }
}

fn keep(memory: BytesMut) {
    let memory = Vec::from(memory);
    if memory.capacity() <= MAX
        && let Ok(mut spare) = SPARE.try_lock()
        && spare.capacity() < memory.capacity()
    {
        *spare = memory;
    }
}

#[cfg(test)]
mod tests {
    use bytes::Buf;

    use super::*;

    /// One test, because the memory is shared.
    #[test]
    fn memory_of_long_frames_that_nobody_uses_is_kept() {
        let mut frame = Bytes::from(vec![7; MAX]);
        let address = frame.as_ptr();
        frame.advance(100);
        let shared = frame.clone();
        give(frame);
        assert_ne!(take().capacity(), MAX, "somebody uses it");
        give(shared);
        give(Bytes::from(vec![7; MAX + 1]));
        give(Bytes::from(vec![7; MIN]));
        let spare = take();
        assert_eq!((spare.len(), spare.capacity()), (0, MAX));
        assert_eq!(spare.as_ptr(), address);
    }
}
