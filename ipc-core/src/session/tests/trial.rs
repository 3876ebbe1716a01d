//! What is known about each call of a random run, and what must hold.

use std::collections::BTreeMap;
use std::time::Instant;

use super::answer;
use super::server_end::Execution;
use crate::session::client::{CallOutcome, Event, GivenUp};
use crate::wire::ctrl::SessionKey;
use crate::wire::failure::FaultKind;

pub(super) struct Call {
    pub(super) tag: u64,
    pub(super) size: usize,
    pub(super) idempotent: bool,
    pub(super) deadline: Option<Instant>,
    /// Crashes, evictions and surrenders up to when the call was made.
    pub(super) disasters: u64,
    pub(super) end: Option<End>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum End {
    Ran,
    NeverRuns,
    MayRun,
}

/// The ledger of the instrument beside the log of the client.
#[derive(Default)]
pub(super) struct Trial {
    pub(super) calls: BTreeMap<u64, Call>,
    pub(super) executions: BTreeMap<u64, u32>,
    last_started: BTreeMap<SessionKey, u64>,
    pub(super) disasters: u64,
    /// Disasters up to when the client last dialled, began this session, and began the one before.
    pub(super) at_dial: u64,
    at_session: u64,
    at_session_before: u64,
    pub(super) tally: BTreeMap<&'static str, u64>,
}

impl Trial {
    pub(super) fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    fn runs(&self, call: &Call) -> u32 {
        self.executions.get(&call.tag).copied().unwrap_or(0)
    }

    pub(super) fn started(&mut self, key: SessionKey, execution: Execution) {
        let Execution { number, tag, .. } = execution;
        let last = self.last_started.insert(key, number).unwrap_or(0);
        assert!(number > last, "call {number} was started after {last}");
        *self.executions.entry(tag).or_default() += 1;
        let call = self.calls.values().find(|call| call.tag == tag).unwrap();
        assert!(
            call.idempotent || self.runs(call) == 1,
            "call {number} ran twice"
        );
        assert_ne!(
            call.end,
            Some(End::NeverRuns),
            "call {number} ran after all"
        );
        self.count("executions");
    }

    pub(super) fn gave_up(&mut self, number: u64, given_up: GivenUp) {
        let end = match given_up {
            GivenUp::Ended => {
                assert!(self.calls[&number].end.is_some());
                return;
            }
            GivenUp::NotSent => End::NeverRuns,
            GivenUp::Sent => End::MayRun,
        };
        self.ended(number, end);
    }

    fn ended(&mut self, number: u64, end: End) {
        let runs = self.runs(&self.calls[&number]);
        let call = self.calls.get_mut(&number).unwrap();
        assert_eq!(call.end, None, "call {number} ended twice");
        call.end = Some(end);
        match end {
            End::Ran if call.idempotent => assert!(runs >= 1),
            End::Ran => assert_eq!(runs, 1, "call {number} is said to have run"),
            End::NeverRuns => assert_eq!(runs, 0, "call {number} is said not to have run"),
            End::MayRun => {}
        }
    }

    pub(super) fn event(&mut self, event: Event, now: Instant) {
        let (number, outcome) = match event {
            Event::Ended { call, outcome } => (call, outcome),
            Event::Progress { call, .. } => {
                assert_eq!(self.calls[&call].end, None, "progress after the end");
                return self.count("progress");
            }
            Event::Connected { resumed: true, .. } => return self.count("resumed"),
            Event::Connected { resumed: false, .. } => {
                self.at_session_before = std::mem::replace(&mut self.at_session, self.at_dial);
                return self.count("new sessions");
            }
            Event::Lost(_) | Event::Queued(_) | Event::Waiting(_) | Event::Notice(_) => return,
        };
        let call = &self.calls[&number];
        let (what, end) = match outcome {
            CallOutcome::Returned(payload) => {
                assert_eq!(
                    payload.into_bytes(),
                    answer(call.tag, call.size),
                    "another call's answer"
                );
                ("returned", End::Ran)
            }
            CallOutcome::Failed(fault) => {
                let kept = fault.kind != FaultKind::ReplyNotKept;
                (if kept { "failed" } else { "not kept" }, End::Ran)
            }
            CallOutcome::Refused(_) => ("refused", End::NeverRuns),
            CallOutcome::NotSent(_) => ("not sent", End::NeverRuns),
            CallOutcome::TimedOut => {
                assert!(call.deadline.is_some_and(|deadline| deadline <= now));
                ("timed out", End::MayRun)
            }
            CallOutcome::NotBegun => {
                assert!(call.deadline.is_some_and(|deadline| deadline <= now));
                ("timed out before its turn", End::NeverRuns)
            }
            CallOutcome::Unknown(reason) => {
                // It may have been sent to a server that had crashed already.
                let known = call.disasters.min(self.at_session_before);
                let is_left_behind = reason.contains("it was still running");
                assert!(
                    is_left_behind || self.disasters > known,
                    "unknown, but: {reason}"
                );
                ("unknown", End::MayRun)
            }
        };
        self.count(what);
        self.ended(number, end);
    }

    pub(super) fn in_flight(&self) -> Vec<u64> {
        let open = self.calls.iter().filter(|(_, call)| call.end.is_none());
        open.map(|(number, _)| *number).collect()
    }
}
