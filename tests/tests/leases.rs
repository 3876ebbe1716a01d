//! Leases over real sockets: who has what, who waits, and what becomes of a holder that is gone.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "tests"
)]

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ipc_client::{
    CallError, ClaimState, Client, Lease, LeaseError, NoticeKind, Refusal, Shared, remote,
};
use ipc_server::{LeaseInfo, ServerBuilder, ServerHandle};
use tests::{Way, both_ways, until};

both_ways!(
    others_are_refused_and_told_who_has_the_device,
    reads_pass_unless_the_lease_refuses_them,
    devices_without_a_lease_are_open_to_all,
    a_lease_is_for_all_its_devices_or_none,
    who_waits_is_served_in_order,
    a_released_device_is_in_its_safe_state_before_the_next_holder_has_it,
    a_holder_that_is_kicked_is_fenced,
    a_kick_with_notice_is_told_before_it_happens,
    a_lease_can_be_given_to_another_client,
    a_lease_that_is_asked_for_a_time_ends,
    a_holder_that_says_goodbye_holds_nothing,
    mistakes_are_refused_in_words,
    a_circle_of_waits_is_refused,
    who_has_used_a_device_learns_that_it_was_released,
    the_server_lists_its_clients_leases_and_devices,
    an_exclusive_server_has_leases_too,
    a_lease_holds_off_the_idle_handover,
);

/// A device that notes what is done to it.
#[derive(Clone, Default)]
struct Laser {
    done: Arc<Mutex<Vec<String>>>,
}

impl Laser {
    fn note(&self, what: impl Into<String>) {
        self.done.lock().unwrap().push(what.into());
    }

    fn done(&self) -> Vec<String> {
        self.done.lock().unwrap().clone()
    }
}

#[remote(crate = ipc_client)]
impl Laser {
    /// Fires.
    pub fn fire(&mut self, who: String) {
        self.note(who);
    }

    /// Number of things that were done.
    #[remote(get)]
    pub fn count(&self) -> usize {
        self.done.lock().unwrap().len()
    }
}

/// A server with two devices, `laser` and `meter`.
fn serve(server: ServerBuilder) -> (ServerHandle, Laser) {
    let laser = Laser::default();
    let server = server
        .device(device(&laser, "laser"))
        .device(device(&laser, "meter"));
    (server.spawn().unwrap(), laser)
}

fn device(laser: &Laser, name: &'static str) -> ipc_server::Device {
    let device = Shared::new(laser.clone());
    let device = device.on_release(move |laser, why| laser.note(format!("{name} off: {why:?}")));
    device.name(name).prefix(format!("{name}_"))
}

fn fire(client: &Client, device: &str) -> Result<(), CallError> {
    LaserProxy::with_prefix(client, &format!("{device}_")).fire(device.to_string())
}

fn client(way: Way, server: &ServerHandle, name: &str) -> Client {
    way.client(server).name(name).connect().unwrap()
}

fn lease(client: &Client, devices: &[&str]) -> Lease {
    let lease = client.lease(devices.to_vec()).wait(Duration::from_secs(20));
    lease.acquire().unwrap()
}

fn refusal(result: Result<(), CallError>) -> Refusal {
    match result.unwrap_err() {
        CallError::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

fn others_are_refused_and_told_who_has_the_device(way: Way) {
    let (server, laser) = serve(way.server().shared());
    let (sweep, notebook) = (
        client(way, &server, "sweep"),
        client(way, &server, "notebook"),
    );
    let held = sweep
        .lease(["laser"])
        .because("night run")
        .acquire()
        .unwrap();
    fire(&sweep, "laser").unwrap();
    let Refusal::Held(told) = refusal(fire(&notebook, "laser")) else {
        panic!("not held");
    };
    let seen = [&told.method, &told.device, &told.holder, &told.reason];
    assert_eq!(seen, ["laser_fire", "laser", "sweep", "night run"]);
    assert!(told.address.starts_with("127.0.0.1:"), "{}", told.address);
    let text = told.to_string();
    assert!(text.starts_with("`laser_fire` was refused: `laser` has been held by sweep at "));
    held.release().unwrap();
    fire(&notebook, "laser").unwrap();
    assert_eq!(laser.done(), ["laser", "laser off: LeaseEnded", "laser"]);
}

fn reads_pass_unless_the_lease_refuses_them(way: Way) {
    let (server, _) = serve(way.server().shared());
    let sweep = client(way, &server, "sweep");
    let monitor = way.client(&server).name("monitor").resume_silently();
    let monitor = monitor.connect().unwrap();
    let count = || {
        LaserProxy::with_prefix(&monitor, "laser_")
            .count()
            .map(drop)
    };
    let held = lease(&sweep, &["laser"]);
    count().unwrap();
    held.release().unwrap();
    let strict = sweep.lease(["laser"]).refuse_reads().acquire().unwrap();
    assert!(matches!(refusal(count()), Refusal::Held(_)));
    strict.release().unwrap();
    count().unwrap();
}

fn devices_without_a_lease_are_open_to_all(way: Way) {
    let (server, _) = serve(way.server().shared());
    let (sweep, notebook) = (
        client(way, &server, "sweep"),
        client(way, &server, "notebook"),
    );
    let _held = lease(&sweep, &["laser"]);
    fire(&notebook, "meter").unwrap();
    fire(&sweep, "meter").unwrap();
}

fn a_lease_is_for_all_its_devices_or_none(way: Way) {
    let (server, _) = serve(way.server().shared());
    let (a, b) = (client(way, &server, "a"), client(way, &server, "b"));
    let held = lease(&a, &["laser"]);
    let error = b.lease(["meter", "laser"]).acquire().unwrap_err();
    let LeaseError::Timeout { state, .. } = &error else {
        panic!("{error:?}");
    };
    let ClaimState::Waiting { behind, .. } = state else {
        panic!("{state:?}");
    };
    assert_eq!((behind.len(), behind[0].name.as_str()), (1, "a"));
    fire(&a, "meter").unwrap();
    held.release().unwrap();
    drop(lease(&b, &["meter", "laser"]));
}

fn who_waits_is_served_in_order(way: Way) {
    let (server, _) = serve(way.server().shared());
    let first = client(way, &server, "first");
    let held = lease(&first, &["laser", "meter"]);
    let order = Mutex::new(Vec::new());
    let wanted = [&["laser"][..], &["laser", "meter"], &["meter"]];
    thread::scope(|scope| {
        for (n, devices) in wanted.into_iter().enumerate() {
            let (order, server) = (&order, &server);
            scope.spawn(move || {
                let client = client(way, server, &n.to_string());
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

fn a_released_device_is_in_its_safe_state_before_the_next_holder_has_it(way: Way) {
    let (server, laser) = serve(way.server().shared());
    let (a, b) = (client(way, &server, "a"), client(way, &server, "b"));
    for round in 0..20 {
        let (now, next) = if round % 2 == 0 { (&a, &b) } else { (&b, &a) };
        let held = lease(now, &["laser"]);
        // It may learn first that the device was released since it had it.
        let fired = fire(now, "laser").or_else(|_| fire(now, "laser"));
        fired.unwrap();
        thread::scope(|scope| {
            let waits = scope.spawn(|| lease(next, &["laser"]));
            until("it is in line", || server.leases().len() == 2);
            held.release().unwrap();
            let lease = waits.join().unwrap();
            assert_eq!(laser.done().last().unwrap(), "laser off: LeaseEnded");
            lease.release().unwrap();
        });
        until("nothing is leased", || {
            server.device_states()[0].holder.is_none()
        });
    }
}

fn a_holder_that_is_kicked_is_fenced(way: Way) {
    let (server, laser) = serve(way.server().shared());
    let (sweep, operator) = (
        client(way, &server, "sweep"),
        client(way, &server, "operator"),
    );
    let held = lease(&sweep, &["laser"]);
    fire(&sweep, "laser").unwrap();
    let kicked = operator
        .server()
        .kick_lease("laser", "cooling water", Duration::ZERO);
    assert_eq!(kicked.unwrap().name, "sweep");
    let Refusal::Fenced(told) = refusal(fire(&sweep, "laser")) else {
        panic!("not fenced");
    };
    assert_eq!(
        (told.device.as_str(), told.why.as_str()),
        ("laser", "cooling water")
    );
    assert!(told.by.starts_with("operator at "), "{}", told.by);
    assert_eq!(laser.done(), ["laser", "laser off: HandedOver"]);
    let state = held.state().unwrap();
    assert!(
        matches!(&state, ClaimState::Ended { why, .. } if why == "cooling water"),
        "{state:?}"
    );
    // It knows now, and may go on without a lease.
    until("it goes on", || fire(&sweep, "laser").is_ok());
}

fn a_kick_with_notice_is_told_before_it_happens(way: Way) {
    let (server, _) = serve(way.server().shared());
    let told = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&told);
    let sweep = way.client(&server).name("sweep");
    let sweep = sweep.on_notice(move |notice| note.lock().unwrap().push(notice.clone()));
    let sweep = sweep.connect().unwrap();
    let held = lease(&sweep, &["laser"]);
    let operator = client(way, &server, "operator");
    let notice = Duration::from_millis(500);
    operator
        .server()
        .kick_lease("laser", "cooling water", notice)
        .unwrap();
    // Its calls still run, and it hears of the kick with the first of them.
    fire(&sweep, "laser").unwrap();
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
    assert!(matches!(refusal(fire(&sweep, "laser")), Refusal::Fenced(_)));
    assert_eq!(all().last().unwrap().0, NoticeKind::Ended);
}

fn a_lease_can_be_given_to_another_client(way: Way) {
    let (server, laser) = serve(way.server().shared());
    let (day, night) = (client(way, &server, "day"), client(way, &server, "night"));
    let held = lease(&day, &["laser"]);
    fire(&day, "laser").unwrap();
    let clients = day.server().clients().unwrap();
    let id = clients
        .iter()
        .find(|client| client.name == "night")
        .unwrap()
        .id;
    let given = held.transfer(id).unwrap();
    assert_eq!((given.name.as_str(), given.client), ("night", id));
    fire(&night, "laser").unwrap();
    assert!(matches!(refusal(fire(&day, "laser")), Refusal::Held(_)));
    assert_eq!(laser.done(), ["laser", "laser"], "no hook runs");
    night.close();
    until("it is released", || laser.done().len() == 3);
}

fn a_lease_that_is_asked_for_a_time_ends(way: Way) {
    let (server, laser) = serve(way.server().shared());
    let sweep = client(way, &server, "sweep");
    let held = sweep
        .lease(["laser"])
        .for_at_most(Duration::from_millis(300));
    let held = held.acquire().unwrap();
    until("it ends", || {
        matches!(held.state().unwrap(), ClaimState::Ended { .. })
    });
    until("it is released", || {
        laser.done() == ["laser off: LeaseEnded"]
    });
    assert!(matches!(refusal(fire(&sweep, "laser")), Refusal::Fenced(_)));
}

fn a_holder_that_says_goodbye_holds_nothing(way: Way) {
    let (server, laser) = serve(way.server().shared());
    let (a, b) = (client(way, &server, "a"), client(way, &server, "b"));
    let held = lease(&a, &["laser"]);
    fire(&a, "laser").unwrap();
    a.close();
    let next = lease(&b, &["laser"]);
    assert_eq!(laser.done(), ["laser", "laser off: Finished"]);
    next.release().unwrap();
    drop(held);
}

fn mistakes_are_refused_in_words(way: Way) {
    let (server, _) = serve(way.server().shared());
    let client = client(way, &server, "careless");
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
    let (server, _) = serve(way.server().shared());
    let (a, b) = (client(way, &server, "a"), client(way, &server, "b"));
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

fn who_has_used_a_device_learns_that_it_was_released(way: Way) {
    let (server, laser) = serve(way.server().shared());
    let script = client(way, &server, "script");
    let tool = way
        .client(&server)
        .name("tool")
        .resume_silently()
        .connect()
        .unwrap();
    fire(&script, "laser").unwrap();
    fire(&tool, "laser").unwrap();
    let other = client(way, &server, "other");
    lease(&other, &["laser"]).release().unwrap();
    until("it is released", || laser.done().len() == 3);
    // The next call of any kind to any device is refused once.
    let Refusal::Interrupted { by, why, .. } = refusal(fire(&script, "meter")) else {
        panic!("not interrupted");
    };
    assert!(by.starts_with("other at "), "{by}");
    assert_eq!(why, "`laser` was released, because the lease has ended");
    fire(&script, "meter").unwrap();
    fire(&tool, "laser").unwrap();
    fire(&other, "laser").unwrap();
}

fn the_server_lists_its_clients_leases_and_devices(way: Way) {
    let (server, _) = serve(way.server().shared());
    let (a, b) = (client(way, &server, "a"), client(way, &server, "b"));
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
        match fire(&a, "laser") {
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

fn an_exclusive_server_has_leases_too(way: Way) {
    let (server, laser) = serve(way.server());
    let a = client(way, &server, "a");
    let held = lease(&a, &["laser"]);
    fire(&a, "laser").unwrap();
    held.release().unwrap();
    until("it is released", || {
        laser.done() == ["laser", "laser off: LeaseEnded"]
    });
    fire(&a, "laser").unwrap();
    a.close();
    let b = client(way, &server, "b");
    fire(&b, "meter").unwrap();
    let all = [
        "laser",
        "laser off: LeaseEnded",
        "laser",
        "laser off: Finished",
        "meter off: Finished",
        "meter",
    ];
    assert_eq!(laser.done(), all);
}

fn a_lease_holds_off_the_idle_handover(way: Way) {
    let (server, _) = serve(way.server().idle_handover(Duration::from_millis(50)));
    let a = client(way, &server, "a");
    let held = lease(&a, &["laser"]);
    let b = way.client(&server).name("b").connect_lazy();
    thread::scope(|scope| {
        let waits = scope.spawn(|| fire(&b, "laser"));
        until("b waits", || server.waiting() == 1);
        // Long enough for an idle holder without a lease to be sent away.
        thread::sleep(Duration::from_millis(1500));
        assert_eq!(server.holder().unwrap().name, "a");
        held.release().unwrap();
        waits.join().unwrap().unwrap();
    });
}
