//! A driver that hangs takes its own device with it, and nothing else.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::io::Write;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ipc_client::{CallError, Client, Retry};
use ipc_core::wire::codec;
use ipc_core::wire::ctrl::CallHeader;
use ipc_core::{CallContext, Device, Shared, remote};
use ipc_server::{ServerEvent, ServerHandle};
use tests::bench::Gate;
use tests::middle::Middle;
use tests::probe::frame;
use tests::raw::{Raw, hello};
use tests::{Bench, BenchProxy, Way, both_ways, until};

both_ways!(
    the_other_devices_answer_at_once,
    a_stuck_device_is_refused_by_name_until_it_comes_back,
    the_next_client_uses_the_other_devices,
    a_patient_caller_is_never_disturbed,
    a_sweep_whose_client_died_keeps_its_device_only,
    calls_that_wait_do_not_hold_up_a_cancel,
    a_cancel_overtakes_a_thousand_calls,
    calls_that_a_dead_client_has_left_give_its_place_up,
    a_disconnected_client_learns_that_its_call_still_runs,
    a_stop_over_a_hung_call_runs_nothing_twice,
    a_hook_that_hangs_takes_its_own_device,
    a_function_that_lost_its_devices_stops,
    a_device_that_a_function_hangs_in_is_released_before_anybody_uses_it,
);

const OVERRUN: Duration = Duration::from_millis(300);
/// Much less than a hung call takes, much more than a busy machine.
const AT_ONCE: Duration = Duration::from_secs(5);

struct Lab {
    server: ServerHandle,
    gate: Gate,
    events: Arc<Mutex<Vec<String>>>,
}

impl Lab {
    fn has_seen(&self, event: &str) -> bool {
        self.events.lock().unwrap().iter().any(|seen| seen == event)
    }
}

/// A server with the devices `a`, whose `pass` hangs until the gate is opened, and `b`.
fn lab(way: Way) -> Lab {
    let bench = Bench::new();
    let gate = bench.gate();
    let events = Arc::new(Mutex::new(Vec::new()));
    let (released, told) = (Arc::clone(&events), Arc::clone(&events));
    let hung = Shared::new(bench)
        .on_release(move |_, _| released.lock().unwrap().push("hook of a".into()));
    let server = way
        .server()
        .device(hung.name("a").prefix("a_").overrun(OVERRUN))
        .device(Device::new(Bench::new()).name("b").prefix("b_"))
        .on_event(move |event| match event {
            ServerEvent::Stuck(stuck) => {
                told.lock().unwrap().push(format!("stuck {}", stuck.device))
            }
            ServerEvent::Recovered { device } => {
                told.lock().unwrap().push(format!("recovered {device}"))
            }
            _ => {}
        })
        .spawn()
        .unwrap();
    Lab {
        server,
        gate,
        events,
    }
}

fn a(client: &Client) -> BenchProxy<Client> {
    BenchProxy::with_prefix(client, "a_")
}

fn b(client: &Client) -> BenchProxy<Client> {
    BenchProxy::with_prefix(client, "b_")
}

/// Calls `a_pass`, which hangs, and gives it up.
fn hang(client: &Client) {
    let hasty = client.timeout(Duration::from_millis(100));
    let error = a(&hasty).pass().unwrap_err();
    assert!(matches!(error, CallError::TimedOut { .. }), "{error}");
}

fn the_other_devices_answer_at_once(way: Way) {
    let lab = lab(way);
    let client = way.client(&lab.server).connect().unwrap();
    hang(&client);
    let start = Instant::now();
    for n in 1..=100 {
        assert_eq!(b(&client).step().unwrap(), n);
    }
    assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
    lab.gate.open(1);
    until("the device comes back", || {
        a(&client.timeout(AT_ONCE))
            .steps()
            .is_ok_and(|steps| steps == 1)
    });
}

fn a_stuck_device_is_refused_by_name_until_it_comes_back(way: Way) {
    let lab = lab(way);
    let client = way.client(&lab.server).name("sweep.rs").connect().unwrap();
    hang(&client);
    until("it is stuck", || lab.has_seen("stuck a"));
    let start = Instant::now();
    let error = a(&client).step().unwrap_err();
    assert!(start.elapsed() < AT_ONCE);
    assert!(error.is_not_executed(), "{error}");
    let text = error.to_string();
    for named in ["`a`", "a_pass", "sweep.rs"] {
        assert!(text.contains(named), "{text}");
    }
    let stuck = lab.server.stuck();
    let [stuck] = &stuck[..] else {
        panic!("{stuck:?}");
    };
    assert_eq!(
        (stuck.device.as_str(), stuck.method.as_str()),
        ("a", "a_pass")
    );
    assert!(stuck.by.contains("sweep.rs"), "{stuck:?}");
    assert!(
        lab.server.holder().unwrap().running.is_none(),
        "nobody waits for it"
    );
    assert_eq!(b(&client).step().unwrap(), 1);

    lab.gate.open(1);
    until("it comes back", || lab.has_seen("recovered a"));
    assert_eq!(lab.server.stuck(), []);
    assert_eq!(a(&client).step().unwrap(), 2);
    assert!(!lab.has_seen("hook of a"), "its client has kept the server");
}

fn the_next_client_uses_the_other_devices(way: Way) {
    let lab = lab(way);
    let first = way.client(&lab.server).name("first").connect().unwrap();
    hang(&first);
    first.close();
    let next = way.client(&lab.server).connect().unwrap();
    assert_eq!(b(&next).step().unwrap(), 1);
    let error = a(&next).step().unwrap_err();
    assert!(
        error.is_not_executed() && error.to_string().contains("first"),
        "{error}"
    );
    assert!(!lab.has_seen("hook of a"), "the driver is in use");

    lab.gate.open(1);
    until("it comes back", || lab.has_seen("recovered a"));
    assert!(
        lab.has_seen("hook of a"),
        "before anybody else could use it"
    );
    assert_eq!(a(&next).step().unwrap(), 2);
}

fn a_patient_caller_is_never_disturbed(way: Way) {
    let lab = lab(way);
    let client = way.client(&lab.server).connect().unwrap();
    let call = thread::spawn(move || a(&client).pass());
    lab.gate.wait_for_call();
    let start = Instant::now();
    let waiter = {
        let waiting = way
            .client(&lab.server)
            .connect_timeout(Duration::from_secs(1));
        thread::spawn(move || waiting.connect().map(drop))
    };
    assert!(waiter.join().unwrap().is_err(), "the server is held");
    until("it has run for long", || start.elapsed() > 5 * OVERRUN);
    assert_eq!(lab.server.stuck(), []);
    let running = lab.server.holder().unwrap().running.unwrap();
    assert_eq!(running.method, "a_pass");
    lab.gate.open(1);
    assert_eq!(call.join().unwrap().unwrap(), 1);
}

fn a_sweep_whose_client_died_keeps_its_device_only(way: Way) {
    let lab = lab(way);
    let middle = Middle::new(lab.server.local_addr());
    let client = way
        .client_at(&middle.address().to_string())
        .retry(Retry::never())
        .connect()
        .unwrap();
    let call = thread::spawn(move || a(&client).pass());
    lab.gate.wait_for_call();
    middle.close();
    drop(call.join().unwrap().unwrap_err());
    let next = way.client(&lab.server).connect().unwrap();
    assert_eq!(b(&next).step().unwrap(), 1);
    let error = a(&next).step().unwrap_err();
    assert!(error.is_not_executed(), "{error}");
    lab.gate.open(1);
    until("it comes back", || lab.has_seen("recovered a"));
    assert_eq!(
        a(&next).steps().unwrap(),
        1,
        "the sweep has ended as if nothing had been"
    );
}

fn calls_that_wait_do_not_hold_up_a_cancel(way: Way) {
    let lab = lab(way);
    let client = way.client(&lab.server).connect().unwrap();
    let token = ipc_client::CancellationToken::new();
    let scan = {
        let client = client.cancel_with(&token);
        thread::spawn(move || a(&client).scan(60_000))
    };
    until("it runs", || {
        lab.server
            .holder()
            .is_some_and(|holder| holder.running.is_some())
    });
    let waiting: Vec<_> = (0..200)
        .map(|_| {
            let client = client.clone();
            thread::spawn(move || b(&client).step())
        })
        .collect();
    token.cancel();
    let error = scan.join().unwrap().unwrap_err();
    assert!(matches!(error, CallError::Cancelled { .. }), "{error}");
    for call in waiting {
        call.join().unwrap().unwrap();
    }
    until("the driver has stopped", || {
        a(&client).steps().unwrap() == 1
    });
}

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
        let waiting: Vec<_> = (0..900)
            .map(|_| tokio::spawn(BenchProxy::with_prefix(&client, "b_").step()))
            .collect();
        let have_arrived = || server.holder().unwrap().bytes_received > before + 900 * 40;
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

/// Found by random schedules: a call that began after its client was gone was given up by nobody.
fn calls_that_a_dead_client_has_left_give_its_place_up(way: Way) {
    let lab = lab(way);
    let middle = Middle::new(lab.server.local_addr());
    let client = way
        .client_at(&middle.address().to_string())
        .connect()
        .unwrap();
    let calls: Vec<_> = (0..2)
        .map(|_| {
            let client = client.timeout(Duration::from_secs(20));
            thread::spawn(move || a(&client).pass())
        })
        .collect();
    lab.gate.wait_for_call();
    let both = || {
        lab.server
            .holder()
            .is_some_and(|it| it.bytes_received > 100)
    };
    until("the second call has arrived", both);
    middle.close();
    middle.cut();
    let next = way.client(&lab.server).connect_lazy();
    let waits = thread::spawn(move || b(&next).step());
    until("the next client waits", || lab.server.waiting() == 1);
    let is_given_up = || lab.server.holder().is_none_or(|it| it.running.is_none());
    until("the first call is given up", is_given_up);
    lab.gate.open(1);
    // The second call of the dead client hangs as well.
    assert_eq!(waits.join().unwrap().unwrap(), 1);
    lab.gate.open(1);
    drop(calls);
}

fn a_disconnected_client_learns_that_its_call_still_runs(way: Way) {
    let lab = lab(way);
    let client = way.client(&lab.server).connect().unwrap();
    hang(&client);
    let id = lab.server.holder().unwrap().id;
    assert!(lab.server.disconnect(id, "make room"));
    until("it has gone", || {
        lab.server.holder().is_none_or(|holder| holder.id != id)
    });
    let error = b(&client).step().unwrap_err();
    assert!(error.is_not_executed(), "{error}");
    let next = way.client(&lab.server).connect().unwrap();
    assert_eq!(b(&next).step().unwrap(), 1);
    lab.gate.open(1);
}

/// A thread that reads while a driver runs read on and on, and kept all of it.
#[test]
fn a_client_cannot_queue_without_end_behind_a_call() {
    const CALL_BY_NAME: u16 = 11;
    /// As MessagePack.
    const NO_ARGUMENTS: &[u8] = b"\x82\xaapositional\x90\xa5named\x80";
    let junk = vec![0; 1 << 20];
    let lab = lab(Way::Plain);
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
    let mut raw = Raw::connect(Way::Plain, lab.server.local_addr());
    raw.say(&hello("greedy"));
    raw.await_word();
    raw.say(&call(1, "a_pass", NO_ARGUMENTS));
    lab.gate.wait_for_call();
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
    lab.gate.open(1);
    drop(raw);
    let next = Way::Plain.client(&lab.server).connect().unwrap();
    assert_eq!(b(&next).step().unwrap(), 1);
}

/// A goodbye over a call that runs made the client send it again to the next server.
fn a_stop_over_a_hung_call_runs_nothing_twice(way: Way) {
    let stop_timeout = Duration::from_millis(300);
    let bench = Bench::new();
    let (gate, entered) = (bench.gate(), bench.entered());
    let server = way
        .server()
        .stop_timeout(stop_timeout)
        .device(bench)
        .spawn()
        .unwrap();
    let address = server.local_addr();
    let client = way.client(&server).connect().unwrap();
    let call = thread::spawn(move || BenchProxy::new(&client).pass());
    gate.wait_for_call();
    let start = Instant::now();
    server.stop();
    assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
    let second = Bench::new();
    let again = second.entered();
    second.gate().open(100);
    let _server = way
        .server()
        .port(address.port())
        .device(second)
        .spawn()
        .unwrap();
    let error = call.join().unwrap().unwrap_err();
    assert!(matches!(error, CallError::OutcomeUnknown { .. }), "{error}");
    gate.open(1);
    assert_eq!(
        entered.load(Ordering::SeqCst) + again.load(Ordering::SeqCst),
        1
    );
}

fn a_hook_that_hangs_takes_its_own_device(way: Way) {
    let bench = Bench::new();
    let gate = bench.gate();
    let released = Arc::new(Mutex::new(0));
    let count = Arc::clone(&released);
    let hangs = Shared::new(bench).on_release(|bench, _| {
        bench.pass();
    });
    let works = Shared::new(Bench::new()).on_release(move |_, _| *count.lock().unwrap() += 1);
    let server = way
        .server()
        .device(hangs.name("a").prefix("a_").overrun(OVERRUN))
        .device(works.name("b").prefix("b_"))
        .spawn()
        .unwrap();
    let first = way.client(&server).connect().unwrap();
    assert_eq!(b(&first).step().unwrap(), 1);
    first.close();
    let next = way.client(&server).connect().unwrap();
    assert_eq!(*released.lock().unwrap(), 1, "the hook behind it has run");
    assert_eq!(b(&next).step().unwrap(), 2);
    let error = a(&next).steps().unwrap_err();
    assert!(error.to_string().contains("on_release"), "{error}");
    gate.open(100);
    until("it comes back", || a(&next).steps().is_ok());
}

/// A function with clones of the devices went on in the time of the next client.
fn a_function_that_lost_its_devices_stops(way: Way) {
    let bench = Bench::new();
    let gate = bench.gate();
    let laser = Shared::new(Bench::new());
    let (hung, sweep_laser) = (Shared::new(bench), laser.clone());
    let sweep = move || {
        hung.lock().pass();
        sweep_laser.lock().step()
    };
    let server = way
        .server()
        .device(Device::new(laser.clone()).name("laser"))
        .function("sweep", sweep)
        .idle_handover(Duration::from_millis(100))
        .spawn()
        .unwrap();
    let first = way.client(&server).connect().unwrap();
    let error = first
        .timeout(Duration::from_millis(100))
        .call::<u64>("sweep", ())
        .unwrap_err();
    assert!(matches!(error, CallError::TimedOut { .. }), "{error}");
    first.close();
    // The function counts as stuck after 10 s, its default.
    let next = way.client(&server).connect().unwrap();
    assert_eq!(BenchProxy::new(&next).step().unwrap(), 1);
    gate.open(1);
    until("it is no longer stuck", || server.stuck().is_empty());
    assert_eq!(
        BenchProxy::new(&next).steps().unwrap(),
        1,
        "the laser was not touched"
    );
}

/// The hook of `a` uses `b` as well, which the client of the function has lost.
fn a_device_that_a_function_hangs_in_is_released_before_anybody_uses_it(way: Way) {
    let (laser, shutter) = (Shared::new(Bench::new()), Shared::new(Bench::new()));
    let gate = laser.lock().gate();
    let (inner, other) = (laser.clone(), shutter.clone());
    let hook = move |bench: &mut Bench, _| {
        bench.step();
        other.lock().step();
    };
    let server = way
        .server()
        .device(
            laser
                .on_release(hook)
                .name("a")
                .prefix("a_")
                .overrun(OVERRUN),
        )
        .device(Device::new(shutter).name("b").prefix("b_"))
        .function("sweep", move || inner.lock().pass())
        .spawn()
        .unwrap();
    {
        let client = way.client(&server).connect().unwrap();
        let hasty = client.timeout(Duration::from_millis(100));
        hasty.call::<()>("sweep", ()).unwrap_err();
    }
    let client = way.client(&server).connect().unwrap();
    until("the client holds the server", || b(&client).steps().is_ok());
    let stuck = server.stuck();
    assert!(stuck.iter().any(|stuck| stuck.device == "a"), "{stuck:?}");
    assert_eq!(b(&client).steps().unwrap(), 0, "the hook has not run");
    gate.open(1);
    let patient = client.timeout(AT_ONCE);
    until("the device comes back", || a(&patient).steps().is_ok());
    // One is the step of the hook.
    assert_eq!(a(&client).steps().unwrap(), 2);
    assert_eq!(b(&client).steps().unwrap(), 1);
}
