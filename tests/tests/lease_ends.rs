//! How leases end over real sockets, and what holders and others learn of it.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use ipc_client::{ClaimState, NoticeKind, Refusal};
use ipc_server::LeaseInfo;
use tests::notebook::{lease, refusal, serve, touch};
use tests::{Way, both_ways, until};

both_ways!(
    a_released_device_is_in_its_safe_state_before_the_next_holder_has_it,
    a_holder_that_is_kicked_is_fenced,
    a_kick_with_notice_is_told_before_it_happens,
    a_lease_can_be_given_to_another_client,
    a_lease_that_is_asked_for_a_time_ends,
    a_holder_that_says_goodbye_holds_nothing,
    who_has_used_a_device_learns_that_it_was_released,
    the_server_lists_its_clients_leases_and_devices,
);

const DEVICES: [&str; 2] = ["laser", "meter"];

fn a_released_device_is_in_its_safe_state_before_the_next_holder_has_it(way: Way) {
    let (server, lab) = serve(way.server().shared(), DEVICES);
    let (a, b) = (way.connect(&server, "a"), way.connect(&server, "b"));
    for round in 0..20 {
        let (now, next) = if round % 2 == 0 { (&a, &b) } else { (&b, &a) };
        let held = lease(now, &["laser"]);
        // It may learn first that the device was released since it had it.
        let fired = touch(now, "laser").or_else(|_| touch(now, "laser"));
        fired.unwrap();
        thread::scope(|scope| {
            let waits = scope.spawn(|| lease(next, &["laser"]));
            until("it is in line", || server.leases().len() == 2);
            held.release().unwrap();
            let lease = waits.join().unwrap();
            assert_eq!(lab.notes().last().unwrap(), "laser off: LeaseEnded");
            lease.release().unwrap();
        });
        until("nothing is leased", || {
            server.device_states()[0].holder.is_none()
        });
    }
}

fn a_holder_that_is_kicked_is_fenced(way: Way) {
    let (server, lab) = serve(way.server().shared(), DEVICES);
    let (sweep, operator) = (
        way.connect(&server, "sweep"),
        way.connect(&server, "operator"),
    );
    let held = lease(&sweep, &["laser"]);
    touch(&sweep, "laser").unwrap();
    let kicked = operator
        .server()
        .kick_lease("laser", "cooling water", Duration::ZERO);
    assert_eq!(kicked.unwrap().name, "sweep");
    let Refusal::Fenced(told) = refusal(touch(&sweep, "laser")) else {
        panic!("not fenced");
    };
    assert_eq!(
        (told.device.as_str(), told.why.as_str()),
        ("laser", "cooling water")
    );
    assert!(told.by.starts_with("operator at "), "{}", told.by);
    assert_eq!(lab.notes(), ["sweep: laser", "laser off: HandedOver"]);
    let state = held.state().unwrap();
    assert!(
        matches!(&state, ClaimState::Ended { why, .. } if why == "cooling water"),
        "{state:?}"
    );
    // It knows now, and may go on without a lease.
    until("it goes on", || touch(&sweep, "laser").is_ok());
}

fn a_kick_with_notice_is_told_before_it_happens(way: Way) {
    let (server, _) = serve(way.server().shared(), DEVICES);
    let told = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&told);
    let sweep = way.client(&server).name("sweep");
    let sweep = sweep.on_notice(move |notice| note.lock().unwrap().push(notice.clone()));
    let sweep = sweep.connect().unwrap();
    let held = lease(&sweep, &["laser"]);
    let operator = way.connect(&server, "operator");
    let notice = Duration::from_millis(500);
    operator
        .server()
        .kick_lease("laser", "cooling water", notice)
        .unwrap();
    // Its calls still run, and it hears of the kick with the first of them.
    touch(&sweep, "laser").unwrap();
    let all = || -> Vec<_> {
        told.lock()
            .unwrap()
            .iter()
            .map(|n| (n.kind, n.text.clone()))
            .collect()
    };
    let first = all().remove(0);
    assert_eq!(first.0, NoticeKind::Ending);
    assert!(
        first.1.starts_with("operator at ") && first.1.ends_with(": cooling water"),
        "{first:?}"
    );
    until("it is over", || {
        matches!(held.state().unwrap(), ClaimState::Ended { .. })
    });
    assert!(matches!(
        refusal(touch(&sweep, "laser")),
        Refusal::Fenced(_)
    ));
    assert_eq!(all().last().unwrap().0, NoticeKind::Ended);
}

fn a_lease_can_be_given_to_another_client(way: Way) {
    let (server, lab) = serve(way.server().shared(), DEVICES);
    let day = way.connect(&server, "day");
    let (told, notices) = mpsc::channel();
    let night = way.client(&server).name("night");
    let night = night.on_notice(move |notice| told.send(notice.claim).unwrap_or_default());
    let night = night.connect().unwrap();
    let held = lease(&day, &["laser"]);
    touch(&day, "laser").unwrap();
    let clients = day.server().clients().unwrap();
    let id = clients
        .iter()
        .find(|client| client.name == "night")
        .unwrap()
        .id;
    let given = held.transfer(id).unwrap();
    assert_eq!((given.name.as_str(), given.client), ("night", id));
    touch(&night, "laser").unwrap();
    assert!(matches!(refusal(touch(&day, "laser")), Refusal::Held(_)));
    assert_eq!(lab.notes(), ["day: laser", "night: laser"], "no hook runs");
    // The new holder learns its number, and ends it as one of its own.
    assert_eq!(notices.try_recv(), Ok(given.claim));
    assert!(day.received_lease(given.claim).unwrap().is_none());
    let received = night.received_lease(given.claim).unwrap().unwrap();
    assert_eq!(received.devices(), ["laser"]);
    received.release().unwrap();
    until("it is released", || lab.notes().len() == 3);
}

fn a_lease_that_is_asked_for_a_time_ends(way: Way) {
    let (server, lab) = serve(way.server().shared(), DEVICES);
    let sweep = way.connect(&server, "sweep");
    let held = sweep
        .lease(["laser"])
        .for_at_most(Duration::from_millis(300));
    let held = held.acquire().unwrap();
    until("it ends", || {
        matches!(held.state().unwrap(), ClaimState::Ended { .. })
    });
    until("it is released", || {
        lab.notes() == ["laser off: LeaseEnded"]
    });
    assert!(matches!(
        refusal(touch(&sweep, "laser")),
        Refusal::Fenced(_)
    ));
}

fn a_holder_that_says_goodbye_holds_nothing(way: Way) {
    let (server, lab) = serve(way.server().shared(), DEVICES);
    let (a, b) = (way.connect(&server, "a"), way.connect(&server, "b"));
    let held = lease(&a, &["laser"]);
    touch(&a, "laser").unwrap();
    a.close();
    let next = lease(&b, &["laser"]);
    assert_eq!(lab.notes(), ["a: laser", "laser off: Finished"]);
    next.release().unwrap();
    drop(held);
}

fn who_has_used_a_device_learns_that_it_was_released(way: Way) {
    let (server, lab) = serve(way.server().shared(), DEVICES);
    let script = way.connect(&server, "script");
    let tool = way
        .client(&server)
        .name("tool")
        .resume_silently()
        .connect()
        .unwrap();
    touch(&script, "laser").unwrap();
    touch(&tool, "laser").unwrap();
    let other = way.connect(&server, "other");
    lease(&other, &["laser"]).release().unwrap();
    // Waits until the device has been released, and everybody is to be told.
    touch(&tool, "laser").unwrap();
    assert_eq!(lab.notes()[2], "laser off: LeaseEnded");
    // The next call of any kind to any device is refused once.
    let Refusal::Interrupted { by, why, .. } = refusal(touch(&script, "meter")) else {
        panic!("not interrupted");
    };
    assert!(by.starts_with("other at "), "{by}");
    assert_eq!(why, "`laser` was released, because the lease has ended");
    touch(&script, "meter").unwrap();
    touch(&other, "laser").unwrap();
}

fn the_server_lists_its_clients_leases_and_devices(way: Way) {
    let (server, _) = serve(way.server().shared(), DEVICES);
    let (a, b) = (way.connect(&server, "a"), way.connect(&server, "b"));
    let held = a.lease(["laser"]).because("sweep").acquire().unwrap();
    let names: Vec<_> = b
        .server()
        .clients()
        .unwrap()
        .into_iter()
        .map(|c| c.name)
        .collect();
    assert_eq!(names, ["a", "b", "b (observer)"]);
    let leases = b.server().leases().unwrap();
    assert_eq!(leases.len(), 1);
    assert_eq!(
        (leases[0].name.as_str(), leases[0].because.as_str()),
        ("a", "sweep")
    );
    let claims = |leases: Vec<LeaseInfo>| leases.into_iter().map(|it| it.claim).collect::<Vec<_>>();
    assert_eq!(claims(leases), claims(server.leases()));
    let devices = b.server().devices().unwrap();
    assert_eq!(devices[0].holder.as_ref().unwrap().name, "a");
    assert!(devices[1].holder.is_none());
    let id = server.clients()[0].id;
    let kicked = b.server().kick_client(id, "the lab closes").unwrap();
    assert_eq!(kicked.name, "a");
    until("it has left", || {
        server.clients().iter().all(|c| c.name != "a")
    });
    let error = loop {
        match touch(&a, "laser") {
            Ok(()) => {}
            Err(error) => break error.to_string(),
        }
    };
    assert!(
        error.contains("the lab closes") || error.contains("may have changed"),
        "{error}"
    );
    drop(held);
}
