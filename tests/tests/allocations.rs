//! Allocations of calls at the server. A test program of its own, because it counts those of the whole process.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "tests"
)]

use std::alloc::System;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, PoisonError};

use ipc_core::interface::remote::Remote;
use ipc_core::remote;
use ipc_core::wire::codec;
use ipc_core::wire::ctrl::CallHeader;
use ipc_server::ServerHandle;
use serde::Serialize;
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

    pub fn add_all(&mut self, by: Vec<u64>, times: u64) -> u64 {
        self.0 += by.iter().sum::<u64>() * times;
        self.0
    }
}

/// Only one measurement at a time.
static ALONE: Mutex<()> = Mutex::new(());

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

/// A client of `server` that makes a call of method number `method` with these arguments.
fn frugal(server: &ServerHandle, method: usize, arguments: impl Serialize) -> FrugalClient {
    let mut raw = Raw::connect(Way::Plain, server.local_addr());
    raw.say(&hello("frugal"));
    raw.await_word();
    let method = &Counter::interface().methods[method];
    let header = CallHeader {
        fingerprint: method.fingerprint(),
        method: method.name.clone(),
        ..CallHeader::default()
    };
    let mut payload = Vec::new();
    codec::encode(&(header, arguments), &mut payload, codec::MAX_VALUE).unwrap();
    FrugalClient {
        stream: raw.stream,
        call: frame(10, &payload),
        number: 0,
    }
}

/// Although the server keeps the answer until the client has confirmed it.
#[test]
fn a_small_call_takes_no_allocation_at_the_server() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let server = Way::Plain.server().device(Counter(0)).spawn().unwrap();
    let mut client = frugal(&server, 0, 1_u64);
    let allocations = allocations(|| client.call());
    assert!(allocations < CALLS / 10, "{allocations} in {CALLS} calls");
}

/// That of the list that the driver gets: the list is read from the network into it.
#[test]
fn a_long_argument_takes_its_own_memory_and_no_more() {
    const SIZE: usize = 8_000_000;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let server = Way::Plain.server().device(Counter(0)).spawn().unwrap();
    let mut client = frugal(&server, 1, (vec![1_u64; SIZE / 8], 3_u64));
    let mut allocated = || {
        let region = Region::new(COUNTED);
        client.call();
        region.change().bytes_allocated
    };
    let allocated = (0..ROUNDS).map(|_| allocated()).min().unwrap();
    assert!(
        (SIZE..SIZE * 5 / 4).contains(&allocated),
        "{allocated} bytes"
    );
}
