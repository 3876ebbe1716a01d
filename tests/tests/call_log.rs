//! What the server's log says of calls and clients, for a person who reads it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::thread;
use std::time::Duration;

use ipc_client::{CancellationToken, Client};
use ipc_server::{Device, Release, ServerHandle, Shared};
use tests::{Bench, BenchProxy, Gate, Way, both_ways, log, until};

both_ways!(
    a_caller_that_gives_up_is_logged_while_the_driver_runs_on,
    a_driver_that_stops_for_its_caller_is_logged,
    a_failure_after_its_caller_gave_up_says_so,
    a_client_that_leaves_is_logged_in_plain_words,
    a_long_text_is_cut_at_a_word,
    a_device_that_hangs_is_logged_until_it_comes_back_or_the_server_stops,
);

/// A server with one bench, and a client called `name`.
fn lab(way: Way, name: &str) -> (ServerHandle, Client, Gate) {
    log::capture();
    let bench = Bench::new();
    let gate = bench.gate();
    let device = Device::new(bench).name("bench");
    let server = way.server().device(device).spawn().unwrap();
    let client = way.client(&server).name(name).connect().unwrap();
    (server, client, gate)
}

fn a_caller_that_gives_up_is_logged_while_the_driver_runs_on(way: Way) {
    let name = format!("hasty {way:?}");
    let (_server, client, gate) = lab(way, &name);
    let hasty = client.timeout(Duration::from_millis(150));
    BenchProxy::new(&hasty).pass().unwrap_err();
    let line = log::expect(&[&name, "whose caller gave up"]);
    assert!(line.contains("INFO"), "{line}");
    assert!(line.contains("called `pass` of `bench`"), "{line}");
    assert!(line.contains("; the driver still runs"), "{line}");
    gate.open(1);
    let line = log::expect(&[&name, "`pass`", "took"]);
    assert!(line.contains("; its caller had given up"), "{line}");
    assert_eq!(log::lines(&[&name, "whose caller gave up"]).len(), 1);
    // Callers that wait have no such line.
    assert_eq!(BenchProxy::new(&client).echo(7).unwrap(), 7);
    let line = log::expect(&[&name, "`echo`", "took"]);
    assert!(line.contains("DEBUG") && !line.contains("caller"), "{line}");
}

fn a_driver_that_stops_for_its_caller_is_logged(way: Way) {
    let name = format!("changes its mind {way:?}");
    let (_server, client, _gate) = lab(way, &name);
    let token = CancellationToken::new();
    let (began, begins) = std::sync::mpsc::channel();
    let watched = client
        .cancel_with(&token)
        .on_progress(move |_, _| began.send(()).unwrap_or(()));
    let scan = thread::spawn(move || BenchProxy::new(&watched).scan(60_000));
    begins.recv_timeout(Duration::from_secs(20)).unwrap();
    token.cancel();
    scan.join().unwrap().unwrap_err();
    log::expect(&[
        &name,
        "`scan` of `bench`, took",
        "; its caller had given up",
    ]);
    // The driver may have been too slow, and was then logged when its caller gave up.
    let says_so = |line: &String| line.contains("given up") || line.contains("gave up");
    let lines = log::lines(&[&name, "INFO", "`scan`"]);
    assert!(lines.iter().any(says_so), "{lines:?}");
}

fn a_failure_after_its_caller_gave_up_says_so(way: Way) {
    let name = format!("leaves it failing {way:?}");
    log::capture();
    let (go, goes) = std::sync::mpsc::channel::<()>();
    let goes = std::sync::Mutex::new(goes);
    let server = way.server();
    let server = server
        .function("align", move || -> Result<(), String> {
            goes.lock().unwrap().recv().unwrap();
            Err("the beam is off its path".into())
        })
        .spawn()
        .unwrap();
    let client = way.client(&server).name(&name).connect().unwrap();
    let hasty = client.timeout(Duration::from_millis(150));
    hasty.call::<()>("align", ()).unwrap_err();
    log::expect(&[&name, "called `align`, whose caller gave up"]);
    go.send(()).unwrap();
    log::expect(&[
        &name,
        "WARN",
        "which failed: the beam is off its path; its caller had given up",
    ]);
}

fn a_client_that_leaves_is_logged_in_plain_words(way: Way) {
    let name = format!("leaves {way:?}");
    let (server, client, _gate) = lab(way, &name);
    client.close();
    log::expect(&[
        &name,
        "client no longer has the server: the client has finished",
    ]);
    let name = format!("stays {way:?}");
    let client = way.client(&server).name(&name).connect().unwrap();
    assert!(server.disconnect(server.holder().unwrap().id, "maintenance"));
    log::expect(&[
        &name,
        "client no longer has the server: the client was asked to leave",
    ]);
    drop(client);
    assert_eq!(Release::Stopping.to_string(), "the server is stopping");
}

fn a_long_text_is_cut_at_a_word(way: Way) {
    let name = format!("talkative {way:?}");
    let (_server, client, _gate) = lab(way, &name);
    let method = "calibrate everything ".repeat(100);
    client.call::<()>(&method, ()).unwrap_err();
    let line = log::expect(&[&name, "refused a call:"]);
    let (_, text) = line.split_once("refused a call: ").unwrap();
    let (text, _) = text.split_once(" client=").unwrap();
    let is_whole = |word| text.ends_with(&format!("{word}…"));
    assert!(is_whole("calibrate") || is_whole("everything"), "{text}");
    assert!((250..=300).contains(&text.chars().count()), "{text}");
}

fn a_device_that_hangs_is_logged_until_it_comes_back_or_the_server_stops(way: Way) {
    log::capture();
    let name = format!("hangs_{way:?}");
    let bench = Bench::new();
    let gate = bench.gate();
    let device = Shared::new(bench)
        .on_release(|_, _| {})
        .name(&*name)
        .overrun(Duration::from_millis(100));
    let server = way.server().stop_timeout(Duration::from_secs(1));
    let server = server.device(device).spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    let hang = || {
        let hasty = client.timeout(Duration::from_millis(100));
        BenchProxy::new(&hasty).pass().unwrap_err();
        until("it is stuck", || !server.stuck().is_empty());
    };
    hang();
    log::expect(&["ERROR", &format!("`{name}` is stuck: `pass`")]);
    BenchProxy::new(&client).echo(1).unwrap_err();
    // It does not say twice that the call was refused.
    let refused = format!("refused a call: `echo`: `{name}` does not answer, because `pass`");
    log::expect(&["INFO", &refused]);
    gate.open(1);
    log::expect(&["WARN", &format!("`{name}` is no longer stuck")]);
    hang();
    server.stop();
    let hook = format!("`{name}` hangs; its release hook has not run, and runs only if");
    log::expect(&["WARN", &hook]);
}
