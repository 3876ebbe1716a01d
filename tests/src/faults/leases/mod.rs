//! Clients that share a server, take its devices from each other, and lose their connections meanwhile.
//!
//! A [`lab`] serves two devices, which put on record who was inside and who had a lease at that moment. Three processes
//! with a [`lessee`] each work with them, behind a bad network each; the [`run`] stops them now and then for longer than
//! their leases are kept. What they were told is compared with the record as in the other runs, and then the [`rights`] of
//! each call are judged.

pub mod lab;
pub mod lessee;
pub mod record;
pub mod rights;
pub mod run;

use super::random::Random;

/// The devices. The first one has a release hook.
pub const DEVICES: [&str; 2] = ["laser", "meter"];

/// Number of clients. They are numbered from 1 on.
pub const WORKERS: u64 = 3;

/// Returns the number of the worker that chose the number of a call or a lease.
pub fn worker_of(number: u64) -> u64 {
    number >> 32
}

/// Returns what worker number `worker` calls itself.
pub fn name_of(worker: u64) -> String {
    format!("w{worker}")
}

fn any_device(random: &mut Random) -> &'static str {
    match random.chance(50) {
        true => DEVICES[0],
        false => DEVICES[1],
    }
}
