//! A call inside a driver: when it began, whether its caller still waits, and whether it hangs.

use std::time::{Duration, Instant};

use ipc_core::wire::sanitize::fit_for_progress;

use crate::work::Work;

/// A call inside a driver.
#[derive(Debug)]
pub struct DriverCall {
    /// Its number in its session.
    pub number: u64,
    deadline: Option<Instant>,
    /// When it was first seen to run for long, which is about when it began: nothing reads the clock for short calls.
    first_seen: Option<Instant>,
    /// When its caller gave it up.
    given_up: Option<Instant>,
    /// True if it hangs, and nothing waits for it any more.
    is_left: bool,
    /// The devices that are stuck because of it.
    stuck: Vec<String>,
    /// Makes a stop wait for the thread of the call. `None` if the thread has been left behind.
    work: Option<Work>,
    /// A report of progress that came too soon after the previous one to be sent.
    progress: Option<(f64, String)>,
    last_report: Option<Instant>,
}

/// What is left of a call that has returned.
#[derive(Debug, Default)]
pub struct Returned {
    /// Makes a stop wait for the thread of the call. `None` if the thread was left behind.
    pub work: Option<Work>,
    /// The devices that were stuck because of the call.
    pub recovered: Vec<String>,
    /// A report of progress that was held back.
    pub progress: Option<(f64, String)>,
}

impl DriverCall {
    /// A call that is about to begin. `work` makes a stopping server wait for its thread.
    #[inline]
    pub fn new(number: u64, deadline: Option<Instant>, work: Option<Work>) -> Self {
        Self {
            number,
            deadline,
            first_seen: None,
            given_up: None,
            is_left: false,
            stuck: Vec::new(),
            work,
            progress: None,
            last_report: None,
        }
    }

    /// Notes that its caller no longer waits for it. Returns false if that was known.
    pub fn give_up(&mut self, now: Instant) -> bool {
        let is_news = self.given_up.is_none();
        self.given_up.get_or_insert(now);
        is_news
    }

    /// Returns true once its caller no longer waits for it.
    pub fn is_given_up(&self) -> bool {
        self.given_up.is_some()
    }

    /// Notes that the call still runs at `now`. A caller whose deadline passed a second ago counts as one that has
    /// given up; returns true if this is noticed for the first time.
    pub(crate) fn check_deadline(&mut self, now: Instant) -> bool {
        self.first_seen.get_or_insert(now);
        let is_overdue =
            |deadline: Instant| now.saturating_duration_since(deadline) >= GIVEN_UP_FOR;
        self.deadline.is_some_and(is_overdue) && self.give_up(now)
    }

    /// Returns true if the call hangs: it has run for `overrun`, and its caller gave it up at least a second ago.
    pub(crate) fn is_hung(&self, overrun: Duration, now: Instant) -> bool {
        let (Some(first_seen), Some(given_up)) = (self.first_seen, self.given_up) else {
            return false;
        };
        let since = |then: Instant| now.saturating_duration_since(then);
        since(first_seen) >= overrun && since(given_up) >= GIVEN_UP_FOR
    }

    /// Does not count `pause`, which ended just before `now`, as time in which the call ran: the process was suspended, and
    /// no driver could return. A caller that was found after the pause to have given up gave up at `now`.
    pub(crate) fn discount_suspension(&mut self, pause: Duration, now: Instant) {
        if self.first_seen.is_none() {
            // It began no longer ago than the last look before the pause.
            return;
        }
        let later = |at: Instant| at.checked_add(pause);
        self.first_seen = self.first_seen.and_then(later).map(|at| at.min(now));
        self.given_up = self.given_up.and_then(later).map(|at| at.min(now));
        self.deadline = self.deadline.and_then(later);
    }

    /// Returns about when it began.
    pub fn began(&self, now: Instant) -> Instant {
        self.first_seen.unwrap_or(now)
    }

    /// Notes that the call hangs in the devices `stuck`. A stop no longer waits for it, unless there are none: it has
    /// then just left them, and is about to end.
    pub fn leave_behind(&mut self, stuck: Vec<String>) {
        if !stuck.is_empty() {
            self.leave_behind_beside();
        }
        self.stuck = stuck;
    }

    /// Notes that the call hangs in an urgent method, which makes no device stuck. A stop no longer waits for it.
    pub fn leave_behind_beside(&mut self) {
        self.is_left = true;
        self.work = None;
    }

    /// Returns true if it hangs and has been left behind.
    pub fn is_stuck(&self) -> bool {
        self.is_left
    }

    /// Notes that the call has returned.
    #[inline]
    pub(crate) fn end(self) -> Returned {
        Returned {
            work: self.work,
            recovered: self.stuck,
            progress: self.progress,
        }
    }

    /// Takes a report of progress. Returns true if it is to be sent now. One that comes too soon after the previous one is
    /// held back until a later [look](crate::calls::RunningCalls::look), or until the next one takes its place. If the
    /// caller has given up, it is dropped.
    pub fn report(&mut self, fraction: f64, message: &str, now: Instant) -> bool {
        if self.is_given_up() {
            return false;
        }
        let may_send = self.may_report(now);
        let held_back = || (fraction, fit_for_progress(message));
        self.progress = (!may_send).then(held_back);
        may_send
    }

    /// Returns the report of progress that was held back, if it may be sent now.
    pub(crate) fn due_report(&mut self, now: Instant) -> Option<(f64, String)> {
        let is_due = self.progress.is_some() && self.may_report(now);
        self.progress.take_if(|_| is_due)
    }

    /// Returns true if a report of progress may be sent now, and then counts it as sent.
    fn may_report(&mut self, now: Instant) -> bool {
        let is_recent = |last: Instant| now.saturating_duration_since(last) < BETWEEN_REPORTS;
        let may = !self.last_report.is_some_and(is_recent);
        if may {
            self.last_report = Some(now);
        }
        may
    }
}

/// How long ago a caller must have given up its call before the call can count as hung; also how long after its
/// deadline a caller counts as one that has given up.
const GIVEN_UP_FOR: Duration = Duration::from_secs(1);
/// Minimum time between two reports of progress.
const BETWEEN_REPORTS: Duration = Duration::from_millis(50);
