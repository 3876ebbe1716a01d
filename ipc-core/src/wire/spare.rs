//! Memory for long frames, kept from one to the next.
//!
//! Allocators give memory of this size back to the operating system when it is freed. To get it again, page by page, takes
//! longer than the frame takes on a fast network.

use std::hint::black_box;
use std::sync::{Mutex, Once};

use bytes::Bytes;

/// One allocation for all connections of the process.
static SPARE: Spare = Spare::new();

/// Minimum size of what is kept, in bytes.
pub(crate) const MIN: usize = 64 << 10;
/// Maximum size of it.
const MAX: usize = 16 << 20;

/// Returns the memory that is kept, with what has been in it, or an empty list without memory.
pub(crate) fn take() -> Vec<u8> {
    SPARE.take()
}

/// Returns the first `filled` bytes of `memory`, which is kept once nobody uses them.
pub(crate) fn lend(memory: Vec<u8>, filled: usize) -> Bytes {
    match memory.capacity() >= MIN {
        true => Bytes::from_owner(LentMemory { memory, filled }),
        false => Bytes::from(memory).slice(..filled),
    }
}

/// Memory that is kept when it is dropped. What is in it stays, because to zero it for the next frame would take time.
struct LentMemory {
    memory: Vec<u8>,
    filled: usize,
}

impl AsRef<[u8]> for LentMemory {
    fn as_ref(&self) -> &[u8] {
        self.memory.get(..self.filled).unwrap_or_default()
    }
}

impl Drop for LentMemory {
    fn drop(&mut self) {
        SPARE.keep(std::mem::take(&mut self.memory));
    }
}

/// Keeps the memory of `bytes` if it is long, nobody else uses it, and no longer one is kept.
pub(crate) fn give(bytes: Bytes) {
    SPARE.give(bytes);
}

/// Makes the allocator keep freed memory, for the values that a program makes and drops with each call.
///
/// The allocator of glibc gives a freed block back to the operating system if it is longer than any freed before, and all free
/// memory at the end of the heap if it is more than twice as long as that. A value with several lists would be given back after
/// each call. The block that is freed here is the longest from which glibc learns.
pub(crate) fn keep_freed_memory() {
    static ONCE: Once = Once::new();
    if cfg!(all(target_os = "linux", target_env = "gnu")) {
        ONCE.call_once(|| {
            let mut memory = Vec::<u8>::new();
            // Nothing is lost if there is not enough. The memory is never touched.
            let _ = memory.try_reserve_exact(LEARNT);
            black_box(&memory);
        });
    }
}

/// Size in bytes of that block: just below 32 MiB, which is where glibc stops on a computer of 64 bits.
const LEARNT: usize = (32 << 20) - (64 << 10);

/// An allocation that nobody uses; empty if there is none.
struct Spare(Mutex<Vec<u8>>);

impl Spare {
    const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    fn take(&self) -> Vec<u8> {
        let spare = self.0.try_lock();
        spare.map_or_else(|_| Vec::new(), |mut spare| std::mem::take(&mut *spare))
    }

    fn give(&self, bytes: Bytes) {
        let Ok(mut memory) = bytes.try_into_mut() else {
            return;
        };
        // What is in it would be moved to the front.
        memory.clear();
        self.keep(Vec::from(memory));
    }

    fn keep(&self, memory: Vec<u8>) {
        if (MIN..=MAX).contains(&memory.capacity())
            && let Ok(mut spare) = self.0.try_lock()
            && spare.capacity() < memory.capacity()
        {
            *spare = memory;
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Buf;

    use super::*;

    #[test]
    fn lent_memory_comes_back_as_it_was() {
        let came_back = || {
            let bytes = lend(vec![7; MIN + 1], 10);
            assert_eq!(bytes[..], [7; 10]);
            drop(bytes);
            // Other tests may take it.
            take() == [7; MIN + 1]
        };
        assert!((0..100).any(|_| came_back()));
    }

    #[test]
    fn memory_of_a_long_frame_that_nobody_uses_is_kept() {
        let spare = Spare::new();
        let mut frame = Bytes::from(vec![7; MAX]);
        let address = frame.as_ptr();
        frame.advance(100);
        let shared = frame.clone();
        spare.give(frame);
        assert_eq!(spare.take().capacity(), 0, "somebody uses it");
        spare.give(shared);
        for other in [MIN - 1, MIN, MAX + 1] {
            spare.give(Bytes::from(vec![7; other]));
        }
        let kept = spare.take();
        assert_eq!((kept.len(), kept.capacity()), (0, MAX));
        assert_eq!(kept.as_ptr(), address);
        assert_eq!(spare.take().capacity(), 0, "it is taken once");
    }
}
