//! What a look at running calls finds.

use super::*;

const OVERRUN: Duration = Duration::from_secs(10);

fn running(deadlines: &[Option<Instant>]) -> RunningCalls {
    let mut calls = RunningCalls::default();
    for (number, deadline) in (1..).zip(deadlines) {
        calls.push(DriverCall::new(number, *deadline, None));
    }
    calls
}

fn look(calls: &mut RunningCalls, now: Instant) -> Vec<Due> {
    calls.look(now, Duration::ZERO, |_| OVERRUN)
}

#[test]
fn a_call_hangs_only_if_its_caller_has_given_up() {
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    let mut calls = running(&[None, Some(after(3)), None]);
    assert_eq!(look(&mut calls, start), []);
    assert_eq!(calls.give_up(|call| call == 3, after(2)), [3]);
    assert!(
        calls.give_up(|call| call == 3, after(2)).is_empty(),
        "it is known"
    );
    assert_eq!(look(&mut calls, after(4)), [Due::GivenUp(2)]);
    assert_eq!(look(&mut calls, after(9)), []);
    let hung = [Due::Hung(2), Due::Hung(3)];
    assert_eq!(look(&mut calls, after(10)), hung);
    assert_eq!(look(&mut calls, after(10)), hung, "until they are stuck");
    for call in 2..=3 {
        let call = calls.get_mut(call).unwrap();
        call.leave_behind(vec!["pump".into()]);
    }
    assert_eq!(look(&mut calls, after(1000)), []);
    assert!(calls.keep_the_place(), "a patient caller waits");
    assert_eq!(calls.end(2).recovered, ["pump"]);
}

#[test]
fn a_hung_call_that_makes_no_device_stuck_is_left_behind_once() {
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    let mut calls = running(&[None]);
    look(&mut calls, start);
    calls.give_up(|_| true, after(1));
    assert_eq!(look(&mut calls, after(10)), [Due::Hung(1)]);
    // It has left its device, and is about to end.
    calls.get_mut(1).unwrap().leave_behind(vec![]);
    assert_eq!(look(&mut calls, after(11)), [Due::Hung(1)]);
    calls.get_mut(1).unwrap().leave_behind_beside();
    assert_eq!(look(&mut calls, after(12)), []);
    assert!(!calls.keep_the_place());
    assert_eq!(calls.end(1).recovered, [""; 0]);
}

#[test]
fn a_call_must_have_been_given_up_for_a_while() {
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    let mut calls = running(&[None]);
    look(&mut calls, start);
    calls.give_up(|_| true, after(60));
    assert_eq!(look(&mut calls, after(60)), []);
    assert_eq!(look(&mut calls, after(61)), [Due::Hung(1)]);
}

#[test]
fn the_time_in_which_the_server_was_suspended_does_not_count() {
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    let mut calls = running(&[Some(after(3))]);
    look(&mut calls, start);
    let pause = Duration::from_secs(60);
    assert_eq!(calls.look(after(61), pause, |_| OVERRUN), []);
    assert_eq!(look(&mut calls, after(64)), [Due::GivenUp(1)]);
    assert_eq!(look(&mut calls, after(69)), []);
    assert_eq!(look(&mut calls, after(70)), [Due::Hung(1)]);
}

#[test]
fn a_report_of_progress_that_came_too_soon_is_sent_later() {
    let start = Instant::now();
    let after = |millis| start + Duration::from_millis(millis);
    let mut calls = running(&[None]);
    let call = calls.get_mut(1).unwrap();
    assert!(call.report(0.1, "first", start));
    assert!(!call.report(0.2, "second", after(10)));
    assert!(!call.report(0.3, "third", after(20)));
    assert_eq!(look(&mut calls, after(40)), []);
    let due = Due::Progress {
        call: 1,
        fraction: 0.3,
        message: "third".into(),
    };
    assert_eq!(look(&mut calls, after(50)), [due]);
    assert_eq!(look(&mut calls, after(200)), []);
    calls.give_up(|_| true, after(300));
    let call = calls.get_mut(1).unwrap();
    assert!(!call.report(0.4, "nobody waits", after(300)));
}
