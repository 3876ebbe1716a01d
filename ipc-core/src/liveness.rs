//! How to set a socket up so that the system notices in time that its peer is gone. Numbers only: both ends have sockets
//! of their own.

use std::time::Duration;

/// What to ask of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct Probing {
    /// How long a connection may be quiet before its peer is probed; whole seconds.
    pub idle: Duration,
    /// The time from one probe to the next; whole seconds.
    pub interval: Duration,
    /// Number of probes that may go unanswered.
    pub retries: u32,
    /// How long sent bytes may go unconfirmed, where the system can be told.
    pub user_timeout: Duration,
}

impl Probing {
    /// The settings with which the system notices within this time that a peer has vanished, whether it was quiet or
    /// spoken to. At least [`SHORTEST`] and at most [`LONGEST`]; parts of a second are dropped. An end that must be the
    /// first to notice asks for less than it promises.
    pub fn within(time: Duration) -> Self {
        let total = time.clamp(SHORTEST, LONGEST).as_secs();
        let interval = (total / 6).max(1);
        let retries = RETRIES.min((total - 1) / interval);
        let seconds = Duration::from_secs;
        Self {
            idle: seconds(total - retries * interval),
            interval: seconds(interval),
            retries: u32::try_from(retries).unwrap_or(1),
            // Linux looks at this at each probe. Just below the time of the last one, so that it is not missed by a hair.
            user_timeout: seconds(total) - Duration::from_millis(500),
        }
    }
}

/// The least time that can be asked for: systems count in seconds.
pub const SHORTEST: Duration = Duration::from_secs(2);
/// The longest time that all systems take: a day. Linux refuses 32768 s for each of the parts.
pub const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// Probes are lost, too: a bad wireless network must not look like a dead peer.
const RETRIES: u64 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_probe_is_due_when_the_time_is_over() {
        let seconds = Duration::from_secs;
        for time in (0..200).chain([3600, 86_400, 131_071, 1 << 40, u64::MAX]) {
            let time = seconds(time);
            let probing = Probing::within(time);
            let Probing {
                idle,
                interval,
                retries,
                user_timeout,
            } = probing;
            let total = idle + interval * retries;
            assert_eq!(total, time.clamp(seconds(2), seconds(86_400)));
            assert!(total - interval < user_timeout && user_timeout < total);
            assert!(
                retries >= if total > seconds(2) { 2 } else { 1 },
                "{probing:?}"
            );
            // What Linux takes.
            for part in [idle, interval] {
                assert!((1..=32_767).contains(&part.as_secs()), "{probing:?}");
                assert_eq!(part.subsec_nanos(), 0);
            }
            assert!(i32::try_from(user_timeout.as_millis()).is_ok());
        }
        let default = Probing::within(seconds(15));
        assert_eq!((default.idle, default.interval), (seconds(7), seconds(2)));
    }
}
