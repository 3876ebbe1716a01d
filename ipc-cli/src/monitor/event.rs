//! What happens while names are watched.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_client::Value;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::names::Target;
use crate::times;

/// What the thread that reads tells the one that shows.
#[derive(Debug)]
pub(super) enum Event {
    Reading(Reading),
    /// There are readings again.
    Gap(Gap),
    /// All names were read once, beginning at this time.
    Round(Timestamp),
}

/// One attempt to read one name.
#[derive(Debug)]
pub(super) struct Reading {
    /// The place of the name among all.
    pub(super) index: usize,
    pub(super) target: Arc<Target>,
    pub(super) time: Timestamp,
    pub(super) at: Instant,
    pub(super) outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    Value(Value),
    /// The driver failed, or the server refused; in words.
    Failed(String),
    /// A long call of others runs in the device, with its place in line in words.
    Waits(String),
}

/// A time without a connection.
#[derive(Debug)]
pub(super) struct Gap {
    pub(super) time: Timestamp,
    pub(super) lasted: Duration,
    /// True if the server was there, and served others.
    pub(super) others_had_it: bool,
}

impl Gap {
    pub(super) fn reason(&self) -> &'static str {
        match self.others_had_it {
            true => "others had the server",
            false => "no connection",
        }
    }

    /// `no connection for 12 s`
    pub(super) fn text(&self) -> String {
        format!("{} for {}", self.reason(), times::shown(self.lasted))
    }
}

/// A time for programs: in UTC, so that it goes on evenly when the clocks change.
pub(super) fn utc(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// A time for people: of this place, with its difference to UTC.
pub(super) fn local(time: Timestamp) -> String {
    let time = time.to_zoned_datetime(TimeZone::system());
    time.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

/// The time of day of this place.
pub(super) fn clock(time: Timestamp) -> String {
    let time = time.to_zoned_datetime(TimeZone::system());
    time.strftime("%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds_and_a_zone() {
        let time = Timestamp::from_millisecond(1_000).unwrap();
        assert_eq!(utc(time), "1970-01-01T00:00:01.000Z");
        let parsed: Timestamp = local(time).parse().unwrap();
        assert_eq!(parsed, time);
    }

    #[test]
    fn gaps_have_a_reason() {
        let gap = |others_had_it| Gap {
            time: Timestamp::UNIX_EPOCH,
            lasted: Duration::from_secs(12),
            others_had_it,
        };
        assert_eq!(gap(false).text(), "no connection for 12 s");
        assert_eq!(gap(true).text(), "others had the server for 12 s");
    }
}
