//! When to probe a peer, so that the system notices in time that it is gone.

use std::time::Duration;

/// The times of TCP keepalive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProbeTiming {
    /// How long a connection may be idle before its peer is probed, in whole seconds.
    pub(crate) idle: Duration,
    /// Time from one probe to the next, in whole seconds.
    pub(crate) interval: Duration,
    /// Number of probes that may go unanswered.
    pub(crate) retries: u32,
    /// How long sent data may remain unacknowledged, on systems that have this option.
    pub(crate) user_timeout: Duration,
}

impl ProbeTiming {
    /// The times with which the system notices that a peer has vanished after `time`, whether the connection was idle
    /// or not. `time` is limited to [`MIN`]..=[`MAX`] and rounded down to seconds.
    pub(crate) fn within(time: Duration) -> Self {
        let total = time.clamp(MIN, MAX).as_secs();
        let interval = (total / 6).max(1);
        let retries = MAX_RETRIES.min((total - 1) / interval);
        let seconds = Duration::from_secs;
        Self {
            idle: seconds(total - retries * interval),
            interval: seconds(interval),
            retries: u32::try_from(retries).unwrap_or(1),
            // Linux checks this at each probe: a little before the last one, so that the last one finds it exceeded.
            user_timeout: seconds(total) - Duration::from_millis(500),
        }
    }
}

/// Shortest time that can be requested: systems count in seconds.
const MIN: Duration = Duration::from_secs(2);
/// Longest time that all systems accept. Linux refuses 32768 s for `idle` and `interval`.
const MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Maximum number of probes. Probes get lost, too: a bad wireless network must not look like a dead peer.
const MAX_RETRIES: u64 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_probe_is_due_when_the_time_is_over() {
        let seconds = Duration::from_secs;
        for time in (0..200).chain([3600, 86_400, 131_071, 1 << 40, u64::MAX]) {
            let time = seconds(time);
            let timing = ProbeTiming::within(time);
            let ProbeTiming {
                idle,
                interval,
                retries,
                user_timeout,
            } = timing;
            let total = idle + interval * retries;
            assert_eq!(total, time.clamp(seconds(2), seconds(86_400)));
            assert!(total - interval < user_timeout && user_timeout < total);
            assert!(
                retries >= if total > seconds(2) { 2 } else { 1 },
                "{timing:?}"
            );
            // What Linux accepts.
            for part in [idle, interval] {
                assert!((1..=32_767).contains(&part.as_secs()), "{timing:?}");
                assert_eq!(part.subsec_nanos(), 0);
            }
            assert!(i32::try_from(user_timeout.as_millis()).is_ok());
        }
        let default = ProbeTiming::within(seconds(15));
        assert_eq!((default.idle, default.interval), (seconds(7), seconds(2)));
    }
}
