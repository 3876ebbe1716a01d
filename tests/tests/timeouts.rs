//! Calls that time out, are cancelled, or report progress.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ipc_client::{CallError, CancellationToken, Retry};
use ipc_core::Shared;
use tests::middle::Middle;
use tests::{Bench, BenchProxy, Way, both_ways, until, within};

both_ways!(
    a_timeout_ends_the_call_and_shifts_no_answer,
    a_driver_that_looks_stops_when_nobody_waits,
    a_driver_stops_although_its_caller_is_silent,
    a_driver_that_looks_stops_when_its_caller_is_gone,
    a_driver_that_looks_goes_on_for_a_caller_that_comes_back,
    a_token_cancels_at_once,
    progress_arrives_while_the_call_runs,
    a_call_whose_time_is_over_before_its_turn_is_not_run,
    a_call_behind_one_that_was_given_up_is_not_run,
    an_async_call_whose_time_is_over_before_its_turn_is_not_run,
    a_deadline_holds_for_all_calls_together,
);

fn a_timeout_ends_the_call_and_shifts_no_answer(way: Way) {
    let bench = Bench::new();
    let gate = bench.gate();
    let server = way.server().device(bench).spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    let hasty = BenchProxy::new(&client.timeout(Duration::from_millis(200)));
    let start = Instant::now();
    let error = hasty.pass().unwrap_err();
    let took = start.elapsed();
    assert!((200..1000).contains(&took.as_millis()), "{took:?}");
    assert!(matches!(error, CallError::TimedOut { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("`pass` did not answer within 200ms"),
        "{error}"
    );
    gate.open(1);
    let bench = BenchProxy::new(&client);
    for n in 0..1000 {
        assert_eq!(bench.echo(n).unwrap(), n);
    }
    assert_eq!(bench.steps().unwrap(), 1, "it did run");
}

fn a_driver_that_looks_stops_when_nobody_waits(way: Way) {
    let server = way.server().device(Bench::new()).spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    let hasty = BenchProxy::new(&client.timeout(Duration::from_millis(200)));
    let start = Instant::now();
    let error = hasty.scan(60_000).unwrap_err();
    assert!(matches!(error, CallError::TimedOut { .. }), "{error}");
    // The scan notices that it was cancelled, and the next call runs.
    assert_eq!(BenchProxy::new(&client).steps().unwrap(), 1);
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
}

/// Regression test: a cancellation was sent only with the next call of the same client.
fn a_driver_stops_although_its_caller_is_silent(way: Way) {
    let shared = Shared::new(Bench::new());
    let server = way.server().device(shared.clone()).spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    let hasty = BenchProxy::new(&client.timeout(Duration::from_millis(200)));
    let error = hasty.scan(60_000).unwrap_err();
    assert!(matches!(error, CallError::TimedOut { .. }), "{error}");
    let stopped = thread::spawn(move || shared.lock().steps());
    within(Duration::from_secs(5), "the driver stops", || {
        stopped.is_finished()
    });
    assert_eq!(stopped.join().unwrap(), 1);
}

/// Regression test: a driver that checked for cancellation continued to measure for a client that was gone.
fn a_driver_that_looks_stops_when_its_caller_is_gone(way: Way) {
    let shared = Shared::new(Bench::new());
    let grace = Duration::from_millis(300);
    let server = way.server().grace(grace).device(shared.clone());
    let server = server.spawn().unwrap();
    let middle = Middle::new(server.local_addr());
    let address = middle.address().to_string();
    let (began, begins) = std::sync::mpsc::channel();
    let client = way.client_at(&address).retry(Retry::never()).connect_lazy();
    let client = client.on_progress(move |_, _| began.send(()).unwrap_or(()));
    let scan = thread::spawn(move || BenchProxy::new(&client).scan(60_000));
    begins.recv_timeout(Duration::from_secs(20)).unwrap();
    middle.close();
    let error = scan.join().unwrap().unwrap_err();
    assert!(matches!(error, CallError::OutcomeUnknown { .. }), "{error}");
    let stopped = thread::spawn(move || shared.lock().steps());
    within(Duration::from_secs(5), "the driver stops", || {
        stopped.is_finished()
    });
    assert_eq!(stopped.join().unwrap(), 1);
}

/// A client that is disconnected for a moment keeps its call, even if the driver checks for cancellation.
fn a_driver_that_looks_goes_on_for_a_caller_that_comes_back(way: Way) {
    let server = way.server().device(Bench::new()).spawn().unwrap();
    let middle = Middle::new(server.local_addr());
    let (began, begins) = std::sync::mpsc::channel();
    let client = way.client_at(&middle.address().to_string()).connect_lazy();
    let watched = client.on_progress(move |_, _| began.send(()).unwrap_or(()));
    let scan = thread::spawn(move || BenchProxy::new(&watched).scan(1500));
    for _ in 0..3 {
        begins.recv_timeout(Duration::from_secs(20)).unwrap();
        middle.cut();
    }
    assert!(scan.join().unwrap().unwrap() > 10);
    assert_eq!(
        BenchProxy::new(&client).steps().unwrap(),
        0,
        "not cancelled"
    );
    assert_eq!(client.handovers(), 0);
}

fn a_token_cancels_at_once(way: Way) {
    let server = way.server().device(Bench::new()).spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    let token = CancellationToken::new();
    let (began, begins) = std::sync::mpsc::channel();
    let watched = client
        .cancel_with(&token)
        .on_progress(move |_, _| began.send(()).unwrap_or(()));
    let scan = thread::spawn(move || BenchProxy::new(&watched).scan(60_000));
    begins.recv_timeout(Duration::from_secs(20)).unwrap();
    let start = Instant::now();
    token.cancel();
    let error = scan.join().unwrap().unwrap_err();
    assert!(matches!(error, CallError::Cancelled { .. }), "{error}");
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(BenchProxy::new(&client).steps().unwrap(), 1);
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    let late = BenchProxy::new(&client.cancel_with(&token)).step();
    assert!(late.unwrap_err().is_not_executed());
}

fn progress_arrives_while_the_call_runs(way: Way) {
    let server = way.server().device(Bench::new()).spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    let seen: Arc<Mutex<Vec<(f64, String)>>> = Arc::default();
    let note = Arc::clone(&seen);
    let watched = client.on_progress(move |fraction, message| {
        note.lock().unwrap().push((fraction, message.to_string()));
    });
    let rounds = BenchProxy::new(&watched).scan(300).unwrap();
    let seen = seen.lock().unwrap();
    assert!(rounds > 2, "{rounds}");
    // Reports that follow each other closely replace each other; the first and the last arrive.
    let told: Vec<u64> = seen
        .iter()
        .map(|(_, round)| round.parse().unwrap())
        .collect();
    assert_eq!(
        (told.first(), told.last()),
        (Some(&1), Some(&rounds)),
        "{told:?}"
    );
    assert!(told.is_sorted() && told.len() as u64 <= rounds, "{told:?}");
    assert!(seen.iter().all(|(fraction, _)| *fraction == 0.5));
}

fn a_call_whose_time_is_over_before_its_turn_is_not_run(way: Way) {
    let bench = Bench::new();
    let gate = bench.gate();
    let server = way.server().device(bench).spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    let long = thread::spawn({
        let client = client.clone();
        move || BenchProxy::new(&client).pass().unwrap()
    });
    gate.wait_for_call();
    let hasty = BenchProxy::new(&client.timeout(Duration::from_millis(100)));
    assert!(matches!(hasty.step(), Err(CallError::TimedOut { .. })));
    until_known(|| hasty.step());
    gate.open(1);
    assert_eq!(long.join().unwrap(), 1);
    assert_eq!(BenchProxy::new(&client).steps().unwrap(), 1);
}

/// The first one is given up and hangs in the device, so that the second one begins, and waits at the gate.
fn a_call_behind_one_that_was_given_up_is_not_run(way: Way) {
    let bench = Bench::new();
    let gate = bench.gate();
    let server = way.server().device(bench).spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    let hasty = BenchProxy::new(&client.timeout(Duration::from_millis(100)));
    assert!(hasty.pass().is_err());
    gate.wait_for_call();
    until_known(|| hasty.step());
    gate.open(1);
    assert_eq!(BenchProxy::new(&client).steps().unwrap(), 1);
}

/// Repeats a call that waits for its turn until the client has learned in time that it was not run.
fn until_known(mut call: impl FnMut() -> Result<u64, CallError>) {
    until("it is known that the call was not run", || {
        let error = call().unwrap_err();
        assert!(matches!(error, CallError::TimedOut { .. }), "{error}");
        error.is_not_executed() && error.to_string().contains("did not begin within 100ms")
    });
}

fn an_async_call_whose_time_is_over_before_its_turn_is_not_run(way: Way) {
    let bench = Bench::new();
    let gate = bench.gate();
    let server = way.server().device(bench).spawn().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = runtime
        .block_on(way.async_client(&server).connect())
        .unwrap();
    let long = runtime.spawn(BenchProxy::new(&client).pass());
    gate.wait_for_call();
    let hasty = BenchProxy::new(&client.timeout(Duration::from_millis(100)));
    until_known(|| runtime.block_on(hasty.step()));
    gate.open(1);
    assert_eq!(runtime.block_on(long).unwrap().unwrap(), 1);
    let steps = runtime.block_on(BenchProxy::new(&client).steps());
    assert_eq!(steps.unwrap(), 1);
}

fn a_deadline_holds_for_all_calls_together(way: Way) {
    let server = way.server().device(Bench::new()).spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    let start = Instant::now();
    let limited = BenchProxy::new(&client.deadline(start + Duration::from_millis(500)));
    let calls = (0..1000).take_while(|_| limited.sleep(50).is_ok()).count();
    assert!(start.elapsed() < Duration::from_secs(3));
    assert!((1..=10).contains(&calls), "{calls}");
    assert!(limited.step().unwrap_err().is_not_executed());
}
