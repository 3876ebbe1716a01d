//! The calls of one client that are inside drivers.

use std::time::{Duration, Instant};

use crate::driver_call::{DriverCall, Returned};
#[cfg(feature = "proof")]
use crate::mutant::Mutant;

#[cfg(test)]
mod tests;

/// The calls of one client that are inside drivers, in the order in which they began.
///
/// All but the last of them were given up by their callers. They outlive the [stay](crate::stay::Stay) of the client if
/// they are stuck.
#[derive(Debug, Default)]
pub struct RunningCalls {
    calls: Vec<DriverCall>,
    #[cfg(feature = "proof")]
    pub(crate) mutant: Option<Mutant>,
}

/// What is to be done about a call after a [look](RunningCalls::look) at it.
#[derive(Debug, PartialEq)]
pub enum Due {
    /// The deadline of this call passed a second ago: its caller now counts as one that has given up.
    GivenUp(u64),
    /// A report of progress that was held back is to be sent.
    Progress {
        /// The call.
        call: u64,
        /// How far it is, from 0 to 1.
        fraction: f64,
        /// What it says.
        message: String,
    },
    /// This call hangs: the devices that it is inside of are to be marked as stuck, and the call is to be
    /// [left behind](DriverCall::leave_behind).
    Hung(u64),
}

impl RunningCalls {
    /// Breaks a rule on purpose.
    #[cfg(feature = "proof")]
    pub fn plant(&mut self, mutant: Option<Mutant>) {
        self.mutant = mutant;
    }

    /// Adds a call that is about to begin.
    #[inline]
    pub(crate) fn push(&mut self, call: DriverCall) {
        self.calls.push(call);
    }

    /// Removes a call that has returned.
    #[inline]
    pub fn end(&mut self, call: u64) -> Returned {
        let mut calls = self.calls.iter();
        // It is the last one, unless its caller gave it up.
        let at = calls.rposition(|running| running.number == call);
        at.map(|at| self.calls.remove(at).end()).unwrap_or_default()
    }

    /// Returns the calls in the order in which they began.
    pub fn iter(&self) -> std::slice::Iter<'_, DriverCall> {
        self.calls.iter()
    }

    /// Returns the call with this number.
    pub fn get(&self, call: u64) -> Option<&DriverCall> {
        self.calls.iter().find(|running| running.number == call)
    }

    /// Returns the call with this number.
    pub fn get_mut(&mut self, call: u64) -> Option<&mut DriverCall> {
        let mut calls = self.calls.iter_mut();
        calls.find(|running| running.number == call)
    }

    /// Returns true if there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Returns true if there is a call whose caller waits.
    pub fn are_awaited(&self) -> bool {
        self.calls.iter().any(|call| !call.is_given_up())
    }

    /// Returns true if there is a call that is not stuck. As long as there is one, the place of the client does not pass
    /// on, and the tick looks at the calls.
    pub fn keep_the_place(&self) -> bool {
        self.calls.iter().any(|call| !call.is_stuck())
    }

    /// Returns the calls that [keep the place](Self::keep_the_place).
    pub fn not_stuck(&mut self) -> impl Iterator<Item = &mut DriverCall> {
        self.calls.iter_mut().filter(|call| !call.is_stuck())
    }

    /// Notes which callers no longer wait for their calls. Returns those of which it was not known.
    #[inline]
    pub fn give_up(&mut self, has_given_up: impl Fn(u64) -> bool, now: Instant) -> Vec<u64> {
        let mut given_up = Vec::new();
        for call in &mut self.calls {
            if has_given_up(call.number) && call.give_up(now) {
                given_up.push(call.number);
            }
        }
        given_up
    }

    /// Looks at the calls, as the tick does every 10 ms while there are any. `pause` is how long this process was
    /// suspended before `now`; `overrun` returns how long a call must have run before it can hang.
    ///
    /// The next look is due as long as calls [keep the place](Self::keep_the_place).
    pub fn look(
        &mut self,
        now: Instant,
        pause: Duration,
        overrun: impl Fn(u64) -> Duration,
    ) -> Vec<Due> {
        let mut due = Vec::new();
        for running in &mut self.calls {
            let call = running.number;
            if !pause.is_zero() && !has_mutant!(self, IgnoresSuspension) {
                running.discount_suspension(pause, now);
            }
            if running.check_deadline(now)
                || has_mutant!(self, LosesPatience) && running.give_up(now)
            {
                due.push(Due::GivenUp(call));
            }
            if let Some((fraction, message)) = running.due_report(now) {
                due.push(Due::Progress {
                    call,
                    fraction,
                    message,
                });
            }
            if running.is_given_up() && !running.is_stuck() && running.is_hung(overrun(call), now) {
                due.push(Due::Hung(call));
            }
        }
        due
    }
}
