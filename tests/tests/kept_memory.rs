//! Memory that a program takes and drops with each call stays with its process. A test program of its own, because it
//! counts the page faults of the process.

#![cfg(all(target_os = "linux", target_env = "gnu"))]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::fs;

use ipc_client::Client;
use ipc_core::remote;
use ipc_server::Server;

pub struct Scope;

#[remote]
impl Scope {
    /// Two channels, which are longer together than each of them.
    pub fn channels(&self) -> (Vec<f64>, Vec<f64>) {
        (vec![0.5; SAMPLES], vec![1.5; SAMPLES])
    }

    /// Samples of two channels.
    pub fn pairs(&self) -> Vec<(f64, u32)> {
        vec![(0.5, 7); SAMPLES]
    }
}

/// Number of samples of a channel: 4 MB.
const SAMPLES: usize = 500_000;

#[test]
fn long_results_take_no_memory_anew() {
    let server = Server::builder().port(0).device(Scope).spawn().unwrap();
    let client = Client::builder(server.local_addr().to_string()).connect();
    let scope = ScopeProxy::new(&client.unwrap());
    assert!(faults(|| drop(scope.channels().unwrap())) < LIMIT);
    assert!(faults(|| drop(scope.pairs().unwrap())) < LIMIT);
}

/// Far fewer than the pages of one channel.
const LIMIT: u64 = 500;

/// The page faults of a call, once there have been others.
fn faults(call: impl Fn()) -> u64 {
    (0..10).for_each(|_| call());
    let before = all_faults();
    (0..10).for_each(|_| call());
    (all_faults() - before) / 10
}

fn all_faults() -> u64 {
    let status = fs::read_to_string("/proc/self/stat").unwrap();
    let fields = status.rsplit(')').next().unwrap();
    fields.split_whitespace().nth(7).unwrap().parse().unwrap()
}
