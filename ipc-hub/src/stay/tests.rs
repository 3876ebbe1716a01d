//! The stay of a client, step by step.

use super::*;

/// A stay with its calls, and what is so around it.
struct Scene {
    stay: Stay,
    calls: RunningCalls,
    seen: Circumstances,
    now: Instant,
}

const GRACE: Duration = Duration::from_secs(5);
const SECOND: Duration = Duration::from_secs(1);

impl Scene {
    fn new() -> Self {
        Self {
            stay: Stay::new(GRACE),
            calls: RunningCalls::default(),
            seen: Circumstances::default(),
            now: Instant::now(),
        }
    }

    fn begin(&mut self, call: u64) {
        let call = DriverCall::new(call, None, None);
        self.stay.begin(call, &mut self.calls, self.now);
    }

    fn next(&mut self) -> Step {
        self.stay.next(&self.seen, &mut self.calls, self.now)
    }

    /// The steps until the client is served on, or something is waited for.
    fn steps(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        loop {
            let step = self.next();
            let is_last = matches!(
                step,
                Step::Serve
                    | Step::AwaitReturn(_)
                    | Step::GiveUp
                    | Step::AwaitCalls(_)
                    | Step::Over(_)
            );
            steps.push(step);
            if is_last {
                return steps;
            }
        }
    }

    fn lose(&mut self) {
        self.seen.ended = Some(Ended::Lost);
        assert_eq!(self.next(), Step::Disconnect);
    }

    fn resume(&mut self) {
        self.seen.ended = None;
        self.stay.resume();
    }
}

fn over(why: Release, may_return: bool) -> Step {
    Step::Over(Departure { why, may_return })
}

#[test]
fn a_lost_client_keeps_its_place_for_the_grace() {
    let mut scene = Scene::new();
    scene.lose();
    let until = scene.now + GRACE;
    assert_eq!(scene.next(), Step::AwaitReturn(until));
    scene.now = until - Duration::from_millis(1);
    scene.resume();
    assert_eq!(scene.next(), Step::Serve);

    scene.lose();
    scene.now += GRACE;
    assert_eq!(scene.next(), Step::GiveUp);
    assert_eq!(scene.next(), Step::GiveUp, "the client is on its way back");
    scene.stay.give_up();
    let steps = [Step::Abandon(vec![]), over(Release::Lost, true)];
    assert_eq!(scene.steps(), steps);
}

#[test]
fn a_lost_client_keeps_its_place_for_less_time_while_others_wait() {
    let mut scene = Scene::new();
    scene.lose();
    let lost = scene.now;
    scene.now += SECOND / 2;
    scene.seen.others_wait = true;
    assert_eq!(
        scene.next(),
        Step::AwaitReturn(lost + KEPT_WHILE_OTHERS_WAIT)
    );
    scene.now += SECOND / 2;
    assert_eq!(scene.next(), Step::GiveUp);
    scene.seen.others_wait = false;
    assert_eq!(scene.next(), Step::AwaitReturn(lost + GRACE));
}

#[test]
fn the_time_in_which_the_server_was_suspended_does_not_count() {
    let mut scene = Scene::new();
    scene.lose();
    let lost = scene.now;
    let pause = Duration::from_secs(60);
    scene.now += SECOND + pause;
    scene.stay.discount_suspension(pause, scene.now);
    let until = lost + pause + GRACE;
    assert_eq!(scene.next(), Step::AwaitReturn(until));
    scene.stay.discount_suspension(pause, scene.now);
    assert_eq!(
        scene.next(),
        Step::AwaitReturn(scene.now + GRACE),
        "no later than now"
    );
}

#[test]
fn an_idle_client_is_answered_before_it_leaves() {
    let mut scene = Scene::new();
    scene.seen.asked = Some(LeaveReason::Idle);
    scene.seen.calls_wait = true;
    assert_eq!(scene.steps(), [Step::ReadRest, Step::Serve]);
    assert!(scene.stay.is_draining());
    scene.begin(1);
    scene.seen.calls_wait = false;
    let until = scene.now + LAST_CALL;
    let refused = Step::RefuseWaiting(LeaveReason::Idle);
    assert_eq!(scene.steps(), [refused, Step::AwaitCalls(until)]);
    scene.calls.end(1);
    let steps = [
        Step::SayBye(LeaveReason::Idle),
        Step::Abandon(vec![]),
        over(Release::HandedOver, true),
    ];
    assert_eq!(scene.steps(), steps);
}

/// The calls of the new connection were left unread.
#[test]
fn a_client_that_returns_while_it_is_asked_to_leave_is_heard() {
    let mut scene = Scene::new();
    scene.seen.asked = Some(LeaveReason::Idle);
    scene.seen.calls_wait = true;
    assert_eq!(scene.steps(), [Step::ReadRest, Step::Serve]);
    scene.lose();
    assert!(scene.stay.awaits_return());
    scene.resume();
    assert!(!scene.stay.is_draining());
    assert_eq!(scene.next(), Step::ReadRest, "if it is still asked");
}

#[test]
fn a_disconnected_client_may_wait_for_its_last_call() {
    let mut scene = Scene::new();
    scene.begin(1);
    scene.seen.asked = Some(LeaveReason::Disconnected);
    scene.seen.calls_wait = true;
    let until = scene.now + LAST_CALL;
    let steps = [
        Step::ReadRest,
        Step::RefuseWaiting(LeaveReason::Disconnected),
        Step::AwaitCalls(until),
    ];
    assert_eq!(scene.steps(), steps);
    scene.now = until;
    let steps = scene.steps();
    assert_eq!(steps[0], Step::SayBye(LeaveReason::Disconnected));
    assert_eq!(steps[1], Step::Abandon(vec![1]));
    assert!(matches!(steps[2], Step::AwaitCalls(_)), "{steps:?}");
    assert!(scene.stay.lets_calls_begin());
    scene.calls.end(1);
    assert_eq!(scene.next(), over(Release::HandedOver, false));
    assert!(!scene.stay.lets_calls_begin(), "the hooks run");
}

#[test]
fn a_goodbye_waits_for_no_call_that_was_given_up() {
    let mut scene = Scene::new();
    scene.begin(1);
    scene.calls.give_up(|_| true, scene.now);
    scene.seen.asked = Some(LeaveReason::Disconnected);
    let steps = scene.steps();
    assert_eq!(steps[2], Step::SayBye(LeaveReason::Disconnected));
}

#[test]
fn a_stop_ends_all_waits() {
    let is_stopping = |scene: &mut Scene| scene.seen.stops_at = Some(scene.now + SECOND);
    let mut away = Scene::new();
    away.lose();
    is_stopping(&mut away);
    let steps = [Step::Abandon(vec![]), over(Release::Stopping, true)];
    assert_eq!(away.steps(), steps);

    let mut disconnected = Scene::new();
    disconnected.begin(1);
    disconnected.seen.asked = Some(LeaveReason::Disconnected);
    disconnected.steps();
    is_stopping(&mut disconnected);
    let until = disconnected.now + SECOND;
    assert_eq!(disconnected.next(), Step::AwaitCalls(until));
}

#[test]
fn a_stop_leaves_calls_behind_when_its_time_is_over() {
    let mut scene = Scene::new();
    scene.begin(1);
    let until = scene.now + SECOND;
    scene.seen.stops_at = Some(until);
    let steps = [
        Step::ReadRest,
        Step::RefuseWaiting(LeaveReason::Stopping),
        Step::AwaitCalls(until),
    ];
    assert_eq!(scene.steps(), steps);
    scene.now = until;
    let steps = [
        Step::SayBye(LeaveReason::Stopping),
        Step::Abandon(vec![1]),
        Step::LeaveBehind,
        over(Release::Stopping, true),
    ];
    assert_eq!(scene.steps(), steps);
}

#[test]
fn the_place_passes_on_only_when_no_call_is_inside_a_driver_that_is_not_stuck() {
    let mut scene = Scene::new();
    (1..=2).for_each(|call| scene.begin(call));
    scene.seen.ended = Some(Ended::Finished);
    let steps = scene.steps();
    assert_eq!(steps[..2], [Step::Disconnect, Step::Abandon(vec![1, 2])]);
    assert!(matches!(steps[2], Step::AwaitCalls(_)), "{steps:?}");
    scene.begin(3);
    assert!(!scene.calls.are_awaited(), "it comes too late");
    let hangs = scene.calls.get_mut(1).unwrap();
    hangs.leave_behind(vec!["pump".into()]);
    scene.calls.end(2);
    assert!(matches!(scene.next(), Step::AwaitCalls(_)));
    scene.calls.end(3);
    assert_eq!(scene.next(), over(Release::Finished, false));
}

#[test]
fn a_client_that_broke_the_protocol_keeps_its_session_but_not_its_place() {
    let mut scene = Scene::new();
    scene.seen.ended = Some(Ended::Broken);
    let steps = [
        Step::Disconnect,
        Step::Abandon(vec![]),
        over(Release::Lost, true),
    ];
    assert_eq!(scene.steps(), steps);
}

#[test]
fn an_idle_client_that_is_disconnected_while_it_leaves_does_not_come_back() {
    let mut scene = Scene::new();
    scene.begin(1);
    scene.seen.asked = Some(LeaveReason::Idle);
    let steps = scene.steps();
    assert!(matches!(steps[..], [.., Step::AwaitCalls(_)]), "{steps:?}");
    scene.seen.asked = Some(LeaveReason::Disconnected);
    scene.calls.end(1);
    let steps = scene.steps();
    assert_eq!(steps[0], Step::SayBye(LeaveReason::Disconnected));
    assert_eq!(steps.last(), Some(&over(Release::HandedOver, false)));
}
