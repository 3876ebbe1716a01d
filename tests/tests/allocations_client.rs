//! Allocations of a small call at the client. A test program of its own, because it counts those of the whole process; the
//! server runs in another process.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::alloc::System;
use std::sync::{Mutex, PoisonError};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tests::child::Peer;
use tests::{BenchProxy, Way, both_ways};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

both_ways!(a_small_call_takes_one_allocation_at_the_client);

/// Only one test counts at a time.
static ALONE: Mutex<()> = Mutex::new(());

const CALLS: usize = 1000;
/// Other threads of the process allocate now and then, so the smallest of several counts is taken.
const ROUNDS: usize = 10;
const PEER: &str = env!("CARGO_BIN_EXE_peer");

/// The frame of the call, which is kept until the call has ended.
fn a_small_call_takes_one_allocation_at_the_client(way: Way) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (_server, address) = Peer::quiet_server(PEER, way);
    let client = way.client_at(&address).connect().unwrap();
    let bench = BenchProxy::new(&client);
    let count = || {
        let region = Region::new(COUNTED);
        for _ in 0..CALLS {
            bench.step().unwrap();
        }
        let change = region.change();
        change.allocations + change.reallocations
    };
    // Warms up: buffers grow with the first calls.
    count();
    let allocations = (0..ROUNDS).map(|_| count()).min().unwrap();
    let average = allocations as f64 / CALLS as f64;
    assert!((average - 1.0).abs() < 0.1, "{average} in each call");
}
