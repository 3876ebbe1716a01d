//! The turn to write what is queued for a client: `ipc-server/src/session/write_queue.rs`.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use crate::check::{DEADLOCK, fails, holds};
use crate::sync::{Condvar, Fault, Mutex, MutexGuard, thread};
use crate::write_queue::{WriteQueue, WriteTurn, await_written, write_unlocked};

/// What the threads that serve a client share.
#[derive(Default)]
struct Session {
    pump: Mutex<Pump>,
    written: Condvar,
    wire: Mutex<Vec<usize>>,
}

#[derive(Default)]
struct Pump {
    write_turn: WriteTurn,
    queue: VecDeque<usize>,
    /// How many pieces have been queued, which are numbered in this order.
    queued: usize,
}

impl WriteQueue for Pump {
    type Piece = usize;

    fn write_turn(&mut self) -> &mut WriteTurn {
        &mut self.write_turn
    }

    fn next_piece(&mut self) -> Option<usize> {
        self.queue.pop_front()
    }

    fn write_failed(&mut self, _piece: &usize, _error: &io::Error) {}
}

/// A mistake of a thread that has queued a piece.
#[derive(Clone, Copy, PartialEq)]
enum Mistake {
    /// It leaves the piece to others.
    NotWritten,
    /// It writes without having the turn.
    OutOfTurn,
}

impl Session {
    fn queue(&self) -> MutexGuard<'_, Pump> {
        let mut pump = self.pump.lock().unwrap();
        let number = pump.queued;
        pump.queued += 1;
        pump.queue.push_back(number);
        pump
    }

    fn write(&self, piece: usize) -> io::Result<()> {
        self.wire.lock().unwrap().push(piece);
        Ok(())
    }

    fn flush<'a>(&'a self, pump: MutexGuard<'a, Pump>) -> MutexGuard<'a, Pump> {
        write_unlocked(&self.pump, pump, &self.written, |piece| self.write(*piece))
    }

    /// Writes with the lock held, unless another thread writes without it.
    fn flush_locked<'a>(&'a self, mut pump: MutexGuard<'a, Pump>) -> MutexGuard<'a, Pump> {
        if pump.write_turn.is_taken() {
            return self.flush(pump);
        }
        while let Some(piece) = pump.next_piece() {
            self.write(piece).unwrap();
        }
        pump
    }

    fn queue_and_write(&self, mistake: Option<Mistake>) {
        let mut pump = self.queue();
        match mistake {
            None => drop(self.flush(pump)),
            Some(Mistake::NotWritten) => {}
            Some(Mistake::OutOfTurn) => {
                let piece = pump.next_piece();
                drop(pump);
                if let Some(piece) = piece {
                    self.write(piece).unwrap();
                }
            }
        }
    }
}

/// Two threads queue pieces. The first may write with the lock held, and waits in the end until everything is written. The
/// second has made `mistake`, and has `fault`.
fn writers(mistake: Option<Mistake>, fault: Option<Fault>) {
    let session = Arc::new(Session::default());
    let other = {
        let session = Arc::clone(&session);
        thread::spawn(move || {
            if let Some(fault) = fault {
                fault.commit();
            }
            session.queue_and_write(mistake);
            session.queue_and_write(mistake);
        })
    };
    drop(session.flush_locked(session.queue()));
    let pump = session.flush(session.queue());
    drop(await_written(pump, &session.written));
    let written = session.wire.lock().unwrap().len();
    assert!(written >= 2, "not written to the end");
    other.join().unwrap();
    let pump = session.pump.lock().unwrap();
    assert!(pump.queue.is_empty(), "left in the queue");
    let wire = session.wire.lock().unwrap();
    assert!(wire.iter().copied().eq(0..4), "out of order: {wire:?}");
}

#[test]
fn all_pieces_are_written_in_order() {
    holds(None, || writers(None, None));
}

#[test]
fn a_piece_that_its_thread_leaves_to_others_may_stay_in_the_queue() {
    fails("left in the queue", || {
        writers(Some(Mistake::NotWritten), None)
    });
}

#[test]
fn pieces_that_are_written_out_of_turn_change_their_order() {
    fails("out of order", || writers(Some(Mistake::OutOfTurn), None));
}

#[test]
fn a_writer_that_does_not_say_when_it_has_ended_is_waited_for_for_ever() {
    fails(DEADLOCK, || writers(None, Some(Fault::NoWakeUps)));
}
