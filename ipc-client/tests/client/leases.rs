//! Leases of the blocking client: every way out gives the devices back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use ipc_client::{
    CallError, CancellationToken, ClaimState, Client, Lease, LeaseError, NotSent, Refusal, Retry,
};

use crate::support::{FakeServer, connected, refused_as};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(50);

fn laser(client: &Client) -> Result<Lease, LeaseError> {
    client.lease(["laser"]).acquire()
}

fn devices(server: &FakeServer) -> Vec<String> {
    server.leases(|leases| leases.devices())
}

#[test]
fn a_lease_asks_for_what_its_builder_says() {
    let (server, client) = connected();
    let lease = client
        .lease(["laser", "meter"])
        .because("alignment")
        .for_at_most(Duration::from_secs(5))
        .grace(Duration::from_millis(1500))
        .wait(LONG)
        .refuse_reads()
        .acquire()
        .unwrap();
    assert_eq!(lease.devices(), ["laser", "meter"]);
    let request = server.leases(|leases| leases.requests[0].clone());
    assert_eq!(request.claim, lease.claim());
    assert_eq!(
        (&*request.because, request.refuses_reads),
        ("alignment", true)
    );
    assert_eq!((request.for_ms, request.grace_ms), (Some(5000), Some(1500)));
    assert!(request.may_wait && request.identity.len() == 32);
    lease.release().unwrap();
    assert!(devices(&server).is_empty());
    let other = laser(&client).unwrap();
    let plain = server.leases(|leases| leases.requests[1].clone());
    assert_ne!(plain.claim, request.claim);
    assert_eq!(plain.identity, request.identity);
    assert!(!plain.may_wait && (plain.for_ms, plain.grace_ms) == (None, None));
    drop(other);
}

#[test]
fn a_lease_is_waited_for_and_the_wait_is_told() {
    let (server, client) = connected();
    server.leases(|leases| leases.hold("laser", "anna"));
    let (told, states) = channel();
    let waiting = thread::spawn(move || {
        let lease = client.lease(["laser"]).wait(Duration::MAX);
        let lease = lease.on_waiting(move |state| told.send(state.clone()).unwrap());
        lease.acquire().map(|lease| lease.release())
    });
    let state = states.recv().unwrap();
    assert!(
        matches!(&state, ClaimState::Waiting { place: 1, behind } if behind[0].name == "anna"),
        "{state:?}"
    );
    server.leases(|leases| leases.free());
    assert_eq!(waiting.join().unwrap(), Ok(Ok(())));
    assert!(devices(&server).is_empty());
}

#[test]
fn without_a_wait_the_holder_is_named_at_once() {
    let (server, client) = connected();
    server.leases(|leases| leases.hold("laser", "anna"));
    let error = laser(&client).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("anna") && text.contains("`.wait(..)`"),
        "{text}"
    );
    assert!(devices(&server).is_empty());
    assert!(client.lease(["laser"]).try_acquire().unwrap().is_none());
    let meter = client.lease(["meter"]).try_acquire().unwrap();
    assert_eq!(meter.unwrap().devices(), ["meter"]);
}

#[test]
fn a_wait_that_is_over_is_withdrawn() {
    let (server, client) = connected();
    server.leases(|leases| leases.hold("laser", "anna"));
    let error = client.lease(["laser"]).wait(SHORT).acquire().unwrap_err();
    let LeaseError::Timeout { waited, state, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(*waited >= SHORT);
    assert!(matches!(state, ClaimState::Waiting { place: 1, .. }));
    server.wait_for_leases(|leases| leases.devices().is_empty());
}

#[test]
fn a_token_and_a_deadline_end_the_wait() {
    let (server, client) = connected();
    server.leases(|leases| leases.hold("laser", "anna"));
    let token = CancellationToken::new();
    let cancelling = client.cancel_with(&token);
    let waiting = thread::spawn(move || cancelling.lease(["laser"]).wait(LONG).acquire());
    server.wait_for_leases(|leases| !leases.devices().is_empty());
    token.cancel();
    let error = waiting.join().unwrap().unwrap_err();
    let NotSent::Cancelled = reason(&error) else {
        panic!("{error:?}");
    };
    server.wait_for_leases(|leases| leases.devices().is_empty());

    let hurried = client.deadline(Instant::now() + SHORT);
    let error = hurried.lease(["laser"]).wait(LONG).acquire().unwrap_err();
    assert!(matches!(error, LeaseError::Call { .. }), "{error:?}");
    server.wait_for_leases(|leases| leases.devices().is_empty());
}

fn reason(error: &LeaseError) -> &NotSent {
    match error.call_error() {
        Some(CallError::NotSent { reason, .. }) => reason,
        _ => panic!("{error:?}"),
    }
}

#[test]
fn dropping_a_lease_releases_it_without_another_call() {
    let (server, client) = connected();
    drop(laser(&client).unwrap());
    server.wait_for_leases(|leases| leases.devices().is_empty());
    // The answer to the release is not taken for that of the next call.
    assert_eq!(client.call::<u64>("echo", 7), Ok(7));
}

#[test]
fn a_panic_releases_a_lease() {
    let (server, client) = connected();
    let script = catch_unwind(AssertUnwindSafe(|| {
        let _lease = laser(&client).unwrap();
        panic!("scripted");
    }));
    assert!(script.is_err());
    server.wait_for_leases(|leases| leases.devices().is_empty());
    let script = catch_unwind(AssertUnwindSafe(|| {
        client.with(["laser"], |_| panic!("scripted"))
    }));
    assert!(script.is_err());
    server.wait_for_leases(|leases| leases.devices().is_empty());
}

/// The connection is lost before the lease is dropped, and the server still knows the session: nobody else would release it.
#[test]
fn a_lease_dropped_without_a_connection_is_released_before_the_next_call() {
    let (server, client) = connected();
    let lease = laser(&client).unwrap();
    server.cut_all();
    let begun = Instant::now();
    drop(lease);
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert_eq!(client.call::<u64>("echo", 7), Ok(7));
    let ledger = server.ledger();
    assert_eq!(ledger, ["lease.claim", "lease.release", "echo"]);
    assert!(devices(&server).is_empty());
}

/// The outage is given up, and with it all calls; the claim is withdrawn all the same once there is a server.
#[test]
fn a_lease_dropped_in_an_outage_is_released_after_it() {
    let server = FakeServer::start();
    let address = server.address();
    let builder = Client::builder(address.to_string()).retry(Retry::never());
    let client = builder.connect().unwrap();
    let lease = laser(&client).unwrap();
    drop(server);
    assert!(client.call::<u64>("echo", 1).is_err());
    drop(lease);
    assert!(client.call::<u64>("echo", 2).is_err());
    let server = FakeServer::start_at(address);
    assert_eq!(client.call::<u64>("echo", 3), Ok(3));
    assert_eq!(server.ledger(), ["lease.release", "echo"]);
}

#[test]
fn with_gives_the_devices_back_and_returns_what_its_closure_returns() {
    let (server, client) = connected();
    let result = client.with(["laser"], |client| {
        assert_eq!(devices(&server), ["laser"]);
        client.call::<u64>("echo", 3)
    });
    assert_eq!(result, Ok(Ok(3)));
    assert!(devices(&server).is_empty());
    server.leases(|leases| leases.hold("laser", "anna"));
    let hurried = client.timeout(SHORT);
    let error = hurried.with(["laser"], |_| panic!("it ran")).unwrap_err();
    assert!(matches!(error, LeaseError::Timeout { .. }), "{error:?}");
    server.wait_for_leases(|leases| leases.devices().is_empty());
}

#[test]
fn a_lease_survives_a_lost_connection_and_says_so() {
    let (server, client) = connected();
    let mut lease = laser(&client).unwrap();
    server.cut_all();
    assert_eq!(lease.state(), Ok(ClaimState::Held { ends_ms: None }));
    assert_eq!(lease.reacquire(), Ok(()));
    assert_eq!(devices(&server), ["laser"]);
    let renewed = lease.renew(Duration::from_secs(9)).unwrap();
    let ends_ms = Some(9000);
    assert_eq!(renewed, ClaimState::Held { ends_ms });
    let renewed = lease.renew(Duration::MAX).unwrap();
    assert_eq!(renewed, ClaimState::Held { ends_ms: None });
}

#[test]
fn a_lease_of_a_server_that_was_restarted_is_asked_for_again() {
    let (server, client) = connected();
    let mut lease = laser(&client).unwrap();
    let (address, claim) = (server.address(), lease.claim());
    drop(server);
    let server = FakeServer::start_at(address);
    assert_eq!(lease.state(), Ok(ClaimState::Unknown));
    assert_eq!(lease.reacquire(), Ok(()));
    assert_eq!(
        (devices(&server), lease.claim()),
        (vec!["laser".into()], claim)
    );
    drop(lease);
    server.wait_for_leases(|leases| leases.devices().is_empty());
}

#[test]
fn a_lease_that_was_ended_says_by_whom_and_can_be_had_anew() {
    let (server, client) = connected();
    let mut lease = laser(&client).unwrap();
    let claim = lease.claim();
    server.leases(|leases| leases.end_all("operator", "maintenance"));
    let state = lease.state().unwrap();
    assert!(state.to_string().contains("by operator: maintenance"));
    assert_eq!(lease.reacquire(), Ok(()));
    assert_ne!(lease.claim(), claim);
    assert_eq!(devices(&server), ["laser"]);
    drop(lease);
    server.wait_for_leases(|leases| leases.devices().is_empty());
}

#[test]
fn a_lease_that_others_have_got_meanwhile_can_be_asked_for_later() {
    let (server, client) = connected();
    let mut lease = client.lease(["laser"]).wait(SHORT).acquire().unwrap();
    server.leases(|leases| {
        leases.end_all("operator", "maintenance");
        leases.hold("laser", "anna");
    });
    for _ in 0..2 {
        let error = lease.reacquire().unwrap_err();
        assert!(matches!(error, LeaseError::Timeout { .. }), "{error:?}");
        server.wait_for_leases(|leases| leases.devices().is_empty());
    }
    server.leases(|leases| leases.free());
    assert_eq!(lease.reacquire(), Ok(()));
    assert_eq!(devices(&server), ["laser"]);
    drop(lease);
    server.wait_for_leases(|leases| leases.devices().is_empty());
}

#[test]
fn a_wait_ended_by_an_operator_is_over() {
    let (server, client) = connected();
    server.leases(|leases| leases.hold("laser", "anna"));
    let waiting = thread::spawn(move || client.lease(["laser"]).wait(LONG).acquire());
    server.wait_for_leases(|leases| !leases.devices().is_empty());
    server.leases(|leases| leases.end_all("operator", "maintenance"));
    let error = waiting.join().unwrap().unwrap_err();
    assert!(
        matches!(&error, LeaseError::Ended { by, .. } if by == "operator"),
        "{error:?}"
    );
}

#[test]
fn a_lease_is_transferred_or_kept() {
    let (server, client) = connected();
    let not_transferred = laser(&client).unwrap().transfer(6).unwrap_err();
    let text = not_transferred.to_string();
    assert!(text.contains("no client with this id"), "{text}");
    assert_eq!(devices(&server), ["laser"]);
    let info = not_transferred.lease.transfer(7).unwrap();
    assert_eq!((info.name.as_str(), info.devices.len()), ("seven", 1));
    assert_eq!(client.call::<u64>("echo", 1), Ok(1));
    let releases = server.ledger();
    assert!(!releases.contains(&"lease.release".into()), "{releases:?}");
}

#[test]
fn what_the_server_refuses_is_said_in_its_words() {
    let (_server, client) = connected();
    let error = client.lease([""; 0]).acquire().unwrap_err();
    assert!(matches!(error, LeaseError::Refused { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.ends_with("a lease needs at least one device"),
        "{text}"
    );
}

#[test]
fn the_commands_of_the_server_are_methods() {
    let (server, client) = connected();
    server.leases(|leases| leases.hold("laser", "anna"));
    let commands = client.server();
    assert_eq!(commands.clients().unwrap()[0].id, 7);
    assert_eq!(commands.devices().unwrap()[0].name, "laser");
    assert_eq!(commands.leases().unwrap()[0].name, "anna");
    assert_eq!(commands.kick_client(7, "bye").unwrap().name, "bye");
    let kicked = commands.kick_lease("laser", "night run", Duration::from_secs(2));
    assert_eq!(kicked.unwrap().name, "laser in 2000");
    assert!(commands.leases().unwrap().is_empty());
    let named = std::collections::BTreeMap::from([("claim", 1_u64)]);
    let state: ClaimState = commands.call_command("lease.status", named).unwrap();
    assert_eq!(state, ClaimState::Unknown);
    let unknown = commands.call_command::<()>("no.such", ()).unwrap_err();
    assert!(
        matches!(refused_as(&unknown), Some(Refusal::UnknownMethod { .. })),
        "{unknown:?}"
    );
}

#[test]
fn closing_the_client_ends_a_wait() {
    let (server, client) = connected();
    server.leases(|leases| leases.hold("laser", "anna"));
    let waiting = thread::spawn({
        let client = client.clone();
        move || client.lease(["laser"]).wait(LONG).acquire()
    });
    server.wait_for_leases(|leases| !leases.devices().is_empty());
    client.close();
    let error = waiting.join().unwrap().unwrap_err();
    assert!(matches!(error, LeaseError::Call { .. }), "{error:?}");
}
