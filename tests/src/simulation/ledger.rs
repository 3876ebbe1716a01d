//! What the instrument did beside what the client was told. It outlives every crash.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ipc_core::session::client::{CallOutcome, GivenUp};

/// How often what happened.
pub type Tally = BTreeMap<&'static str, u64>;

#[derive(Debug, Default)]
pub(super) struct Ledger(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    calls: BTreeMap<u64, Entry>,
    crashes: u64,
    tally: Tally,
    broken: Option<String>,
}

#[derive(Debug, Default)]
struct Entry {
    idempotent: bool,
    runs: u64,
    end: Option<End>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Ran,
    NeverRuns,
    MayRun,
}

impl Ledger {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn crashed(&self) {
        let mut book = self.book();
        book.crashes += 1;
        book.count("crash");
    }

    pub(super) fn count(&self, what: &'static str) {
        self.book().count(what);
    }

    pub(super) fn made(&self, call: u64, idempotent: bool) {
        let entry = Entry {
            idempotent,
            ..Entry::default()
        };
        self.book().calls.insert(call, entry);
    }

    pub(super) fn ran(&self, call: u64) {
        let mut book = self.book();
        book.count("run");
        let Some(entry) = book.calls.get_mut(&call) else {
            return book.break_promise(format!("call {call} ran, and nobody had made it"));
        };
        entry.runs += 1;
        let twice = entry.runs > 1 && !entry.idempotent;
        let after_all = entry.end == Some(End::NeverRuns);
        if twice || after_all {
            let text = format!("call {call} ran: {entry:?}");
            book.break_promise(text);
        }
    }

    pub(super) fn gave_up(&self, call: u64, given_up: GivenUp) {
        match given_up {
            GivenUp::Ended => self
                .book()
                .break_promise(format!("call {call} has ended before")),
            GivenUp::NotSent => self.end(call, "given up unsent", End::NeverRuns),
            GivenUp::Sent => self.end(call, "given up", End::MayRun),
        }
    }

    pub(super) fn ended(&self, call: u64, outcome: &CallOutcome) {
        let (what, end) = match outcome {
            CallOutcome::Returned(payload) => {
                if payload.clone().into_bytes()[..] != call.to_le_bytes() {
                    self.book()
                        .break_promise(format!("call {call} got another answer"));
                }
                ("returned", End::Ran)
            }
            CallOutcome::Failed(_) => ("failed", End::Ran),
            CallOutcome::Refused(_) => ("refused", End::NeverRuns),
            CallOutcome::NotSent(_) => ("not sent", End::NeverRuns),
            CallOutcome::TimedOut => ("timed out", End::MayRun),
            CallOutcome::NotBegun => ("timed out before its turn", End::NeverRuns),
            CallOutcome::Unknown(_) => {
                if self.book().crashes == 0 {
                    self.book()
                        .break_promise(format!("call {call} is needlessly unknown"));
                }
                ("unknown", End::MayRun)
            }
        };
        self.end(call, what, end);
    }

    fn end(&self, call: u64, what: &'static str, end: End) {
        let mut book = self.book();
        book.count(what);
        let Some(entry) = book.calls.get_mut(&call) else {
            return book.break_promise(format!("call {call} ended, and nobody had made it"));
        };
        let twice = entry.end.replace(end).is_some();
        let lie = match end {
            End::Ran => entry.runs == 0 || entry.runs > 1 && !entry.idempotent,
            End::NeverRuns => entry.runs > 0,
            End::MayRun => false,
        };
        if twice || lie {
            let text = format!("call {call} ended: {entry:?}, twice: {twice}");
            book.break_promise(text);
        }
    }

    /// What happened, or the first promise that was broken.
    pub(super) fn verdict(&self) -> Result<Tally, String> {
        let mut book = self.book();
        if let Some((call, _)) = book.calls.iter().find(|(_, entry)| entry.end.is_none()) {
            let text = format!("call {call} never ended");
            book.break_promise(text);
        }
        match &book.broken {
            Some(broken) => Err(broken.clone()),
            None => Ok(book.tally.clone()),
        }
    }
}

impl Book {
    fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    fn break_promise(&mut self, text: String) {
        self.broken.get_or_insert(text);
    }
}
