//! Answers that leave together: while calls are quick and more of them wait, their answers go out in one write.

use std::time::{Duration, Instant};

use rustc_hash::FxHashSet;

/// Decides whether the answers that are ready wait for that of the next call.
///
/// They wait only while further calls of the client are here, and never longer than 100 µs for calls that are as quick as
/// expected: a call is expected to be quick if its method has just been quick. If a call takes longer than that, the
/// [tick](super::long_calls) writes what is held back, within 20 ms of the moment when the call began.
///
/// A client that makes one call at a time never gets here: its answers are written at once.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The methods that returned quickly when they last ran while other calls waited. Only methods that exist are here.
    quick: FxHashSet<Box<str>>,
    /// When the oldest answer that is held back was ready.
    oldest: Option<Instant>,
}

impl Batch {
    /// Notes that everything has been written.
    pub(super) fn end(&mut self) {
        self.oldest = None;
    }

    /// Notes how long a method has run while other calls waited.
    pub(super) fn note(&mut self, method: &str, took: Duration) {
        let was_quick = self.quick.contains(method);
        match took < QUICK {
            true if !was_quick => drop(self.quick.insert(method.into())),
            false if was_quick => drop(self.quick.remove(method)),
            _ => {}
        }
    }

    /// Returns true if the answers that are ready, of `size` bytes, are to wait for that of the call of `next`, which is then
    /// to begin at once.
    pub(super) fn may_grow(&mut self, next: Option<&str>, size: u64, now: Instant) -> bool {
        let oldest = *self.oldest.get_or_insert(now);
        let may_grow = next.is_some_and(|next| self.quick.contains(next))
            && now.saturating_duration_since(oldest) < LONGEST_WAIT
            && size < MAX_SIZE;
        if !may_grow {
            self.end();
        }
        may_grow
    }
}

/// How long a call of a quick method takes at most.
const QUICK: Duration = Duration::from_micros(20);
/// How long an answer is held back at most, if the calls behind it are as quick as expected.
const LONGEST_WAIT: Duration = Duration::from_micros(100);
/// Size in bytes of answers that are not held back any longer.
const MAX_SIZE: u64 = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const NEXT: Option<&str> = Some("read");

    fn quick() -> Batch {
        let mut batch = Batch::default();
        batch.note("read", Duration::from_micros(1));
        batch
    }

    #[test]
    fn answers_wait_for_calls_of_methods_that_are_quick() {
        let now = Instant::now();
        assert!(quick().may_grow(NEXT, 100, now));
        assert!(!quick().may_grow(None, 100, now));
        assert!(!quick().may_grow(Some("measure"), 100, now));
        let mut slow = quick();
        slow.note("read", QUICK);
        assert!(!slow.may_grow(NEXT, 100, now));
    }

    #[test]
    fn the_oldest_answer_waits_for_a_limited_time() {
        let mut batch = quick();
        let began = Instant::now();
        assert!(batch.may_grow(NEXT, 100, began));
        assert!(batch.may_grow(NEXT, 100, began + LONGEST_WAIT / 2));
        let late = began + LONGEST_WAIT;
        assert!(!batch.may_grow(NEXT, 100, late));
        assert!(batch.may_grow(NEXT, 100, late), "those before have gone");
        batch.end();
        assert!(batch.may_grow(NEXT, 100, late + LONGEST_WAIT));
    }

    #[test]
    fn many_bytes_do_not_wait() {
        assert!(!quick().may_grow(NEXT, MAX_SIZE, Instant::now()));
    }
}
