//! Leases over real sockets: who has what, and who waits.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;

use ipc_client::{ClaimState, LeaseError, Refusal};
use tests::notebook::{device, lease, refusal, serve, touch};
use tests::{Way, both_ways, until};

both_ways!(
    others_are_refused_and_told_who_has_the_device,
    reads_pass_unless_the_lease_refuses_them,
    devices_without_a_lease_are_open_to_all,
    a_lease_is_for_all_its_devices_or_none,
    who_waits_is_served_in_order,
    mistakes_are_refused_in_words,
    a_circle_of_waits_is_refused,
    an_exclusive_server_has_leases_too,
    who_holds_the_server_has_all_devices,
    who_ends_that_lease_sends_the_client_away,
    a_lease_holds_off_the_idle_handover,
);

const DEVICES: [&str; 2] = ["laser", "meter"];
/// Notice that a client gets before it is disconnected.
const NOTICE: Duration = Duration::from_millis(300);

fn others_are_refused_and_told_who_has_the_device(way: Way) {
    let (server, lab) = serve(way.server().shared(), DEVICES);
    let (sweep, notebook) = (
        way.connect(&server, "sweep"),
        way.connect(&server, "notebook"),
    );
    let held = sweep
        .lease(["laser"])
        .because("night run")
        .acquire()
        .unwrap();
    touch(&sweep, "laser").unwrap();
    let Refusal::Held(told) = refusal(touch(&notebook, "laser")) else {
        panic!("not held");
    };
    let seen = [&told.method, &told.device, &told.holder, &told.reason];
    assert_eq!(seen, ["laser_note", "laser", "sweep", "night run"]);
    assert!(told.address.starts_with("127.0.0.1:"), "{}", told.address);
    let text = told.to_string();
    assert!(text.starts_with("`laser_note` was refused: `laser` has been held by sweep at "));
    held.release().unwrap();
    touch(&notebook, "laser").unwrap();
    assert_eq!(
        lab.notes(),
        ["sweep: laser", "laser off: LeaseEnded", "notebook: laser"]
    );
}

fn reads_pass_unless_the_lease_refuses_them(way: Way) {
    let (server, _) = serve(way.server().shared(), DEVICES);
    let sweep = way.connect(&server, "sweep");
    let monitor = way.client(&server).name("monitor").resume_silently();
    let monitor = monitor.connect().unwrap();
    let count = || device(&monitor, "laser").count();
    let held = lease(&sweep, &["laser"]);
    count().unwrap();
    held.release().unwrap();
    let strict = sweep.lease(["laser"]).refuse_reads().acquire().unwrap();
    assert!(matches!(refusal(count()), Refusal::Held(_)));
    strict.release().unwrap();
    count().unwrap();
}

fn devices_without_a_lease_are_open_to_all(way: Way) {
    let (server, _) = serve(way.server().shared(), DEVICES);
    let (sweep, notebook) = (
        way.connect(&server, "sweep"),
        way.connect(&server, "notebook"),
    );
    let _held = lease(&sweep, &["laser"]);
    touch(&notebook, "meter").unwrap();
    touch(&sweep, "meter").unwrap();
}

fn a_lease_is_for_all_its_devices_or_none(way: Way) {
    let (server, _) = serve(way.server().shared(), DEVICES);
    let (a, b) = (way.connect(&server, "a"), way.connect(&server, "b"));
    let held = lease(&a, &["laser"]);
    let error = b.lease(["meter", "laser"]).acquire().unwrap_err();
    let LeaseError::Timeout { state, .. } = &error else {
        panic!("{error:?}");
    };
    let ClaimState::Waiting { behind, .. } = state else {
        panic!("{state:?}");
    };
    assert_eq!((behind.len(), behind[0].name.as_str()), (1, "a"));
    touch(&a, "meter").unwrap();
    held.release().unwrap();
    drop(lease(&b, &["meter", "laser"]));
}

fn who_waits_is_served_in_order(way: Way) {
    let (server, _) = serve(way.server().shared(), DEVICES);
    let first = way.connect(&server, "first");
    let held = lease(&first, &["laser", "meter"]);
    let order = Mutex::new(Vec::new());
    let wanted = [&["laser"][..], &["laser", "meter"], &["meter"]];
    thread::scope(|scope| {
        for (n, devices) in wanted.into_iter().enumerate() {
            let (order, server) = (&order, &server);
            scope.spawn(move || {
                let client = way.connect(server, &n.to_string());
                let lease = lease(&client, devices);
                order.lock().unwrap().push(n);
                lease.release().unwrap();
            });
            until("it is in line", || server.leases().len() == n + 2);
        }
        held.release().unwrap();
    });
    let order = order.into_inner().unwrap();
    let place = |n| order.iter().position(|other| *other == n).unwrap();
    assert!(place(0) < place(1) && place(1) < place(2), "{order:?}");
}

fn mistakes_are_refused_in_words(way: Way) {
    let (server, _) = serve(way.server().shared(), DEVICES);
    let client = way.connect(&server, "careless");
    let said = |devices: &[&str]| {
        client
            .lease(devices.to_vec())
            .acquire()
            .unwrap_err()
            .to_string()
    };
    for (devices, words) in [
        (vec!["lasre"], "there is no device `lasre`"),
        (vec![], "a lease needs at least one device"),
        (vec!["laser", "laser"], "the device `laser` is named twice"),
    ] {
        let said = said(&devices);
        assert!(said.contains(words), "{said}");
    }
    let long = client
        .lease(["laser"])
        .because("x".repeat(1 << 20))
        .acquire()
        .unwrap();
    assert!(server.leases()[0].because.chars().count() <= 200);
    let again = client.lease(["laser"]).acquire().unwrap_err().to_string();
    assert!(again.contains("has a lease of `laser` already"), "{again}");
    long.release().unwrap();
    assert_eq!(server.leases(), []);
    let nobody = client.server().kick_lease("laser", "", Duration::ZERO);
    let nobody = nobody.unwrap_err().to_string();
    assert!(nobody.contains("nobody has leased `laser`"), "{nobody}");
}

fn a_circle_of_waits_is_refused(way: Way) {
    let (server, _) = serve(way.server().shared(), DEVICES);
    let (a, b) = (way.connect(&server, "a"), way.connect(&server, "b"));
    let held = lease(&a, &["laser"]);
    let other = lease(&b, &["meter"]);
    thread::scope(|scope| {
        let waits = scope.spawn(|| lease(&a, &["meter"]));
        until("a is in line", || server.leases().len() == 3);
        let wait = Duration::from_secs(20);
        let refused = b
            .lease(["laser"])
            .wait(wait)
            .acquire()
            .unwrap_err()
            .to_string();
        assert!(refused.contains("would wait for each other"), "{refused}");
        assert!(refused.contains("for a at 127.0.0.1:"), "{refused}");
        other.release().unwrap();
        waits.join().unwrap().release().unwrap();
    });
    held.release().unwrap();
}

fn who_holds_the_server_has_all_devices(way: Way) {
    let (server, _) = serve(way.server(), DEVICES);
    let sweep = way.connect(&server, "sweep");
    // Waits in the queue; its commands do not.
    let wall = way.client(&server).name("wall").connect_lazy();
    let leases = || wall.server().leases().unwrap();
    let implicit = leases();
    assert_eq!(implicit.len(), 1);
    assert_eq!(implicit[0].devices, DEVICES);
    assert_eq!((implicit[0].claim, &*implicit[0].name), (0, "sweep"));
    let held = lease(&sweep, &["laser"]);
    let devices = leases().into_iter().map(|lease| lease.devices);
    assert_eq!(devices.collect::<Vec<_>>(), [["meter"], ["laser"]]);
    let devices = wall.server().devices().unwrap();
    let holders = devices
        .into_iter()
        .map(|device| device.holder.unwrap().name);
    assert_eq!(holders.collect::<Vec<_>>(), ["sweep", "sweep"]);
    held.release().unwrap();
    sweep.close();
    until("nobody has anything", || leases().is_empty());
}

fn who_ends_that_lease_sends_the_client_away(way: Way) {
    let (server, lab) = serve(way.server(), DEVICES);
    let (told, notices) = mpsc::channel();
    let sweep = way.client(&server).name("sweep");
    let sweep = sweep.on_notice(move |notice| told.send(notice.text.clone()).unwrap_or_default());
    let sweep = sweep.connect().unwrap();
    touch(&sweep, "laser").unwrap();
    let wall = way.client(&server).name("wall").connect_lazy();
    let end = |device, notice| wall.server().kick_lease(device, "fire drill", notice);
    let unknown = end("maser", Duration::ZERO).unwrap_err();
    assert!(
        unknown
            .to_string()
            .contains("there is no device `maser`; the devices are `laser`, `meter`"),
        "{unknown}"
    );
    // Whoever wants it sooner decides.
    let ends = || wall.server().leases().unwrap()[0].ends_ms.unwrap();
    for (hours, left) in [(2, 2), (1, 1), (3, 1)] {
        end("laser", Duration::from_secs(hours * 3600)).unwrap();
        assert!(ends().div_ceil(3_600_000) == left, "{} ms", ends());
    }
    assert_eq!(end("laser", NOTICE).unwrap().name, "sweep");
    until("the client is told", || {
        sweep.describe().unwrap();
        notices.try_recv().is_ok_and(|notice: String| {
            notice.contains("disconnects this client in 300ms: fire drill")
        })
    });
    until("it is released", || {
        lab.notes()
            == [
                "sweep: laser",
                "laser off: HandedOver",
                "meter off: HandedOver",
            ]
    });
    let error = touch(&sweep, "laser").unwrap_err();
    assert!(error.to_string().contains("fire drill"), "{error}");
}

fn an_exclusive_server_has_leases_too(way: Way) {
    let (server, lab) = serve(way.server(), DEVICES);
    let a = way.connect(&server, "a");
    let held = lease(&a, &["laser"]);
    touch(&a, "laser").unwrap();
    held.release().unwrap();
    until("it is released", || {
        lab.notes() == ["a: laser", "laser off: LeaseEnded"]
    });
    touch(&a, "laser").unwrap();
    a.close();
    let b = way.connect(&server, "b");
    touch(&b, "meter").unwrap();
    let all = [
        "a: laser",
        "laser off: LeaseEnded",
        "a: laser",
        "laser off: Finished",
        "meter off: Finished",
        "b: meter",
    ];
    assert_eq!(lab.notes(), all);
}

fn a_lease_holds_off_the_idle_handover(way: Way) {
    let (server, _) = serve(
        way.server().idle_handover(Duration::from_millis(50)),
        DEVICES,
    );
    let a = way.connect(&server, "a");
    let held = lease(&a, &["laser"]);
    let b = way.client(&server).name("b").connect_lazy();
    thread::scope(|scope| {
        let waits = scope.spawn(|| touch(&b, "laser"));
        until("b waits", || server.waiting() == 1);
        // Long enough for an idle holder without a lease to be sent away.
        until("a has been idle", || {
            let holder = server.holder().unwrap();
            assert_eq!(holder.name, "a");
            holder.idle > Duration::from_millis(1500)
        });
        held.release().unwrap();
        waits.join().unwrap().unwrap();
    });
}
