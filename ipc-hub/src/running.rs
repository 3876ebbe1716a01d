//! A call inside a driver, as long as it runs.

use std::time::{Duration, Instant};

use crate::work::Work;

/// A call inside a driver.
#[derive(Debug)]
pub struct Running {
    /// Its number in its session.
    pub number: u64,
    deadline: Option<Instant>,
    /// When it was first seen to run for long, which is about when it began: nothing reads the clock for short calls.
    seen: Option<Instant>,
    /// When its caller gave it up.
    given_up: Option<Instant>,
    /// The devices that are refused to others because of it.
    stuck: Vec<String>,
    /// Makes a stopping server wait for the thread of the call, unless it is stuck.
    work: Option<Work>,
    /// A report of progress that came too soon after the last one.
    pub progress: Option<(f64, String)>,
    told: Option<Instant>,
}

impl Running {
    /// A call that is about to begin. `work` makes a stopping server wait for its thread.
    pub fn new(number: u64, deadline: Option<Instant>, work: Option<Work>) -> Self {
        Self {
            number,
            deadline,
            seen: None,
            given_up: None,
            stuck: Vec::new(),
            work,
            progress: None,
            told: None,
        }
    }

    /// Its caller no longer waits for it. Returns true if that is news.
    pub fn give_up(&mut self, now: Instant) -> bool {
        let is_news = self.given_up.is_none();
        self.given_up.get_or_insert(now);
        is_news
    }

    /// True once its caller no longer waits for it.
    pub fn is_given_up(&self) -> bool {
        self.given_up.is_some()
    }

    /// Looks at the clock. A caller that has waited for longer than it said is taken to have given up; returns true if
    /// that is news.
    pub fn look(&mut self, now: Instant) -> bool {
        self.seen.get_or_insert(now);
        let is_overdue =
            |deadline: Instant| now.saturating_duration_since(deadline) >= GIVEN_UP_FOR;
        self.deadline.is_some_and(is_overdue) && self.give_up(now)
    }

    /// True if the call has had its chance to end: it has run for `overrun`, and nobody has waited for it for a second.
    pub fn is_hung(&self, overrun: Duration, now: Instant) -> bool {
        let (Some(seen), Some(given_up)) = (self.seen, self.given_up) else {
            return false;
        };
        let since = |then: Instant| now.saturating_duration_since(then);
        since(seen) >= overrun && since(given_up) >= GIVEN_UP_FOR
    }

    /// Shifts its times by `pause`, for which this process was suspended until just before `now`: no driver could return in
    /// that time. A caller that was found to have given up after the pause gave up at `now`, not in the future.
    pub fn excuse(&mut self, pause: Duration, now: Instant) {
        if self.seen.is_none() {
            // It began no longer ago than the last look before the pause.
            return;
        }
        let later = |at: Instant| at.checked_add(pause);
        self.seen = self.seen.and_then(later).map(|at| at.min(now));
        self.given_up = self.given_up.and_then(later).map(|at| at.min(now));
        self.deadline = self.deadline.and_then(later);
    }

    /// About when it began.
    pub fn began(&self, now: Instant) -> Instant {
        self.seen.unwrap_or(now)
    }

    /// It hangs in these devices. A stopping server no longer waits for it, unless it is in none: then it is on its way out.
    pub fn leave_behind(&mut self, stuck: Vec<String>) {
        if !stuck.is_empty() {
            self.work = None;
        }
        self.stuck = stuck;
    }

    /// True if a device is refused to others because of it.
    pub fn is_stuck(&self) -> bool {
        !self.stuck.is_empty()
    }

    /// What makes a stopping server wait for the thread, if anything still does, and the devices that were stuck.
    pub fn into_parts(self) -> (Option<Work>, Vec<String>) {
        (self.work, self.stuck)
    }

    /// True if a report of progress may be sent now.
    pub fn may_tell(&mut self, now: Instant) -> bool {
        let is_recent = |told: Instant| now.saturating_duration_since(told) < BETWEEN_REPORTS;
        let may = !self.told.is_some_and(is_recent);
        if may {
            self.told = Some(now);
        }
        may
    }
}

/// How long ago a caller must have given up its call before the device of the call can count as stuck.
const GIVEN_UP_FOR: Duration = Duration::from_secs(1);
/// Shortest time between two reports of progress.
const BETWEEN_REPORTS: Duration = Duration::from_millis(50);
