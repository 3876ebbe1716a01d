//! What is known about each call, and which promise is broken.

use bytes::Bytes;
use ipc_core::session::client::CallOutcome;

use super::is_answer_to;

/// How a call ended, as its caller sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It has not been made.
    NotMade,
    /// It is in flight.
    Open,
    /// It returned.
    Returned,
    /// It was refused, not sent, or given up before it was sent.
    NeverRuns,
    /// It was given up after it had been sent.
    GivenUp,
    /// Nobody knows.
    Unknown,
}

/// A promise that was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// A call that is not idempotent ran twice.
    RanTwice,
    /// A call returned that had not run exactly once.
    ReturnedUnrun,
    /// A call ran that is said not to.
    RanAfterAll,
    /// A call was given another one's answer.
    WrongAnswer,
    /// Nothing had happened that would explain it.
    NeedlesslyUnknown,
    /// An end was told twice, or of no call.
    EndedTwice,
    /// A call began that had not arrived before the client came back without it.
    RanBehindTheFence,
    /// A hello took a session from a later one.
    YieldedToOlder,
    /// A call began while an earlier one ran whose caller waited for it.
    Overtook,
    /// The server remembers the answer to a call that the client has confirmed.
    KeptConfirmed,
    /// A dead end with an unanswered call.
    Stuck,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Record {
    /// Its number, once it has been made.
    pub(super) number: u64,
    pub(super) outcome: Outcome,
    pub(super) runs: u8,
    pub(super) idempotent: bool,
    /// True if it must not begin any more.
    pub(super) barred: bool,
}

impl Record {
    pub(super) fn new(idempotent: bool) -> Self {
        Self {
            number: 0,
            outcome: Outcome::NotMade,
            runs: 0,
            idempotent,
            barred: false,
        }
    }

    /// The driver is entered.
    pub(super) fn run(&mut self, broken: &mut impl FnMut(Broken)) {
        self.runs = self.runs.saturating_add(1);
        if self.runs > 1 && !self.idempotent {
            broken(Broken::RanTwice);
        }
        if self.outcome == Outcome::NeverRuns {
            broken(Broken::RanAfterAll);
        }
        if self.barred {
            broken(Broken::RanBehindTheFence);
        }
    }

    pub(super) fn end(
        &mut self,
        tag: u8,
        outcome: &CallOutcome,
        had_disaster: bool,
        broken: &mut impl FnMut(Broken),
    ) {
        if self.outcome != Outcome::Open {
            broken(Broken::EndedTwice);
        }
        self.outcome = match outcome {
            CallOutcome::Returned(payload) => {
                self.returned(tag, &payload.clone().into_bytes(), broken)
            }
            CallOutcome::Refused(_) | CallOutcome::NotSent(_) => {
                if self.runs > 0 {
                    broken(Broken::RanAfterAll);
                }
                Outcome::NeverRuns
            }
            CallOutcome::Unknown(_) => {
                if !had_disaster {
                    broken(Broken::NeedlesslyUnknown);
                }
                Outcome::Unknown
            }
            // The model has neither failing drivers nor a clock.
            CallOutcome::Failed(_) | CallOutcome::TimedOut | CallOutcome::NotBegun => {
                broken(Broken::WrongAnswer);
                Outcome::Unknown
            }
        };
    }

    fn returned(&self, tag: u8, payload: &Bytes, broken: &mut impl FnMut(Broken)) -> Outcome {
        if !is_answer_to(tag, payload) {
            broken(Broken::WrongAnswer);
        }
        if self.runs == 0 || self.runs > 1 && !self.idempotent {
            broken(Broken::ReturnedUnrun);
        }
        Outcome::Returned
    }
}
