//! Types whose `Deserialize` takes a lock. It runs early for a long argument, but not while a driver may hold the lock.

#![allow(missing_docs, clippy::unwrap_used, unreachable_pub, reason = "tests")]

use std::sync::{Mutex, PoisonError};

use ipc_core::{CallContext, remote};
use serde::{Deserialize, Deserializer, Serialize};
use tests::{Gate, Way, both_ways_async, until};

both_ways_async!(a_type_that_waits_for_a_driver_does_not_hold_up_the_driver);

/// What the driver and the type of an argument share.
static NAMES: Mutex<()> = Mutex::new(());

#[derive(Serialize)]
pub struct Trace {
    name: String,
    samples: Vec<f64>,
}

impl<'de> Deserialize<'de> for Trace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let _names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        let (name, samples) = Deserialize::deserialize(deserializer)?;
        Ok(Self { name, samples })
    }
}

pub struct Scope(Gate);

#[remote]
impl Scope {
    /// Returns whether the call was cancelled, once the gate is open.
    pub fn rename(&mut self, ctx: &CallContext) -> bool {
        let _names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.pass();
        ctx.is_cancelled()
    }

    pub fn show(&mut self, trace: Trace) -> usize {
        trace.name.len() + trace.samples.len()
    }
}

async fn a_type_that_waits_for_a_driver_does_not_hold_up_the_driver(way: Way) {
    let gate = Gate::default();
    let server = way.server().device(Scope(gate.clone()));
    let server = server.start().await.unwrap();
    let client = way.async_client_at(&server.local_addr().to_string());
    let scope = ScopeProxy::new(&client.connect().await.unwrap());
    let renaming = tokio::spawn({
        let scope = scope.clone();
        async move { scope.rename().await }
    });
    gate.wait_for_call();
    let (name, samples) = ("one".to_string(), vec![0.5; 500_000]);
    let whole = 8 * samples.len() as u64;
    let shown = tokio::spawn(async move { scope.show(Trace { name, samples }).await });
    until("all of it has come", || {
        let holder = server.holder();
        holder.is_some_and(|holder| holder.bytes_received > whole)
    });
    gate.open(1);
    assert!(!renaming.await.unwrap().unwrap());
    assert_eq!(shown.await.unwrap().unwrap(), 500_003);
}
