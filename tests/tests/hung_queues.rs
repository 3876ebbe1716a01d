//! Calls that wait behind one that hangs.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::io::Write;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use ipc_core::wire::codec;
use ipc_core::wire::ctrl::CallHeader;
use ipc_core::{CallContext, Device, remote};
use tests::probe::frame;
use tests::raw::{Raw, hello};
use tests::{Bench, BenchProxy, Way, both_ways, until};

/// Number of calls that wait behind the one that is cancelled.
const WAITING: u64 = 1000;
/// Number of bytes of a call of `b_step`.
const STEP: u64 = 52;
/// Much more than it takes.
const AT_ONCE: Duration = Duration::from_secs(5);

both_ways!(a_cancel_overtakes_a_thousand_calls);

/// Tells when it sees that its call was cancelled.
pub struct Watchful(Sender<Instant>);

#[remote]
impl Watchful {
    pub fn watch(&mut self, ctx: &CallContext) {
        while !ctx.is_cancelled() {
            thread::sleep(Duration::from_millis(1));
        }
        self.0.send(Instant::now()).unwrap();
    }
}

fn a_cancel_overtakes_a_thousand_calls(way: Way) {
    let (seen, sees) = channel();
    let server = way
        .server()
        .device(Device::new(Watchful(seen)).prefix("w_"))
        .device(Device::new(Bench::new()).prefix("b_"))
        .spawn()
        .unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let token = ipc_client::CancellationToken::new();
    let took = runtime.block_on(async {
        let client = way.async_client(&server).connect().await.unwrap();
        let watch = WatchfulProxy::with_prefix(&client.cancel_with(&token), "w_").watch();
        let watch = tokio::spawn(watch);
        let is_running = || server.holder().is_some_and(|it| it.running.is_some());
        until("it runs", is_running);
        let before = server.holder().unwrap().bytes_received;
        let waiting: Vec<_> = (0..WAITING)
            .map(|_| tokio::spawn(BenchProxy::with_prefix(&client, "b_").step()))
            .collect();
        let have_arrived = || server.holder().unwrap().bytes_received >= before + WAITING * STEP;
        until("the calls have arrived", have_arrived);
        let began = Instant::now();
        token.cancel();
        watch.await.unwrap().unwrap_err();
        for call in waiting {
            call.await.unwrap().unwrap();
        }
        sees.recv().unwrap().duration_since(began)
    });
    println!("the driver saw it after {took:?}");
    assert!(took < AT_ONCE, "{took:?}");
}

/// A thread that reads while a driver runs read on and on, and kept all of it.
#[test]
fn a_client_cannot_queue_without_end_behind_a_call() {
    const CALL_BY_NAME: u16 = 11;
    /// As MessagePack.
    const NO_ARGUMENTS: &[u8] = b"\x82\xaapositional\x90\xa5named\x80";
    let junk = vec![0; 1 << 20];
    let bench = Bench::new();
    let gate = bench.gate();
    let server = Way::Plain.server();
    let server = server
        .device(Device::new(bench).prefix("a_"))
        .spawn()
        .unwrap();
    let call = |number, method: &str, arguments: &[u8]| {
        let header = CallHeader {
            number,
            method: method.into(),
            ..CallHeader::default()
        };
        let mut payload = Vec::new();
        codec::encode(&header, &mut payload, codec::MAX_VALUE).unwrap();
        codec::encode(&arguments, &mut payload, codec::MAX_VALUE).unwrap();
        frame(CALL_BY_NAME, &payload)
    };
    let mut raw = Raw::connect(Way::Plain, server.local_addr());
    raw.say(&hello("greedy"));
    raw.await_word();
    raw.say(&call(1, "a_pass", NO_ARGUMENTS));
    gate.wait_for_call();
    let patience = Some(Duration::from_secs(2));
    raw.stream.set_write_timeout(patience).unwrap();
    // 16 MiB may wait; the buffers of the system take some more.
    let taken = (2..200)
        .take_while(|number| {
            let call = call(*number, "a_echo", &junk);
            raw.stream.write_all(&call).is_ok()
        })
        .count();
    assert!(taken < 100, "{taken} MiB are taken");
    assert!(taken > 15, "only {taken} MiB are taken");
    gate.open(1);
    drop(raw);
    let next = Way::Plain.client(&server).connect().unwrap();
    assert!(BenchProxy::with_prefix(&next, "a_").step().unwrap() > 0);
}
