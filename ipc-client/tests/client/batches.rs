//! Batches: calls that are recorded, and then run together.

use ipc_client::{Batch, CallError, Client, NotSent, Proxy, Refusal};
use ipc_core::interface::caller::OutgoingCall;
use ipc_core::{Args, Caller};

use crate::asynchronous;
use crate::support::{Cut, connected, refused_as};

fn echo<C: Clone>(batch: &Batch<C>, n: u64) -> ipc_client::Later<u64> {
    let args = Args::new().arg(n).unwrap();
    Caller::call(batch, OutgoingCall::by_name("echo", &args))
}

fn fail<C: Clone>(batch: &Batch<C>, name: &str) -> ipc_client::Later<u32> {
    let args = Args::new().arg(name).unwrap();
    Caller::call(batch, OutgoingCall::by_name("fail", &args))
}

#[test]
fn calls_run_together_and_each_has_its_own_result() {
    let (server, client) = connected();
    let batch = client.batch();
    let (first, second) = (echo(&batch, 1), echo(&batch, 2));
    assert_eq!(batch.len(), 2);
    assert!(server.ledger().is_empty());
    batch.run().unwrap();
    assert_eq!((first.get(), second.get()), (Ok(1), Ok(2)));
    assert_eq!(first.get(), Ok(1), "as often as it is asked for");
    assert_eq!(server.ledger(), ["batch"]);
    assert!(batch.is_empty());
    batch.run().unwrap();
    assert_eq!(server.ledger(), ["batch"], "nothing is sent");
    let third = echo(&batch, 3);
    batch.run().unwrap();
    assert_eq!(third.get(), Ok(3));
}

#[test]
fn the_first_failure_ends_a_batch() {
    let (_server, client) = connected();
    let batch = client.batch();
    let (before, failed, behind) = (echo(&batch, 1), fail(&batch, "pump"), echo(&batch, 2));
    batch.run().unwrap();
    assert_eq!(before.get(), Ok(1));
    let error = failed.get().unwrap_err();
    assert!(error.to_string().contains("pump is on fire"), "{error}");
    assert!(error.fault().is_some());
    let error = behind.get().unwrap_err();
    assert!(matches!(
        refused_as(&error),
        Some(Refusal::Cancelled { method }) if method == "echo"
    ));
}

#[test]
fn a_result_before_the_run_is_a_clear_error() {
    let (_server, client) = connected();
    let batch = client.batch();
    let later = echo(&batch, 1);
    let error = later.get().unwrap_err();
    let text = error.to_string();
    assert!(
        error.is_not_executed() && text.contains("call `run` first"),
        "{text}"
    );
    drop(batch);
    assert!(later.get().is_err());
}

#[test]
fn a_call_that_cannot_be_made_keeps_the_batch_back() {
    let (server, client) = connected();
    let batch = client.batch();
    let good = echo(&batch, 1);
    let bad = Caller::call::<u64>(&batch, OutgoingCall::describe());
    let error = batch.run().unwrap_err();
    assert_eq!(bad.get().unwrap_err(), error);
    let text = good.get().unwrap_err().to_string();
    assert!(
        text.starts_with("`echo` was not sent: another call"),
        "{text}"
    );
    assert!(server.ledger().is_empty());
}

#[test]
fn a_batch_has_at_most_a_thousand_calls() {
    let (server, client) = connected();
    let batch = client.batch();
    let calls: Vec<_> = (0..1000).map(|n| echo(&batch, n)).collect();
    batch.run().unwrap();
    assert!((0..).zip(&calls).all(|(n, later)| later.get() == Ok(n)));
    let calls: Vec<_> = (0..1001).map(|n| echo(&batch, n)).collect();
    let error = batch.run().unwrap_err();
    assert!(error.to_string().contains("1000 calls"), "{error}");
    assert!(calls.iter().all(|later| later.get().is_err()));
    assert_eq!(server.ledger().len(), 1);
}

#[test]
fn a_batch_that_is_not_answered_ends_all_its_calls() {
    let (_server, client) = connected();
    client.close();
    let batch = client.batch();
    let later = echo(&batch, 1);
    let error = batch.run().unwrap_err();
    let is_closed = |error: &CallError| {
        matches!(
            error,
            CallError::NotSent {
                reason: NotSent::Closed,
                ..
            }
        )
    };
    assert!(is_closed(&error) && is_closed(&later.get().unwrap_err()));
}

#[test]
fn a_batch_runs_once_whatever_the_connection_does() {
    for cut in [Cut::BeforeRunning, Cut::BeforeAnswering] {
        let (server, client) = connected();
        assert_eq!(client.call::<u64>("echo", 1), Ok(1));
        server.cut_next(cut);
        let batch = client.batch();
        let later = echo(&batch, 2);
        batch.run().unwrap();
        assert_eq!(later.get(), Ok(2));
        assert_eq!(server.ledger(), ["echo", "batch"]);
    }
}

#[test]
fn a_batch_composes_with_a_lease() {
    let (server, client) = connected();
    let sum = client.with(["laser"], |client: &Client| {
        let batch = client.batch();
        let (one, two) = (echo(&batch, 1), echo(&batch, 2));
        batch.run()?;
        Ok::<_, CallError>(one.get()? + two.get()?)
    });
    assert_eq!(sum, Ok(Ok(3)));
    assert_eq!(server.ledger(), ["lease.claim", "batch", "lease.release"]);
}

struct Pump;

#[allow(unreachable_pub, reason = "`#[remote]` takes public methods")]
#[ipc_client::remote(crate = ipc_client)]
impl Pump {
    /// Reads the voltage.
    pub fn read_voltage(&mut self, samples: u32) -> f64 {
        samples.into()
    }
}

#[test]
fn proxies_record_their_calls() {
    let (_server, client) = connected();
    let batch = client.batch();
    let pump = <PumpProxy<_> as Proxy<_>>::with_prefix(&batch, "pump_");
    let voltage: ipc_client::Later<f64> = pump.read_voltage(20);
    batch.run().unwrap();
    // The scripted server has no pump.
    let error = voltage.get().unwrap_err();
    let Some(Refusal::UnknownMethod { method, .. }) = refused_as(&error) else {
        panic!("{error:?}");
    };
    assert_eq!(method, "pump_read_voltage");
}

#[tokio::test]
async fn the_async_client_has_batches_too() {
    let (server, client) = asynchronous::connected().await;
    let batch = client.batch();
    let (first, second) = (echo(&batch, 1), fail(&batch, "pump"));
    batch.run().await.unwrap();
    assert_eq!(first.get(), Ok(1));
    assert!(second.get().is_err());
    let unsent = echo(&batch, 3);
    drop(batch.run());
    assert!(unsent.get().unwrap_err().to_string().contains("call `run`"));
    {
        let mut run = Box::pin(batch.run());
        asynchronous::send(&mut run).await;
    }
    assert!(matches!(unsent.get(), Err(CallError::Cancelled { .. })));
    assert_eq!(server.ledger()[0], "batch");
}
