//! Allocations of a small call at the server. A test program of its own, because it counts those of the whole process.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "tests"
)]

use std::alloc::System;
use std::io::{Read, Write};
use std::net::TcpStream;

use ipc_core::interface::remote::Remote;
use ipc_core::remote;
use ipc_core::wire::codec;
use ipc_core::wire::ctrl::CallHeader;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tests::Way;
use tests::probe::frame;
use tests::raw::{Raw, hello};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const CALLS: usize = 1000;
/// Other threads of the process allocate now and then, so the smallest of several counts is taken.
const ROUNDS: usize = 10;

struct Counter(u64);

#[remote]
impl Counter {
    pub fn add(&mut self, by: u64) -> u64 {
        self.0 += by;
        self.0
    }
}

/// Returns the number of allocations of [`CALLS`] calls.
fn allocations(mut call: impl FnMut()) -> usize {
    let mut count = || {
        let region = Region::new(COUNTED);
        (0..CALLS).for_each(|_| call());
        let change = region.change();
        change.allocations + change.reallocations
    };
    // Warms up: buffers grow with the first calls.
    count();
    (0..ROUNDS).map(|_| count()).min().unwrap()
}

/// A client that does not allocate.
struct FrugalClient {
    stream: TcpStream,
    call: Vec<u8>,
    number: u64,
}

impl FrugalClient {
    fn call(&mut self) {
        self.number += 1;
        let number = self.number.to_le_bytes();
        self.call[6..14].copy_from_slice(&number);
        self.call[14..22].copy_from_slice(&number);
        self.stream.write_all(&self.call).unwrap();
        let mut answer = [0; 22];
        self.stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer[..6], [18, 0, 0, 0, 200, 0]);
        assert_eq!(answer[6..14], number);
    }
}

/// Although the server keeps the answer until the client has confirmed it.
#[test]
fn a_small_call_takes_no_allocation_at_the_server() {
    let server = Way::Plain.server().device(Counter(0)).spawn().unwrap();
    let mut raw = Raw::connect(Way::Plain, server.local_addr());
    raw.say(&hello("frugal"));
    raw.await_word();
    let header = CallHeader {
        fingerprint: Counter::interface().methods[0].fingerprint(),
        method: "add".into(),
        ..CallHeader::default()
    };
    let mut payload = Vec::new();
    codec::encode(&(header, 1_u64), &mut payload, codec::MAX_VALUE).unwrap();
    let mut client = FrugalClient {
        stream: raw.stream,
        call: frame(10, &payload),
        number: 0,
    };
    let allocations = allocations(|| client.call());
    assert!(allocations < CALLS / 10, "{allocations} in {CALLS} calls");
}
