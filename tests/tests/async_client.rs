//! The async client over real sockets: calls that succeed, are dropped, or wait for their turn.

#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ipc_client::{
    AsyncClient, CallError, CancellationToken, ConnectError, ConnectionState, NotSent, Retry,
};
use ipc_core::{Shared, remote};
use tests::{Bench, BenchProxy, Way, both_ways_async, until, within};

both_ways_async!(
    tasks_share_one_client,
    properties_are_read_and_set,
    failures_of_the_driver_keep_their_type,
    a_timeout_ends_the_call_and_shifts_no_answer,
    a_deadline_holds_for_all_calls_together,
    a_driver_stops_although_its_caller_is_silent,
    a_token_cancels_what_tells_its_progress,
    a_dropped_future_stops_the_driver,
    a_client_dropped_in_mid_call_frees_the_server,
    a_call_outlives_the_handles_of_its_client,
    one_waits_behind_another_and_leaves_when_it_has_nothing_to_call,
    an_idle_holder_makes_room_and_comes_back,
);

const AT_ONCE: Duration = Duration::from_secs(5);

async fn connect(way: Way, server: &ipc_server::ServerHandle) -> AsyncClient {
    way.async_client(server).connect().await.unwrap()
}

async fn tasks_share_one_client(way: Way) {
    let server = way.server().device(Bench::new()).start().await.unwrap();
    let client = connect(way, &server).await;
    let tasks = [1, 2].map(|task| {
        let bench = BenchProxy::new(&client);
        tokio::spawn(async move {
            for n in 0..200 {
                let number = task * 1000 + n;
                assert_eq!(bench.echo(number).await.unwrap(), number);
                bench.step().await.unwrap();
            }
        })
    });
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(BenchProxy::new(&client).steps().await.unwrap(), 400);
    assert_eq!(server.waiting(), 0, "one connection for all");
}

/// Shines.
struct Lamp {
    brightness: u8,
}

/// Shines.
#[remote]
impl Lamp {
    /// How bright, in percent.
    #[remote(get)]
    pub fn brightness(&self) -> u8 {
        self.brightness
    }

    /// How bright, in percent.
    #[remote(set)]
    pub fn set_brightness(&mut self, #[remote(range = 0..=100)] brightness: u8) {
        self.brightness = brightness;
    }
}

async fn properties_are_read_and_set(way: Way) {
    let server = way.server().device(Lamp { brightness: 1 });
    let server = server.start().await.unwrap();
    let client = connect(way, &server).await;
    let lamp = LampProxy::new(&client);
    assert_eq!(lamp.brightness().await.unwrap(), 1);
    lamp.set_brightness(70).await.unwrap();
    assert_eq!(lamp.brightness().await.unwrap(), 70);
    let refused = lamp.set_brightness(101).await.unwrap_err();
    assert!(refused.is_not_executed(), "{refused}");
    let by_name = client.call::<u8>("get_brightness", ()).await;
    assert_eq!(by_name.unwrap(), 70);
    let help = client.help_for("brightness").await.unwrap();
    assert!(help.contains("How bright"), "{help}");
}

async fn failures_of_the_driver_keep_their_type(way: Way) {
    let server = way.server().device(Bench::new()).start().await.unwrap();
    let client = connect(way, &server).await;
    let bench = BenchProxy::new(&client);
    let failed = bench.fail(13).await.unwrap_err();
    assert!(matches!(failed, CallError::Fault { .. }), "{failed}");
    assert!(failed.to_string().contains("13 is unlucky"), "{failed}");
    assert_eq!(bench.soon(1).await.unwrap(), 2);
}

async fn a_timeout_ends_the_call_and_shifts_no_answer(way: Way) {
    let bench = Bench::new();
    let gate = bench.gate();
    let server = way.server().device(bench).start().await.unwrap();
    let client = connect(way, &server).await;
    let timeout = Duration::from_millis(200);
    let start = Instant::now();
    let error = BenchProxy::new(&client.timeout(timeout)).pass().await;
    assert!((timeout..AT_ONCE).contains(&start.elapsed()));
    let error = error.unwrap_err();
    assert!(matches!(error, CallError::TimedOut { .. }), "{error}");
    gate.open(1);
    let bench = BenchProxy::new(&client);
    for n in 0..1000 {
        assert_eq!(bench.echo(n).await.unwrap(), n);
    }
    assert_eq!(bench.steps().await.unwrap(), 1, "it did run");
}

async fn a_deadline_holds_for_all_calls_together(way: Way) {
    let server = way.server().device(Bench::new()).start().await.unwrap();
    let client = connect(way, &server).await;
    let start = Instant::now();
    let limited = BenchProxy::new(&client.deadline(start + Duration::from_millis(500)));
    let mut calls = 0;
    while limited.sleep(50).await.is_ok() {
        calls += 1;
    }
    assert!((1..=10).contains(&calls), "{calls}");
    assert!(limited.step().await.unwrap_err().is_not_executed());
}

/// The driver can be locked only when no call runs; it notes that it was cancelled.
fn has_stopped(bench: &Shared<Bench>) {
    let stopped = std::thread::spawn({
        let bench = bench.clone();
        move || bench.lock().steps()
    });
    within(AT_ONCE, "the driver stops", || stopped.is_finished());
    assert_eq!(stopped.join().unwrap(), 1);
}

async fn a_driver_stops_although_its_caller_is_silent(way: Way) {
    let bench = Shared::new(Bench::new());
    let server = way.server().device(bench.clone()).start().await.unwrap();
    let client = connect(way, &server).await;
    let hasty = BenchProxy::new(&client.timeout(Duration::from_millis(200)));
    let error = hasty.scan(60_000).await.unwrap_err();
    assert!(matches!(error, CallError::TimedOut { .. }), "{error}");
    has_stopped(&bench);
}

async fn a_token_cancels_what_tells_its_progress(way: Way) {
    let bench = Shared::new(Bench::new());
    let server = way.server().device(bench.clone()).start().await.unwrap();
    let client = connect(way, &server).await;
    let token = CancellationToken::new();
    let seen: Arc<Mutex<Vec<(f64, String)>>> = Arc::default();
    let watched = client.cancel_with(&token).on_progress({
        let (seen, token) = (Arc::clone(&seen), token.clone());
        move |fraction, message| {
            let mut seen = seen.lock().unwrap();
            seen.push((fraction, message.to_string()));
            if seen.len() == 3 {
                token.cancel();
            }
        }
    });
    let error = BenchProxy::new(&watched).scan(60_000).await.unwrap_err();
    assert!(matches!(error, CallError::Cancelled { .. }), "{error}");
    has_stopped(&bench);
    let seen = seen.lock().unwrap().clone();
    assert!(seen.len() >= 3, "{seen:?}");
    assert!(seen.iter().all(|(fraction, _)| *fraction == 0.5));
    assert_eq!(BenchProxy::new(&client).step().await.unwrap(), 2);
    let late = BenchProxy::new(&client.cancel_with(&token)).step().await;
    assert!(late.unwrap_err().is_not_executed());
}

/// A handle that shows when its call runs.
fn telling(client: &AsyncClient) -> (AsyncClient, std::sync::mpsc::Receiver<()>) {
    let (began, begins) = channel();
    let handle = client.on_progress(move |_, _| began.send(()).unwrap_or(()));
    (handle, begins)
}

async fn a_dropped_future_stops_the_driver(way: Way) {
    let bench = Shared::new(Bench::new());
    let server = way.server().device(bench.clone()).start().await.unwrap();
    let client = connect(way, &server).await;
    let (handle, begins) = telling(&client);
    let call = tokio::spawn(async move { BenchProxy::new(&handle).scan(60_000).await });
    begins.recv_timeout(AT_ONCE).unwrap();
    call.abort();
    has_stopped(&bench);
    assert_eq!(BenchProxy::new(&client).step().await.unwrap(), 2);
}

async fn a_client_dropped_in_mid_call_frees_the_server(way: Way) {
    let bench = Shared::new(Bench::new());
    let server = way.server().grace(Duration::from_secs(60));
    let server = server.device(bench.clone()).start().await.unwrap();
    let client = connect(way, &server).await;
    let (handle, begins) = telling(&client);
    drop(client);
    let call = tokio::spawn(async move { BenchProxy::new(&handle).scan(60_000).await });
    begins.recv_timeout(AT_ONCE).unwrap();
    call.abort();
    has_stopped(&bench);
    within(AT_ONCE, "the server is free", || server.holder().is_none());
    let next = connect(way, &server).await;
    assert_eq!(BenchProxy::new(&next).step().await.unwrap(), 2);
}

async fn a_call_outlives_the_handles_of_its_client(way: Way) {
    let bench = Bench::new();
    let gate = bench.gate();
    let server = way.server().device(bench).start().await.unwrap();
    let client = connect(way, &server).await;
    let call = tokio::spawn(BenchProxy::new(&client).pass());
    gate.wait_for_call();
    drop(client);
    gate.open(1);
    assert_eq!(call.await.unwrap().unwrap(), 1);
    within(AT_ONCE, "the server is free", || server.holder().is_none());
}

async fn one_waits_behind_another_and_leaves_when_it_has_nothing_to_call(way: Way) {
    let server = way.server().idle_handover(None).device(Bench::new());
    let server = server.start().await.unwrap();
    let holder = way.async_client(&server).name("the night shift");
    let holder = holder.connect().await.unwrap();
    let hasty = way.async_client(&server).retry(Retry::never());
    let hasty = hasty.connect_timeout(Duration::from_millis(300));
    let error = hasty.connect().await.unwrap_err();
    assert!(matches!(error, ConnectError::Busy { .. }), "{error}");
    until("it has left the queue", || server.waiting() == 0);

    let waiter = way.async_client(&server).connect_lazy().unwrap();
    let timeout = waiter.timeout(Duration::from_millis(300));
    match BenchProxy::new(&timeout).step().await.unwrap_err() {
        CallError::NotSent {
            reason: NotSent::Busy { queue, .. },
            ..
        } => assert!(queue.contains("the night shift"), "{queue}"),
        other => panic!("{other}"),
    }
    until("it has left the queue, too", || server.waiting() == 0);
    assert_eq!(waiter.state(), ConnectionState::Disconnected);

    let patient = tokio::spawn(BenchProxy::new(&waiter).step());
    until("it waits again", || server.waiting() == 1);
    holder.close().await;
    assert_eq!(patient.await.unwrap().unwrap(), 1, "nothing ran before");
}

async fn an_idle_holder_makes_room_and_comes_back(way: Way) {
    let server = way.server().idle_handover(Duration::from_millis(300));
    let server = server.device(Bench::new()).start().await.unwrap();
    let first = connect(way, &server).await;
    assert_eq!(BenchProxy::new(&first).step().await.unwrap(), 1);
    let second = connect(way, &server).await;
    assert_eq!(BenchProxy::new(&second).step().await.unwrap(), 2);
    assert_eq!(BenchProxy::new(&first).step().await.unwrap(), 3);
    assert_eq!((first.handovers(), second.handovers()), (1, 0));
}
