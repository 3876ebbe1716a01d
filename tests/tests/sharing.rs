//! Devices shared by threads, clients, and code next to the server; and large transfers.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests"
)]

use std::sync::{Arc, Mutex};
use std::thread;

use ipc_client::{CallError, FaultKind, NotSent};
use ipc_core::{Device, Shared};
use tests::{Bench, BenchProxy, Way, both_ways};

both_ways!(
    local_code_and_a_client_use_one_device,
    many_threads_use_one_client,
    two_clients_take_turns,
    two_instances_are_told_apart,
    a_function_may_use_several_devices_at_once,
    async_methods_work,
    eight_megabytes_go_both_ways,
    a_hundred_megabytes_go_both_ways_where_they_may,
    too_much_is_refused_in_words,
);

fn local_code_and_a_client_use_one_device(way: Way) {
    let shared = Shared::new(Bench::new());
    let server = way.server().device(shared.clone()).spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    let local = thread::spawn({
        let shared = shared.clone();
        move || (0..500).map(|_| shared.lock().step()).collect::<Vec<_>>()
    });
    let bench = BenchProxy::new(&client);
    let mut seen: Vec<u64> = (0..500).map(|_| bench.step().unwrap()).collect();
    seen.extend(local.join().unwrap());
    seen.sort_unstable();
    assert_eq!(seen, (1..=1000).collect::<Vec<_>>(), "each step once");
    assert_eq!(shared.lock().steps(), 1000);
}

fn many_threads_use_one_client(way: Way) {
    let server = way.server().device(Bench::new()).spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    let threads: Vec<_> = (0..8_u64)
        .map(|thread| {
            let client = client.clone();
            thread::spawn(move || {
                let bench = BenchProxy::new(&client);
                for n in 0..200 {
                    let number = thread << 32 | n;
                    assert_eq!(bench.echo(number).unwrap(), number);
                    bench.step().unwrap();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(BenchProxy::new(&client).steps().unwrap(), 1600);
}

fn two_clients_take_turns(way: Way) {
    let idle = std::time::Duration::from_millis(30);
    let server = way.server().idle_handover(idle).device(Bench::new());
    let server = server.spawn().unwrap();
    let threads: Vec<_> = (0..2)
        .map(|n| {
            let client = way
                .client(&server)
                .name(format!("client {n}"))
                .connect_lazy();
            thread::spawn(move || {
                let bench = BenchProxy::new(&client);
                for round in 0..5 {
                    bench.step().unwrap();
                    // Idle until the other has had its turn, if it still wants one.
                    if round < 4 {
                        thread::sleep(std::time::Duration::from_millis(60));
                    }
                }
                client.close();
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let client = way.client(&server).connect().unwrap();
    assert_eq!(BenchProxy::new(&client).steps().unwrap(), 10);
}

fn two_instances_are_told_apart(way: Way) {
    let server = way
        .server()
        .device(Device::new(Bench::new()).prefix("pump_"))
        .device(Device::new(Bench::new()).prefix("signal_"))
        .spawn()
        .unwrap();
    let client = way.client(&server).connect().unwrap();
    let pump = BenchProxy::with_prefix(&client, "pump_");
    let signal = BenchProxy::with_prefix(&client, "signal_");
    assert_eq!((pump.step().unwrap(), pump.step().unwrap()), (1, 2));
    assert_eq!(signal.step().unwrap(), 1);
    assert_eq!((pump.steps().unwrap(), signal.steps().unwrap()), (2, 1));
    assert_eq!(client.call::<u64>("get_pump_steps", ()).unwrap(), 2);
    let unknown = BenchProxy::new(&client).step().unwrap_err();
    assert!(unknown.to_string().contains("`step`"), "{unknown}");
}

fn a_function_may_use_several_devices_at_once(way: Way) {
    let devices = [Shared::new(Bench::new()), Shared::new(Bench::new())];
    let [first, second] = devices.clone();
    let log: Arc<Mutex<Vec<u32>>> = Arc::default();
    let note = Arc::clone(&log);
    let server = way
        .server()
        .device(Device::new(first).prefix("a_"))
        .device(Device::new(second).prefix("b_"))
        .function("step_all", move |times: u32| {
            note.lock().unwrap().push(times);
            let mut steps = Vec::new();
            for _ in 0..times {
                steps.extend(devices.iter().map(|device| device.lock().step()));
            }
            steps
        })
        .function("fails", || -> Result<u8, String> { Err("no light".into()) })
        .spawn()
        .unwrap();
    let client = way.client(&server).connect().unwrap();
    let steps: Vec<u64> = client.call("step_all", 3).unwrap();
    assert_eq!(steps, [1, 1, 2, 2, 3, 3]);
    assert_eq!(BenchProxy::with_prefix(&client, "b_").steps().unwrap(), 3);
    assert_eq!(*log.lock().unwrap(), [3]);
    let error = client.call::<u8>("fails", ()).unwrap_err();
    assert!(error.to_string().contains("no light"), "{error}");
}

fn async_methods_work(way: Way) {
    let server = way.server().device(Bench::new()).spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    assert_eq!(BenchProxy::new(&client).soon(1).unwrap(), 2);
    assert_eq!(client.call::<u64>("soon", 7).unwrap(), 8);
}

fn ramp(count: u32) -> Vec<f64> {
    (0..count).map(f64::from).collect()
}

fn eight_megabytes_go_both_ways(way: Way) {
    let server = way.server().device(Bench::new()).spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    let bench = BenchProxy::new(&client);
    let mut numbers = ramp(1_000_000);
    for _ in 0..3 {
        let reversed = bench.reverse(numbers.clone()).unwrap();
        numbers.reverse();
        assert!(reversed == numbers);
    }
    let by_name: Vec<f64> = client.call("reverse", (ramp(100_000),)).unwrap();
    assert_eq!((by_name.len(), by_name.first()), (100_000, Some(&99_999.0)));
}

fn a_hundred_megabytes_go_both_ways_where_they_may(way: Way) {
    let server = way.server().max_call(128 << 20).device(Bench::new());
    let server = server.spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    let numbers = ramp(12_500_000);
    let mut reversed = BenchProxy::new(&client).reverse(numbers.clone()).unwrap();
    reversed.reverse();
    assert!(reversed == numbers);
    assert_eq!(BenchProxy::new(&client).step().unwrap(), 1);
}

fn too_much_is_refused_in_words(way: Way) {
    let bench = Bench::new();
    let entered = bench.entered();
    let server = way.server().device(bench).spawn().unwrap();
    let client = way.client(&server).max_reply(1 << 20).connect().unwrap();
    let bench = BenchProxy::new(&client);
    // 24 MB to a server that takes 16 MiB.
    let error = bench.reverse(ramp(3_000_000)).unwrap_err();
    let CallError::NotSent { method, reason } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(method, "reverse");
    assert!(matches!(reason, NotSent::Arguments(_)), "{reason}");
    assert!(error.to_string().contains("16777216"), "{error}");
    assert_eq!(entered.load(std::sync::atomic::Ordering::SeqCst), 0);
    // 8 MB to a client that takes 1 MiB.
    let error = bench.reverse(ramp(1_000_000)).unwrap_err();
    let fault = error.fault().unwrap();
    assert_eq!(fault.kind, FaultKind::Unsendable, "{error}");
    assert!(error.to_string().contains("1048576"), "{error}");
    assert_eq!(bench.step().unwrap(), 1);
}
