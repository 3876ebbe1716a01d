//! One claim, and the clocks that it lives by.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::changes::End;
use super::clock::{Clock, LOOK_EVERY};

/// How long after it was last asked for a claim is passed over.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How long a lease is kept if its client loses its connection, unless the request says otherwise.
pub(super) const GRACE: Duration = Duration::from_secs(15);

#[derive(Clone, Debug, Hash)]
pub(super) struct Claim {
    pub(super) number: u128,
    pub(super) party: u64,
    /// What tells the client from others across restarts of the server; empty for none.
    pub(super) identity: String,
    /// In order of their names.
    pub(super) devices: Vec<Arc<str>>,
    pub(super) because: String,
    pub(super) refuses_reads: bool,
    pub(super) grace: Duration,
    /// How long the lease lasts at most.
    pub(super) lasts: Option<Duration>,
    /// When it was asked for or, if it is held, granted.
    pub(super) since: Instant,
    /// Runs while the party has no connection.
    pub(super) doubt: Option<Clock>,
    /// True if the party was busy at the last look.
    pub(super) was_busy: bool,
    pub(super) stage: Stage,
}

#[derive(Clone, Debug, Hash)]
pub(super) enum Stage {
    Waiting {
        /// True once it has not been asked for in [`PATIENCE`]. The clock is then that of its end.
        is_silent: bool,
        clock: Clock,
    },
    Held {
        /// Runs if the lease lasts for a certain time only.
        ends: Option<Clock>,
        notice: Option<Notice>,
    },
}

/// The lease is about to be ended by somebody else.
#[derive(Clone, Debug, Hash)]
pub(super) struct Notice {
    pub(super) at: Instant,
    pub(super) end: End,
}

impl Stage {
    /// The stage of a claim that was asked for right now.
    pub(super) fn waiting(now: Instant) -> Self {
        Self::Waiting {
            is_silent: false,
            clock: Clock::new(now, PATIENCE),
        }
    }

    /// The stage of a lease that was granted right now.
    pub(super) fn held(lasts: Option<Duration>, now: Instant) -> Self {
        Self::Held {
            ends: lasts.map(|lasts| Clock::new(now, lasts)),
            notice: None,
        }
    }
}

impl Claim {
    pub(super) fn is_held(&self) -> bool {
        matches!(self.stage, Stage::Held { .. })
    }

    /// Returns true if it waits and others may be granted before it.
    pub(super) fn is_passed_over(&self) -> bool {
        match self.stage {
            Stage::Waiting { is_silent, .. } => is_silent || self.doubt.is_some(),
            Stage::Held { .. } => false,
        }
    }

    pub(super) fn has(&self, device: &str) -> bool {
        let devices = &self.devices;
        devices.binary_search_by(|it| (**it).cmp(device)).is_ok()
    }

    /// Returns a device that both claims name.
    pub(super) fn shares(&self, other: &Self) -> Option<&Arc<str>> {
        self.devices.iter().find(|device| other.has(device))
    }

    /// Returns when the lease ends as things are, if that is known.
    pub(super) fn ends(&self) -> Option<Instant> {
        let Stage::Held { ends, notice } = &self.stage else {
            return None;
        };
        let clocks = ends.iter().chain(&self.doubt).map(Clock::due);
        clocks.chain(notice.iter().map(|notice| notice.at)).min()
    }

    /// Returns true if a clock runs that stands still while the party is busy.
    pub(super) fn has_clock(&self) -> bool {
        let ends = !matches!(self.stage, Stage::Held { ends: None, .. });
        ends || self.doubt.is_some()
    }

    fn clocks(&mut self) -> impl Iterator<Item = &mut Clock> {
        let own = match &mut self.stage {
            Stage::Waiting { clock, .. } => Some(clock),
            Stage::Held { ends, .. } => ends.as_mut(),
        };
        own.into_iter().chain(&mut self.doubt)
    }

    /// Lets the clocks run up to `now`, and notes whether the claim is passed over from now on. Returns how it ends, if it
    /// does.
    pub(super) fn look(
        &mut self,
        previous: Option<Instant>,
        now: Instant,
        is_busy: bool,
    ) -> Option<End> {
        let stopped = is_busy || self.was_busy;
        self.was_busy = is_busy;
        self.clocks()
            .for_each(|it| it.count(previous, now, stopped));
        if let Stage::Held { notice, .. } = &self.stage
            && let Some(notice) = notice.as_ref().filter(|notice| notice.at <= now)
        {
            return Some(notice.end.clone());
        }
        if is_busy {
            return None;
        }
        if let Some(doubt) = self.doubt {
            if doubt.due() <= now {
                return Some(End::lost());
            }
            if !self.is_held() {
                return None;
            }
        }
        match &mut self.stage {
            Stage::Held { ends, .. } => {
                let ends = ends.filter(|ends| ends.due() <= now);
                ends.map(|_| End::expired())
            }
            Stage::Waiting { is_silent, clock } => {
                if clock.due() > now {
                    return None;
                }
                if *is_silent {
                    return Some(End::silent());
                }
                *is_silent = true;
                *clock = Clock::new(now, self.grace.saturating_sub(PATIENCE));
                None
            }
        }
    }

    /// Returns when to look again, after a look at `now`.
    pub(super) fn next_look(&self, now: Instant) -> Option<Instant> {
        let notice = match &self.stage {
            Stage::Held { notice, .. } => notice.as_ref().map(|notice| notice.at),
            Stage::Waiting { .. } => None,
        };
        let sample = self.has_clock().then(|| now + LOOK_EVERY);
        let own = match &self.stage {
            // Whoever has no connection cannot ask.
            Stage::Waiting { clock, .. } if self.doubt.is_none() => Some(clock.due()),
            Stage::Waiting { .. } => None,
            Stage::Held { ends, .. } => ends.map(|ends| ends.due()),
        };
        let clocks = own.into_iter().chain(self.doubt.map(|doubt| doubt.due()));
        let due = clocks.filter(|_| !self.was_busy);
        notice.into_iter().chain(sample).chain(due).min()
    }
}
