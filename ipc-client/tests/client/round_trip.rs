//! Compares a small call with the same bytes sent without this library. Not a test: run it in release mode, on one core, with
//! `taskset -c 0 cargo test --release -p ipc-client --test client -- --ignored --nocapture round_trip`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use ipc_client::{AsyncClient, Client, Interface};
use ipc_core::interface::caller::Stub;
use ipc_core::interface::function::IntoFunction;
use ipc_core::interface::registry::Registry;

use crate::support::serve_plainly;

#[test]
#[ignore = "a measurement"]
fn round_trip() {
    let interface = || Interface {
        name: "Echo".into(),
        methods: vec![(|n: u64| n).into_function("echo").method()],
        ..Interface::default()
    };
    let server = serve_plainly(|| {
        let mut registry = Registry::new();
        let echo = (|n: u64| n).into_function("echo");
        registry.add_function(echo).unwrap();
        registry
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut raw = ping_pong();
    let connect = || Client::connect(server.to_string()).unwrap();
    let typed = Stub::new(&connect(), "", interface);
    let timed = Stub::new(&connect().timeout(Duration::from_secs(5)), "", interface);
    let by_name = connect();
    let asynchronous = runtime.block_on(AsyncClient::connect(server.to_string()));
    let asynchronous = Stub::new(&asynchronous.unwrap(), "", interface);

    let mut times: [Vec<Duration>; 5] = Default::default();
    for _ in 0..40 {
        for _ in 0..500 {
            times[0].push(time(|| {
                raw.write_all(&[7; 62]).unwrap();
                raw.read_exact(&mut [0; 22]).unwrap();
            }));
        }
        for (stub, at) in [(&typed, 1), (&timed, 2)] {
            for n in 0..500_u64 {
                times[at].push(time(|| {
                    let mut call = stub.begin(0);
                    call.argument(&n);
                    assert_eq!(stub.send::<u64>(call), Ok(n));
                }));
            }
        }
        for n in 0..500_u64 {
            times[3].push(time(|| {
                assert_eq!(by_name.call::<u64>("echo", n), Ok(n));
            }));
        }
        runtime.block_on(async {
            for n in 0..500_u64 {
                let since = Instant::now();
                let mut call = asynchronous.begin(0);
                call.argument(&n);
                assert_eq!(asynchronous.send::<u64>(call).await, Ok(n));
                times[4].push(since.elapsed());
            }
        });
    }
    let medians = times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    });
    let names = ["raw TCP", "typed", "typed, timeout", "by name", "async"];
    for (name, median) in names.iter().zip(medians) {
        let ratio = median.as_secs_f64() / medians[0].as_secs_f64();
        println!("{name:>14}: {median:>10.2?} = {ratio:.2} x raw");
    }
}

fn time(action: impl FnOnce()) -> Duration {
    let since = Instant::now();
    action();
    since.elapsed()
}

fn ping_pong() -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        let mut buffer = [0; 62];
        while stream.read_exact(&mut buffer).is_ok() {
            stream.write_all(&buffer[..22]).unwrap();
        }
    });
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}
