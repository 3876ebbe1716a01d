//! What the instruments did beside what the callers were told, and the transcript of a schedule.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ipc_core::Refusal;
use ipc_core::session::client::{CallOutcome, GivenUp};

/// How often what happened.
pub type Tally = BTreeMap<&'static str, u64>;

pub(super) struct Ledger {
    pub(super) calls: BTreeMap<u64, Call>,
    /// What made it possible that nobody knows what became of a call.
    pub(super) disasters: u64,
    pub(super) tally: Tally,
    pub(super) broken: Option<String>,
    pub(super) transcript: Option<Vec<String>>,
    start: Instant,
}

/// A call as its caller knows it.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) device: usize,
    pub(super) idempotent: bool,
    pub(super) made: Instant,
    pub(super) timeout: Option<Duration>,
    /// How long its driver takes; `None` if it hangs until it is let go.
    pub(super) takes: Option<Duration>,
    pub(super) runs: u64,
    /// When its client cancelled it because its timeout had passed, by the clock of the server: its caller may wait for a
    /// moment to learn whether it has begun.
    pub(super) timed_out: Option<Duration>,
    /// How it ended, and when by the clock of the server.
    pub(super) end: Option<(End, Duration)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Ran,
    NeverRuns,
    MayRun,
}

impl Ledger {
    pub(super) fn new(start: Instant, is_written: bool) -> Self {
        Self {
            calls: BTreeMap::new(),
            disasters: 0,
            tally: Tally::new(),
            broken: None,
            transcript: is_written.then(Vec::new),
            start,
        }
    }

    pub(super) fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    /// Adds a line to the transcript.
    pub(super) fn note(&mut self, now: Instant, line: impl FnOnce() -> String) {
        if let Some(transcript) = &mut self.transcript {
            let at = now.saturating_duration_since(self.start).as_secs_f64();
            transcript.push(format!("{at:9.2} s  {}", line()));
        }
    }

    /// Remembers the first promise that was broken.
    pub(super) fn break_promise(&mut self, text: String) {
        self.broken.get_or_insert(text);
    }

    pub(super) fn has_ended(&self, tag: u64) -> bool {
        self.calls.get(&tag).is_some_and(|call| call.end.is_some())
    }

    /// The timeout of a call passes by the clock of its client, which cancels it.
    pub(super) fn times_out(&mut self, tag: u64, clock: Duration) {
        if let Some(call) = self.calls.get_mut(&tag) {
            call.timed_out = Some(clock);
        }
    }

    /// True while the caller of a call waits for its result.
    pub(super) fn awaits_result(&self, tag: u64) -> bool {
        let awaits = |call: &Call| call.end.is_none() && call.timed_out.is_none();
        self.calls.get(&tag).is_some_and(awaits)
    }

    /// The driver is entered.
    pub(super) fn runs(&mut self, tag: u64) {
        self.count("run");
        let Some(call) = self.calls.get_mut(&tag) else {
            return self.break_promise(format!("call {tag} runs, and nobody has made it"));
        };
        call.runs += 1;
        let twice = call.runs > 1 && !call.idempotent;
        let after_all = matches!(call.end, Some((End::NeverRuns, _)));
        if twice || after_all {
            let text = format!("call {tag} runs: {call:?}");
            self.break_promise(text);
        }
    }

    pub(super) fn gave_up(&mut self, tag: u64, given_up: GivenUp, clock: Duration) {
        match given_up {
            GivenUp::Ended => self.break_promise(format!("call {tag} had ended unnoticed")),
            GivenUp::NotSent => self.end(tag, "cancelled unsent", End::NeverRuns, clock),
            GivenUp::Sent => self.end(tag, "cancelled", End::MayRun, clock),
        }
    }

    pub(super) fn ended(&mut self, tag: u64, outcome: &CallOutcome, now: Instant, clock: Duration) {
        let (what, end) = match outcome {
            CallOutcome::Returned(payload) => {
                if payload.clone().into_bytes()[..] != tag.to_le_bytes() {
                    self.break_promise(format!("call {tag} got the answer to another call"));
                }
                ("returned", End::Ran)
            }
            CallOutcome::Failed(_) => ("failed", End::Ran),
            CallOutcome::Refused(refusal) if matches!(**refusal, Refusal::Stuck { .. }) => {
                ("refused as stuck", End::NeverRuns)
            }
            CallOutcome::Refused(_) => ("refused", End::NeverRuns),
            CallOutcome::NotSent(_) => ("not sent", End::NeverRuns),
            CallOutcome::TimedOut => ("timed out", End::MayRun),
            CallOutcome::NotBegun => ("timed out before its turn", End::NeverRuns),
            CallOutcome::Unknown(reason) => {
                if self.disasters == 0 {
                    self.break_promise(format!("call {tag} is needlessly unknown: {reason}"));
                }
                ("unknown", End::MayRun)
            }
        };
        self.note(now, || format!("caller of {tag}: {what}"));
        self.end(tag, what, end, clock);
    }

    fn end(&mut self, tag: u64, what: &'static str, end: End, clock: Duration) {
        self.count(what);
        let Some(call) = self.calls.get_mut(&tag) else {
            return self.break_promise(format!("call {tag} ended, and nobody had made it"));
        };
        let is_lie = match end {
            End::Ran => call.runs == 0,
            End::NeverRuns => call.runs > 0,
            End::MayRun => false,
        };
        let twice = call.end.replace((end, clock)).is_some();
        if twice || is_lie {
            let text = format!("call {tag} {what}: {call:?}, ended twice: {twice}");
            self.break_promise(text);
        }
    }
}
