//! Devices in the process of an async program, and mocks: code for async callers is tested without a server.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "tests")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ipc_client::{AsyncLocal, CancellationToken};
use ipc_core::{CallContext, CallError, Local, Mock, NotSent, remote};

#[derive(Default)]
pub struct Tagger {
    count: u64,
    stopped: Arc<AtomicU32>,
}

#[remote]
impl Tagger {
    pub async fn counts(&mut self, window: Duration) -> u64 {
        tokio::time::sleep(window).await;
        self.count += 1;
        self.count
    }

    pub async fn acquire(&mut self, ctx: &CallContext, steps: u32) -> Result<u32, String> {
        for step in 0..steps {
            ctx.progress(f64::from(step) / f64::from(steps), "counting");
            if ctx.is_cancelled() {
                self.stopped.fetch_add(1, Ordering::SeqCst);
                return Err("stopped".into());
            }
            tokio::time::sleep(MOMENT).await;
        }
        Ok(steps)
    }

    #[remote(get)]
    pub fn count(&self) -> u64 {
        self.count
    }

    pub async fn not_send(&self) -> u64 {
        let shared = std::rc::Rc::new(3);
        tokio::task::yield_now().await;
        *shared
    }
}

const MOMENT: Duration = Duration::from_millis(2);
const FOR_EVER: u32 = u32::MAX;

fn tagger() -> (AsyncLocal, TaggerProxy<AsyncLocal>, Arc<AtomicU32>) {
    let tagger = Tagger::default();
    let stopped = Arc::clone(&tagger.stopped);
    let local = AsyncLocal::new(tagger).unwrap();
    let proxy = TaggerProxy::new(&local);
    (local, proxy, stopped)
}

async fn timers_and_all_else_work() {
    let (_, tagger, _) = tagger();
    assert_eq!(tagger.counts(MOMENT).await, Ok(1));
    let (one, other) = tokio::join!(tagger.counts(MOMENT), tagger.counts(MOMENT));
    assert_eq!((one, other), (Ok(2), Ok(3)), "in the order of the calls");
    assert_eq!(tagger.not_send().await, Ok(3));
    let task = tokio::spawn(async move { tagger.count().await });
    assert_eq!(task.await.unwrap(), Ok(3));
}

#[tokio::test]
async fn a_driver_with_timers_runs_in_a_runtime_of_one_thread() {
    timers_and_all_else_work().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_driver_with_timers_runs_in_a_runtime_of_many_threads() {
    timers_and_all_else_work().await;
}

#[tokio::test(start_paused = true)]
async fn a_driver_waits_by_the_clock_of_the_test() {
    let (_, tagger, _) = tagger();
    assert_eq!(tagger.counts(Duration::from_secs(3600)).await, Ok(1));
}

#[tokio::test]
async fn progress_is_told_before_the_call_returns() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&told);
    let watched = tagger().0.on_progress(move |fraction, message| {
        log.lock().unwrap().push((fraction, message.to_string()));
    });
    assert_eq!(TaggerProxy::new(&watched).acquire(2).await, Ok(2));
    let expected = [(0.0, "counting".to_string()), (0.5, "counting".to_string())];
    assert_eq!(*told.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_call_is_given_up_by_a_token_a_timeout_or_dropping_it() {
    let (local, tagger, stopped) = tagger();
    let token = CancellationToken::new();
    let cancellable = TaggerProxy::new(&local.cancel_with(&token));
    let cancel = async {
        tokio::time::sleep(MOMENT).await;
        token.cancel();
    };
    let (outcome, ()) = tokio::join!(cancellable.acquire(FOR_EVER), cancel);
    assert!(
        matches!(outcome, Err(CallError::Cancelled { .. })),
        "{outcome:?}"
    );
    // The next call waits until the driver has stopped.
    assert_eq!(tagger.count().await, Ok(0));
    assert_eq!(stopped.load(Ordering::SeqCst), 1);
    let never = cancellable.count().await.unwrap_err();
    assert!(never.is_not_executed(), "{never}");

    let hasty = TaggerProxy::new(&local.timeout(10 * MOMENT));
    let outcome = hasty.acquire(FOR_EVER).await;
    assert!(
        matches!(outcome, Err(CallError::TimedOut { .. })),
        "{outcome:?}"
    );
    assert_eq!(tagger.count().await, Ok(0));
    assert_eq!(stopped.load(Ordering::SeqCst), 2);

    let dropped = tokio::time::timeout(10 * MOMENT, tagger.acquire(FOR_EVER)).await;
    assert!(dropped.is_err());
    assert_eq!(tagger.count().await, Ok(0));
    assert_eq!(stopped.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_call_that_still_waits_for_its_turn_is_known_not_to_have_run() {
    let (local, tagger, _) = tagger();
    let hasty = TaggerProxy::new(&local.timeout(5 * MOMENT));
    let (first, second) = tokio::join!(tagger.counts(50 * MOMENT), hasty.counts(MOMENT));
    assert_eq!(first, Ok(1));
    let CallError::NotSent { reason, .. } = second.unwrap_err() else {
        unreachable!()
    };
    assert_eq!(reason, NotSent::TimedOut(5 * MOMENT));
    assert_eq!(tagger.count().await, Ok(1));
}

#[test]
fn without_a_runtime_the_call_says_so() {
    let (_, tagger, _) = tagger();
    let future = std::pin::pin!(tagger.count());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(outcome) = future.poll(&mut context) else {
        unreachable!()
    };
    let error = outcome.unwrap_err();
    assert!(
        error.is_not_executed() && error.to_string().contains("tokio runtime"),
        "{error}"
    );
}

#[test]
fn an_async_method_that_needs_a_runtime_names_the_caller_that_has_one() {
    let local = Local::new(Tagger::default()).unwrap();
    let error = TaggerProxy::new(&local)
        .counts(MOMENT)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("AsyncLocal") && error.contains("runtime"),
        "{error}"
    );
}

/// A future that is woken by another thread, and knows nothing of runtimes.
pub struct Elsewhere;

#[remote]
impl Elsewhere {
    pub async fn answer(&mut self) -> u32 {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || sender.send(7));
        tokio::task::yield_now().await;
        receiver.await.unwrap()
    }
}

#[test]
fn a_blocking_test_drives_async_methods_with_and_without_a_runtime() {
    let elsewhere = ElsewhereProxy::new(&Local::new(Elsewhere).unwrap());
    assert_eq!(elsewhere.answer(), Ok(7));
    let tagger = TaggerProxy::new(&Local::new(Tagger::default()).unwrap());
    let error = tagger.counts(MOMENT).unwrap_err().to_string();
    assert!(
        error.contains("`let _entered = runtime.enter();`"),
        "{error}"
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    assert_eq!(tagger.counts(MOMENT), Ok(1));
    assert_eq!(elsewhere.answer(), Ok(7));
}

/// The call waits for ever, which looks like a long measurement, so a notice suggests the likely cause.
#[test]
fn a_blocking_local_that_holds_its_runtime_up_is_pointed_out() {
    tests::log::capture();
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        runtime.block_on(async {
            let local = Local::new(Tagger::default()).unwrap();
            let _ = TaggerProxy::new(&local).counts(MOMENT);
        });
    });
    tests::log::expect(&["WARN", "waits for ever", "AsyncLocal"]);
}

#[test]
fn a_blocking_local_shows_progress_and_cancels() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let reached = Arc::new(AtomicU32::new(0));
    let (told, asked) = (Arc::clone(&reached), Arc::clone(&reached));
    let local = Local::new(Tagger::default())
        .unwrap()
        .on_progress(move |_, message| {
            assert_eq!(message, "counting");
            told.fetch_add(1, Ordering::SeqCst);
        })
        .cancel_when(move || asked.load(Ordering::SeqCst) == 2);
    let error = TaggerProxy::new(&local).acquire(FOR_EVER).unwrap_err();
    assert_eq!(error.fault().unwrap().message, "stopped");
}

#[remote]
trait Meter {
    type Error: std::error::Error;

    async fn read(&mut self, samples: u32) -> Result<f64, Self::Error>;
}

struct Simulation;

impl Meter for Simulation {
    type Error = std::num::ParseIntError;

    async fn read(&mut self, samples: u32) -> Result<f64, Self::Error> {
        tokio::time::sleep(MOMENT).await;
        Ok(f64::from(samples) / 2.0)
    }
}

async fn both<M: Meter>(meter: &mut M) -> Result<f64, M::Error> {
    Ok(meter.read(1).await? + meter.read(2).await?)
}

#[tokio::test]
async fn code_for_an_async_trait_runs_on_a_device_of_this_process() {
    let local = AsyncLocal::new(MeterDevice(Simulation)).unwrap();
    assert_eq!(both(&mut Simulation).await, Ok(1.5));
    assert_eq!(both(&mut MeterProxy::new(&local)).await, Ok(1.5));
}

#[tokio::test]
async fn code_for_an_async_trait_runs_on_a_mock() {
    let mock = Mock::new(|call| call.answer(0.5));
    let mut meter = MeterProxy::new(&mock.asynchronous());
    drop(meter.read(7));
    assert!(mock.calls().is_empty(), "not awaited, not called");
    assert_eq!(both(&mut meter).await, Ok(1.0));
    assert_eq!(mock.calls().len(), 2);
}
