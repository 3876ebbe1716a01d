//! What others see of a client.

use ipc_core::wire::ctrl::ByeReason;

use super::*;

#[test]
fn the_method_is_named_while_its_call_runs() {
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    let address = ([127, 0, 0, 1], 1).into();
    let activity = Activity::new(1, "scan".into(), address, Default::default(), start);
    for (method, shown) in [
        ("sweep".to_string(), "sweep".to_string()),
        ("a\u{1b}[2J".to_string(), "a\u{fffd}[2J".to_string()),
        ("é".repeat(1000), "é".repeat(SHOWN / 2)),
        (
            format!("a{}", "é".repeat(1000)),
            format!("a{}", "é".repeat(63)),
        ),
    ] {
        activity.call_begins(1, Some(&method), after(1));
        let seen = activity.seen(after(3));
        let running = seen.running.as_ref().map(|call| call.method.as_str());
        assert_eq!(running, Some(shown.as_str()));
        assert_eq!((seen.running_ms(), seen.idle_ms), (2000, 0));
        activity.call_ends(1, true, after(4));
        let seen = activity.seen(after(9));
        assert_eq!((seen.running_ms(), seen.idle_ms), (0, 5000));
    }
}

/// A new connection every 0.9 s kept an idle holder its place for ever.
#[test]
fn connecting_again_and_again_is_no_use_of_the_server() {
    let start = Instant::now();
    let address = ([127, 0, 0, 1], 1).into();
    let activity = Activity::new(1, "scan".into(), address, Default::default(), start);
    let limit = Duration::from_secs(2);
    let leaves = (1..100).find(|n| {
        let now = start + Duration::from_millis(900) * *n;
        activity.connected(address, None, now);
        activity.time_until_idle(limit, now) == Some(Duration::ZERO)
    });
    assert_eq!(leaves, Some(8), "after 7.2 s");
}

/// The new connection was left at once, with the calls that the client had sent over it.
#[test]
fn a_holder_that_returns_is_no_longer_asked_to_leave_for_being_idle() {
    let address = ([127, 0, 0, 1], 1).into();
    let now = Instant::now();
    let activity = Activity::new(1, "scan".into(), address, Default::default(), now);
    for (reason, is_left) in [
        (ByeReason::IdleHandover, false),
        (ByeReason::Disconnected, true),
    ] {
        activity.ask_to_leave(reason, "why");
        activity.disconnected();
        assert!(activity.request().is_some());
        activity.connected(address, None, now);
        assert_eq!(activity.request().is_some(), is_left);
    }
}

/// Clients that waited behind such a call were told that the holder was idle.
#[test]
fn a_call_that_was_given_up_is_shown_until_it_ends() {
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    let address = ([127, 0, 0, 1], 1).into();
    let activity = Activity::new(1, "scan".into(), address, Default::default(), start);
    activity.call_begins(1, Some("sweep"), after(1));
    activity.caller_gave_up(1, after(2));
    assert_eq!(activity.take_running_on(after(3)).len(), 1);
    assert_eq!(activity.take_running_on(after(3)).len(), 0, "logged once");
    let seen = activity.seen(after(5));
    assert_eq!(
        (seen.running_text.as_str(), seen.running_ms()),
        ("sweep", 4000)
    );
    assert_eq!(seen.idle_ms, 3000, "nobody waits for it");
    assert!(!activity.call_ends(1, true, after(6)), "nobody waits");
    assert!(!activity.forget_given_up(1), "the log has it");
    let seen = activity.seen(after(7));
    assert_eq!((seen.running_text.as_str(), seen.idle_ms), ("", 5000));
}

#[test]
fn what_enters_no_driver_does_not_count_as_use() {
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    let address = ([127, 0, 0, 1], 1).into();
    let activity = Activity::new(1, "scan".into(), address, Default::default(), start);
    activity.call_begins(1, Some("no_such_method"), after(5));
    activity.call_ends(1, false, after(5));
    activity.call_begins(2, None, after(6));
    activity.call_ends(2, false, after(6));
    assert_eq!(activity.seen(after(10)).idle_ms, 10_000);
}
