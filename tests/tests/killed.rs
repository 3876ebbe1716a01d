//! Processes that are killed, stopped and started again.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use ipc_client::{CallError, Refusal};
use tests::child::Peer;
use tests::middle::{Middle, Towards};
use tests::{Bench, BenchProxy, Way, both_ways, until};

both_ways!(
    a_killed_holder_makes_room_at_once,
    a_holder_killed_in_mid_call_makes_room_after_it,
    a_killed_waiter_leaves_the_order_as_it_was,
    a_killed_server_that_is_back_is_found_again,
    a_script_learns_once_that_its_server_was_restarted,
    a_stopped_server_that_is_back_is_found_again,
    a_call_in_a_killed_server_is_unknown_unless_it_may_be_repeated,
    a_signal_lets_the_running_call_finish,
    a_signal_waits_no_longer_than_it_was_told,
    a_signal_right_after_the_start_is_no_accident,
    a_server_out_of_descriptors_recovers,
    the_pause_of_a_suspended_server_is_not_its_holders,
);

const PEER: &str = env!("CARGO_BIN_EXE_peer");
const AT_ONCE: Duration = Duration::from_secs(5);
/// Minimum length of a call on the wire, in bytes.
const CALL: usize = 40;
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

fn port(address: &str) -> u16 {
    address.rsplit_once(':').unwrap().1.parse().unwrap()
}

fn a_killed_holder_makes_room_at_once(way: Way) {
    let server = way
        .server()
        .grace(Duration::from_secs(60))
        .device(Bench::new());
    let server = server.spawn().unwrap();
    let address = server.local_addr().to_string();
    for n in 0..5 {
        let mut holder = Peer::client(PEER, way, &address, "holder");
        holder.tell("step");
        holder.expect(&format!("ok {}", 2 * n + 1));
        let client = way.client(&server).connect_lazy();
        let waiter = thread::spawn(move || BenchProxy::new(&client).step().unwrap());
        until("it waits", || server.waiting() == 1);
        let killed = Instant::now();
        holder.kill();
        assert_eq!(waiter.join().unwrap(), 2 * n + 2);
        assert!(killed.elapsed() < AT_ONCE, "{:?}", killed.elapsed());
    }
}

fn a_holder_killed_in_mid_call_makes_room_after_it(way: Way) {
    let bench = Bench::new();
    let entered = bench.entered();
    let server = way.server().grace(Duration::from_secs(60)).device(bench);
    let server = server.spawn().unwrap();
    let address = server.local_addr().to_string();
    // One driver checks for cancellation, the other does not.
    for (call, bound) in [("scan 60000", AT_ONCE), ("sleep 1500", AT_ONCE)] {
        let before = entered.load(std::sync::atomic::Ordering::SeqCst);
        let mut holder = Peer::client(PEER, way, &address, "holder");
        holder.tell(call);
        until("it runs", || {
            entered.load(std::sync::atomic::Ordering::SeqCst) > before
        });
        let client = way.client(&server).connect_lazy();
        let waiter = thread::spawn(move || BenchProxy::new(&client).step().unwrap());
        until("it waits", || server.waiting() == 1);
        let killed = Instant::now();
        holder.kill();
        waiter.join().unwrap();
        assert!(killed.elapsed() < bound, "{call}: {:?}", killed.elapsed());
    }
}

fn a_killed_waiter_leaves_the_order_as_it_was(way: Way) {
    let server = way.server().idle_handover(None).device(Bench::new());
    let server = server.spawn().unwrap();
    let address = server.local_addr().to_string();
    let holder = way.client(&server).connect().unwrap();
    let mut waiters = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let mut waiter = Peer::client(PEER, way, &address, name);
        waiter.tell("step");
        until("it waits", || server.waiting() == waiters.len() + 1);
        waiters.push(waiter);
    }
    waiters.remove(1).kill();
    until("it is forgotten", || server.waiting() == 3);
    holder.close();
    for (n, mut waiter) in waiters.into_iter().enumerate() {
        waiter.expect(&format!("ok {}", n + 1));
        waiter.tell("close");
    }
}

fn a_killed_server_that_is_back_is_found_again(way: Way) {
    let (mut server, address) = Peer::server(PEER, way, 0, STOP_TIMEOUT);
    let client = way.client_at(&address).resume_silently().connect().unwrap();
    let bench = BenchProxy::new(&client);
    for n in 1..=3 {
        assert_eq!(bench.step().unwrap(), 1, "a new one each time");
        server.kill();
        (server, _) = Peer::server(PEER, way, port(&address), STOP_TIMEOUT);
        assert_eq!(bench.steps().unwrap(), 0);
        assert_eq!(client.handovers(), n);
    }
}

fn a_script_learns_once_that_its_server_was_restarted(way: Way) {
    let (mut server, address) = Peer::server(PEER, way, 0, STOP_TIMEOUT);
    let client = way.client_at(&address).connect().unwrap();
    let bench = BenchProxy::new(&client);
    for _ in 0..2 {
        assert_eq!(bench.step().unwrap(), 1);
        server.kill();
        (server, _) = Peer::server(PEER, way, port(&address), STOP_TIMEOUT);
        let error = bench.steps().unwrap_err();
        let CallError::Refused(Refusal::Interrupted { by, why, .. }) = &error else {
            panic!("{error:?}");
        };
        assert_eq!(by, "");
        assert!(why.starts_with("the server was restarted"), "{why}");
        assert_eq!(bench.steps().unwrap(), 0);
    }
}

fn a_stopped_server_that_is_back_is_found_again(way: Way) {
    // Connections of other tests come from 127.0.0.1, and from ports that nobody has chosen: there, one may take this
    // port between a stop and the next start.
    let own = || way.server().bind("127.0.0.9");
    let mut server = own().device(Bench::new()).spawn().unwrap();
    let port = server.local_addr().port();
    let client = way.client(&server).resume_silently().connect().unwrap();
    let bench = BenchProxy::new(&client);
    for n in 1..=3 {
        assert_eq!(bench.step().unwrap(), 1);
        server.stop();
        let again = own().port(port).device(Bench::new());
        server = again.spawn().unwrap();
        assert_eq!(bench.steps().unwrap(), 0);
        assert_eq!(client.handovers(), n);
    }
    drop(server);
}

fn a_call_in_a_killed_server_is_unknown_unless_it_may_be_repeated(way: Way) {
    let (mut server, address) = Peer::server(PEER, way, 0, STOP_TIMEOUT);
    let port = port(&address);
    let middle = Middle::new(address.parse().unwrap());
    let client = way
        .client_at(&middle.address().to_string())
        .resume_silently()
        .connect()
        .unwrap();
    let said = || middle.record(Towards::Server).len();
    let before = said();
    let calls = [true, false].map(|idempotent| {
        let client = match idempotent {
            true => client.idempotent(),
            false => client.clone(),
        };
        thread::spawn(move || BenchProxy::new(&client).sleep(700))
    });
    // One of the two calls runs, or will soon; the other waits behind it.
    server.expect("sleeps for");
    until("both calls are sent", || said() >= before + 2 * CALL);
    server.kill();
    let (_server, _) = Peer::server(PEER, way, port, STOP_TIMEOUT);
    let [repeated, unknown] = calls.map(|call| call.join().unwrap());
    assert_eq!(repeated.unwrap(), 700);
    let unknown = unknown.unwrap_err();
    assert!(
        matches!(unknown, CallError::OutcomeUnknown { .. }),
        "{unknown}"
    );
    for word in ["`sleep`", "restarted", "check the state"] {
        assert!(unknown.to_string().contains(word), "{unknown}");
    }
    assert_eq!(BenchProxy::new(&client).step().unwrap(), 1);
}

fn a_signal_lets_the_running_call_finish(way: Way) {
    for signal in ["INT", "TERM"] {
        let (mut server, address) = Peer::server(PEER, way, 0, STOP_TIMEOUT);
        let client = way.client_at(&address).connect().unwrap();
        let call = thread::spawn({
            let client = client.clone();
            move || {
                (
                    BenchProxy::new(&client).sleep(1000).unwrap(),
                    Instant::now(),
                )
            }
        });
        let waiter = way
            .client_at(&address)
            .connect_timeout(Duration::from_millis(1500));
        server.expect("has the server");
        let waiter = thread::spawn(move || waiter.connect().unwrap_err());
        server.expect("waits");
        server.expect("sleeps for");
        server.signal(signal);
        let status = server.await_exit(STOP_TIMEOUT + Duration::from_secs(2));
        let ended = Instant::now();
        assert_eq!(status.code(), Some(0), "SIG{signal}: {}", server.said());
        let (slept, returned) = call.join().unwrap();
        assert_eq!(slept, 1000);
        assert!(returned < ended + Duration::from_millis(500));
        // The waiting client was told, and found no server afterwards.
        server.expect("sent away: the server is stopping");
        waiter.join().unwrap();
        assert!(TcpListener::bind(&address).is_ok(), "the port is free");
        drop(client);
    }
}

fn a_signal_waits_no_longer_than_it_was_told(way: Way) {
    let stop_timeout = Duration::from_millis(500);
    let (mut server, address) = Peer::server(PEER, way, 0, stop_timeout);
    let client = way.client_at(&address).connect().unwrap();
    let call = thread::spawn(move || BenchProxy::new(&client).sleep(60_000));
    server.expect("sleeps for");
    server.signal("TERM");
    let start = Instant::now();
    let status = server.await_exit(stop_timeout + Duration::from_secs(2));
    assert_eq!(status.code(), Some(0), "{}", server.said());
    assert!(start.elapsed() >= stop_timeout);
    assert!(TcpListener::bind(&address).is_ok(), "the port is free");
    let (_server, _) = Peer::server(PEER, way, port(&address), STOP_TIMEOUT);
    let error = call.join().unwrap().unwrap_err();
    assert!(matches!(error, CallError::OutcomeUnknown { .. }), "{error}");
}

/// Regression test: Ctrl-C right after the server had printed its address killed the process without a stop.
fn a_signal_right_after_the_start_is_no_accident(way: Way) {
    for signal in ["INT", "TERM", "INT", "TERM", "INT", "INT"] {
        let (mut server, _) = Peer::server(PEER, way, 0, STOP_TIMEOUT);
        server.signal(signal);
        let status = server.await_exit(AT_ONCE);
        assert_eq!(status.code(), Some(0), "SIG{signal}");
    }
}

/// Regression test: when unauthenticated connections held all descriptors, no client was served until they timed out.
fn a_server_out_of_descriptors_recovers(way: Way) {
    let mut command = Command::new("sh");
    let secret = match way {
        Way::Plain => "-".into(),
        Way::Secret => tests::child::secret_file().display().to_string(),
    };
    command.args([
        "-c",
        "ulimit -n 40; exec \"$0\" serve \"$1\" 0",
        PEER,
        &secret,
    ]);
    let (server, address) = Peer::server_by(command);
    let early = way.client_at(&address).connect().unwrap();
    assert_eq!(BenchProxy::new(&early).step().unwrap(), 1);
    let held: Vec<TcpStream> = (0..60)
        .map(|_| TcpStream::connect(&address).unwrap())
        .collect();
    server.expect("cannot accept a connection");
    let start = Instant::now();
    assert_eq!(
        BenchProxy::new(&early).step().unwrap(),
        2,
        "who is in is served"
    );
    assert!(start.elapsed() < Duration::from_secs(1));
    early.close();
    let next = way.client_at(&address).connect().unwrap();
    assert_eq!(BenchProxy::new(&next).step().unwrap(), 3);
    assert!(
        start.elapsed() < Duration::from_secs(8),
        "{:?}",
        start.elapsed()
    );
    drop(held);
}

/// Regression test: the holder lost its place because of time during which the server was suspended.
fn the_pause_of_a_suspended_server_is_not_its_holders(way: Way) {
    let idle = Duration::from_secs(6);
    let (server, address) = Peer::server_with_handover(PEER, way, idle);
    let holder = way.client_at(&address).connect().unwrap();
    let bench = BenchProxy::new(&holder);
    assert_eq!(bench.step().unwrap(), 1);
    let next = way.client_at(&address).connect_lazy();
    let waiter = thread::spawn(move || BenchProxy::new(&next).step());
    server.expect("waits");
    // Called again, so that not much of the time that it may be idle is used up.
    assert_eq!(bench.step().unwrap(), 2);
    server.signal("STOP");
    thread::sleep(idle + Duration::from_secs(1));
    server.signal("CONT");
    // The server takes a moment to notice the suspension.
    thread::sleep(Duration::from_secs(2));
    assert_eq!(bench.step().unwrap(), 3);
    assert_eq!(holder.handovers(), 0, "{}", server.said());
    holder.close();
    assert_eq!(waiter.join().unwrap().unwrap(), 4);
}
