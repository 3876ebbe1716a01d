//! Which of the threads that serve a client writes what they queue.

use std::io;
use std::sync::PoisonError;

use crate::sync::{Condvar, Mutex, MutexGuard};

/// What threads queue for a client.
pub(super) trait WriteQueue {
    /// What is written at a time.
    type Piece;

    /// The turn to write without the lock.
    fn write_turn(&mut self) -> &mut WriteTurn;

    /// The next piece.
    fn next_piece(&mut self) -> Option<Self::Piece>;

    /// Notes that a piece could not be written.
    fn write_failed(&mut self, piece: &Self::Piece, error: &io::Error);
}

/// The turn to write without the lock. What others queue while a thread has it, that thread writes.
#[derive(Debug, Default)]
pub(super) struct WriteTurn {
    is_taken: bool,
}

impl WriteTurn {
    /// True while a thread writes without the lock.
    pub(super) fn is_taken(&self) -> bool {
        self.is_taken
    }
}

/// Writes everything that is queued with `write`, which may block, and without the lock. Leaves it to another thread if one
/// is writing already. Notifies `written` at the end.
pub(super) fn write_unlocked<'a, O: WriteQueue>(
    queue: &'a Mutex<O>,
    mut locked: MutexGuard<'a, O>,
    written: &Condvar,
    write: impl Fn(&O::Piece) -> io::Result<()>,
) -> MutexGuard<'a, O> {
    if locked.write_turn().is_taken {
        return locked;
    }
    while let Some(piece) = locked.next_piece() {
        locked.write_turn().is_taken = true;
        drop(locked);
        let result = write(&piece);
        locked = queue.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = result {
            locked.write_failed(&piece, &error);
        }
    }
    locked.write_turn().is_taken = false;
    written.notify_all();
    locked
}

/// Waits until no thread writes without the lock. Blocks.
pub(super) fn await_written<'a, O: WriteQueue>(
    mut locked: MutexGuard<'a, O>,
    written: &Condvar,
) -> MutexGuard<'a, O> {
    while locked.write_turn().is_taken {
        locked = written.wait(locked).unwrap_or_else(PoisonError::into_inner);
    }
    locked
}
