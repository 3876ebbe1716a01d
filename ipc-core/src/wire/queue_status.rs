//! The queue of a server, as a waiting client and a server's own program see it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The view from the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs)]
pub struct QueueStatus {
    /// 1 for the next in line; 0 if no other client is before this one but an earlier call of its own runs.
    pub place: u32,
    /// Number of clients that wait.
    pub waiting: u32,
    /// What the holder calls itself.
    pub holder: String,
    /// Where the holder's connection comes from.
    pub holder_address: String,
    /// How long the holder has had the server, in milliseconds.
    pub held_ms: u64,
    /// How long the holder has not called anything, in milliseconds; 0 while a call runs.
    pub idle_ms: u64,
    /// The method on the wire that runs; empty while none does.
    pub running: String,
    /// How long it has run, in milliseconds.
    pub running_ms: u64,
}

impl fmt::Display for QueueStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            place,
            waiting,
            holder,
            holder_address,
            held_ms,
            idle_ms,
            running,
            running_ms,
        } = self;
        let held = held_ms / 1000;
        if *place == 0 && running.is_empty() {
            return write!(
                f,
                "an earlier call of this client still runs, for {held} s so far"
            );
        }
        let runs = running_ms / 1000;
        if *place == 0 {
            return write!(
                f,
                "an earlier call of this client still runs: `{running}`, for {runs} s so far"
            );
        }
        write!(
            f,
            "place {place} of {waiting} in the queue; {holder} at {holder_address} has held the server for {held} s, "
        )?;
        match running.as_str() {
            "" => write!(f, "idle for {} s", idle_ms / 1000),
            method => write!(f, "and `{method}` has run for {runs} s"),
        }
    }
}
