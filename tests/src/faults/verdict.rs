//! The verdict on a run: compares the driver's ledger with the callers' log.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use super::ledger::{LogBook, Outcome};

/// One death of the server.
#[derive(Clone, Copy, Debug)]
pub struct Restart {
    /// Time just before the kill.
    pub killed_us: u64,
    /// Time at which the server listened again.
    pub back_us: u64,
}

/// The result of the comparison.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Calls that were started.
    pub calls: u64,
    /// Calls that the driver executed.
    pub executed: u64,
    /// Repeated executions of calls that are not idempotent.
    pub doubles: u64,
    /// Repeated executions of idempotent calls.
    pub repeats: u64,
    /// Calls that succeeded but were not executed, or returned another call's reply.
    pub false_successes: u64,
    /// Calls reported as not executed that were executed.
    pub false_refusals: u64,
    /// Calls reported as failed that were not executed.
    pub false_faults: u64,
    /// Calls that ended in "outcome unknown".
    pub unknown: u64,
    /// Those without a restart of the server during the call or within [`UNNOTICED_US`] before it.
    pub unexplained: u64,
    /// Longest time from a restart to the start of a call whose outcome it made unknown, in microseconds.
    pub unnoticed_us: u64,
    /// Those reported later than [`TOLD_WITHIN_US`] after the server listened again.
    pub late: u64,
    /// Longest time from a restart to the end of a call with unknown outcome, in microseconds.
    pub latest_us: u64,
    /// Calls whose callers were killed.
    pub abandoned: u64,
    /// Calls whose end was reported more than once.
    pub ended_twice: u64,
    /// Executions without a call.
    pub unasked: u64,
    /// Number of calls by outcome.
    pub outcomes: BTreeMap<Outcome, u64>,
}

/// How long after a restart a call may take to report that its outcome is unknown.
pub const TOLD_WITHIN_US: u64 = 5_000_000;

/// How long after a restart a call may still be sent over a connection to the dead server, because the end of that
/// connection has not arrived yet.
pub const UNNOTICED_US: u64 = 20_000;

impl Verdict {
    /// Compares ledger and log.
    pub fn of(ledger: &HashMap<u64, u32>, book: &LogBook, restarts: &[Restart]) -> Self {
        let mut verdict = Self {
            calls: book.calls.len() as u64,
            executed: ledger.len() as u64,
            ..Self::default()
        };
        verdict.unasked = ledger
            .keys()
            .filter(|token| !book.calls.contains_key(token))
            .count() as u64;
        for (token, told) in &book.calls {
            let executions = ledger.get(token).copied().unwrap_or(0);
            let again = u64::from(executions.saturating_sub(1));
            match told.idempotent {
                true => verdict.repeats += again,
                false => verdict.doubles += again,
            }
            verdict.ended_twice += u64::from(told.ends > 1);
            match told.end {
                None => verdict.abandoned += 1,
                Some((outcome, at)) => {
                    verdict.count(outcome, executions > 0);
                    if outcome == Outcome::Unknown {
                        verdict.explain(told.began_us, at, restarts);
                    }
                }
            }
        }
        verdict
    }

    fn count(&mut self, outcome: Outcome, executed: bool) {
        *self.outcomes.entry(outcome).or_default() += 1;
        match (outcome, executed) {
            (Outcome::Wrong, _) | (Outcome::Right, false) => self.false_successes += 1,
            (outcome, true) if outcome.is_not_executed() => self.false_refusals += 1,
            (Outcome::Fault | Outcome::NotKept, false) => self.false_faults += 1,
            (Outcome::Unknown, _) => self.unknown += 1,
            _ => {}
        }
    }

    fn explain(&mut self, began: u64, ended: u64, restarts: &[Restart]) {
        let before_end = || restarts.iter().filter(|r| r.killed_us <= ended);
        let gaps = before_end().map(|restart| began.saturating_sub(restart.back_us));
        match gaps.min().filter(|gap| *gap <= UNNOTICED_US) {
            Some(gap) => self.unnoticed_us = self.unnoticed_us.max(gap),
            None => self.unexplained += 1,
        }
        let back = restarts.iter().map(|r| r.back_us).filter(|at| *at <= ended);
        let waited = back.max().map_or(0, |at| ended - at);
        self.latest_us = self.latest_us.max(waited);
        self.late += u64::from(waited > TOLD_WITHIN_US);
    }

    /// Returns what is wrong; empty if the run passed.
    pub fn complaints(&self) -> Vec<String> {
        let counts = [
            (self.doubles, "doubles"),
            (self.false_successes, "false successes"),
            (self.false_refusals, "refused, but executed"),
            (self.false_faults, "failed, but not executed"),
            (self.unexplained, "unknown without a restart of the server"),
            (self.late, "unknown told too late"),
            (self.ended_twice, "ended twice"),
            (self.unasked, "executed unasked"),
        ];
        counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect()
    }

    /// Returns the number of calls with this outcome.
    pub fn ended(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(&outcome).copied().unwrap_or(0)
    }
}

/// Prints how the calls ended.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ends:")?;
        for (outcome, count) in &self.outcomes {
            write!(f, " {} {count},", outcome.name())?;
        }
        write!(
            f,
            " caller killed {}; repeatable calls run again: {}; refused but executed: {}",
            self.abandoned, self.repeats, self.false_refusals
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::ledger::Told;

    fn told(end: Option<(Outcome, u64)>, idempotent: bool) -> Told {
        let ends = u32::from(end.is_some());
        Told {
            idempotent,
            began_us: 1_000_000,
            end,
            ends,
        }
    }

    fn judge(executions: u32, told: Told, restarts: &[Restart]) -> Vec<String> {
        let ledger = (executions > 0)
            .then_some((1, executions))
            .into_iter()
            .collect();
        let book = LogBook {
            calls: [(1, told)].into(),
            ..LogBook::default()
        };
        Verdict::of(&ledger, &book, restarts).complaints()
    }

    #[test]
    fn every_lie_is_found() {
        let end = |outcome| told(Some((outcome, 1_000_200)), false);
        for (executions, outcome, complaint) in [
            (2, Outcome::Right, "1 doubles"),
            (2, Outcome::Unknown, "1 doubles"),
            (0, Outcome::Right, "1 false successes"),
            (1, Outcome::Wrong, "1 false successes"),
            (1, Outcome::Refused, "1 refused, but executed"),
            (1, Outcome::Held, "1 refused, but executed"),
            (1, Outcome::Fenced, "1 refused, but executed"),
            (1, Outcome::NotSent, "1 refused, but executed"),
            (1, Outcome::NotBegun, "1 refused, but executed"),
            (0, Outcome::Fault, "1 failed, but not executed"),
            (
                1,
                Outcome::Unknown,
                "1 unknown without a restart of the server",
            ),
        ] {
            let complaints = judge(executions, end(outcome), &[]);
            assert!(
                complaints.contains(&complaint.to_string()),
                "{executions} {outcome:?}: {complaints:?}"
            );
        }
        let unasked = Verdict::of(&[(7, 1)].into(), &LogBook::default(), &[]);
        assert_eq!(unasked.complaints(), ["1 executed unasked"]);
    }

    #[test]
    fn honest_ends_are_no_lies() {
        let none: [String; 0] = [];
        let restart = Restart {
            killed_us: 1_000_150,
            back_us: 1_000_160,
        };
        for (executions, outcome) in [
            (1, Outcome::Right),
            (1, Outcome::Fault),
            (0, Outcome::Refused),
            (0, Outcome::TimedOut),
            (1, Outcome::TimedOut),
            (0, Outcome::Unknown),
            (1, Outcome::Unknown),
        ] {
            assert_eq!(
                judge(
                    executions,
                    told(Some((outcome, 1_000_200)), false),
                    &[restart]
                ),
                none
            );
        }
        assert_eq!(judge(1, told(None, false), &[]), none);
        assert_eq!(
            judge(3, told(Some((Outcome::Right, 1_000_200)), true), &[]),
            none
        );
    }

    #[test]
    fn unknown_must_be_told_soon_after_the_restart_that_caused_it() {
        let unknown = |at| told(Some((Outcome::Unknown, at)), false);
        let restart = Restart {
            killed_us: 1_000_150,
            back_us: 1_000_160,
        };
        assert_eq!(
            judge(1, unknown(1_000_160 + TOLD_WITHIN_US + 1), &[restart]),
            ["1 unknown told too late"]
        );
        let before = Restart {
            killed_us: 10,
            back_us: 20,
        };
        assert_eq!(
            judge(1, unknown(1_000_200), &[before]),
            ["1 unknown without a restart of the server"]
        );
    }
}
