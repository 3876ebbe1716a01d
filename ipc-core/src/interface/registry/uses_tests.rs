//! Functions and devices that use several devices at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use super::gate_tests::{
    Log, Script, device, has, named, note, party, registry, script, text, until,
};
use super::*;
use crate::interface::context::call_id;
use crate::interface::function::{BoxedFunction, Function, IntoFunction};
use crate::interface::remote::Shared;
use crate::wire::failure::Refusal;

/// A function that says that it has begun, and goes on when it is told to.
fn slow(
    uses: &[&str],
    then: impl Fn() + Send + 'static,
) -> (Box<dyn Function>, Receiver<()>, Sender<()>) {
    let ((begins, begun), (go, goes)) = (channel(), channel());
    let run = move || {
        begins.send(()).unwrap();
        goes.recv().unwrap();
        then();
    };
    (run.into_function("slow").using(uses.to_vec()), begun, go)
}

#[test]
fn two_functions_never_interleave_and_never_wait_for_each_other() {
    let [a, b] = ["a", "b"].map(|name| script(name, &Log::default()));
    let mut registry = registry([named(a.clone(), "a"), named(b.clone(), "b")]);
    let inside = Arc::new(AtomicU64::new(0));
    let step = |first: Shared<Script>, second: Shared<Script>| {
        let inside = Arc::clone(&inside);
        move || {
            drop(first.lock());
            let others = inside.fetch_add(1, Ordering::SeqCst);
            drop(second.lock());
            drop(first.lock());
            inside.fetch_sub(1, Ordering::SeqCst);
            others
        }
    };
    let forth = step(a.clone(), b.clone()).into_function("forth");
    let back = step(b, a).into_function("back");
    // Whatever the order in which they are declared.
    registry.add_function(forth.using(["a", "b"])).unwrap();
    registry.add_function(back.using(["b", "a"])).unwrap();
    registry.check_uses().unwrap();
    let reply = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for (number, method) in [(1, "forth"), (2, "back")] {
            let (registry, reply) = (&registry, &reply);
            scope.spawn(move || {
                for call in 1..=500 {
                    let others = party(number).call(registry, call, method);
                    reply.lock().unwrap().push(others);
                }
            });
        }
    });
    let replies = reply.into_inner().unwrap();
    assert_eq!(replies, vec![Ok(()); 1000]);
    assert_eq!(registry.devices()[0].inside(), None);
}

#[test]
fn what_a_function_uses_is_kept_from_others_between_its_steps() {
    let log = Log::default();
    let laser = script("laser", &log);
    let mut registry = registry([named(laser.clone(), "laser"), device("meter", &log)]);
    let (function, begun, go) = slow(&["laser"], move || drop(laser.lock()));
    registry.add_function(function).unwrap();
    let device = &registry.devices()[0];
    let [one, two] = [party(1), party(2)];
    thread::scope(|scope| {
        let run = scope.spawn(|| one.call(&registry, 1, "slow"));
        begun.recv().unwrap();
        assert_eq!(device.inside().unwrap().id, call_id(1, 1));
        let waits = scope.spawn(|| two.call(&registry, 1, "laser_work"));
        until(|| device.waiting() == 1);
        assert_eq!(two.call(&registry, 2, "meter_work"), Ok(()));
        assert_eq!(*log.lock().unwrap(), ["meter 0"]);
        go.send(()).unwrap();
        assert_eq!(run.join().unwrap(), Ok(()));
        assert_eq!(waits.join().unwrap(), Ok(()));
    });
    assert_eq!(device.inside(), None);
}

#[test]
fn a_lease_of_a_used_device_refuses_the_function() {
    let laser = script("laser", &Log::default());
    let mut registry = registry([named(laser.clone(), "laser")]);
    let undeclared = laser.clone();
    let undeclared = (move || drop(undeclared.lock())).into_function("undeclared");
    registry
        .add_function(
            (move || drop(laser.lock()))
                .into_function("off")
                .using(["laser"]),
        )
        .unwrap();
    registry.add_function(undeclared).unwrap();
    registry
        .add_function((|| 1).into_function("pure").using([] as [&str; 0]))
        .unwrap();
    registry.devices()[0].set_owner(1, false);
    let other = party(2);
    let refused = |registry: &Registry, method| text(other.call(registry, 1, method).unwrap_err());
    assert_eq!(
        refused(&registry, "off"),
        "`off` was refused: 1 has `laser`"
    );
    assert_eq!(
        refused(&registry, "undeclared"),
        "fault: `lock` was refused: 1 has `laser`"
    );
    assert_eq!(party(1).call(&registry, 1, "off"), Ok(()));
    registry.set_functions_use_all(true);
    assert_eq!(
        refused(&registry, "undeclared"),
        "`undeclared` was refused: 1 has `laser`"
    );
    assert_eq!(other.call(&registry, 2, "pure"), Ok(()));
}

#[test]
fn a_reserved_device_that_is_to_change_hands_stays_with_the_call() {
    let log = Log::default();
    let laser = script("laser", &log);
    let hook_log = Arc::clone(&log);
    let hooked = laser
        .clone()
        .on_release(move |_, _| note(&hook_log, "hook"));
    let mut registry = registry([named(hooked, "laser")]);
    let call_log = Arc::clone(&log);
    let (function, begun, go) = slow(&["laser"], move || {
        drop(laser.lock());
        note(&call_log, "locked");
    });
    registry.add_function(function).unwrap();
    let device = &registry.devices()[0];
    device.set_owner(1, false);
    let holder = party(1);
    thread::scope(|scope| {
        let run = scope.spawn(|| holder.call(&registry, 1, "slow"));
        begun.recv().unwrap();
        device.set_owner(ServedDevice::CLOSED, false);
        let released = scope.spawn(|| device.release(Release::HandedOver));
        until(|| device.waiting() == 1);
        go.send(()).unwrap();
        assert_eq!(run.join().unwrap(), Ok(()));
        assert_eq!(released.join().unwrap(), Some(Released::Done));
    });
    assert_eq!(*log.lock().unwrap(), ["locked", "hook"]);
}

#[test]
fn devices_are_used_through_other_devices() {
    let log = Log::default();
    let registry = registry([
        device("stage", &log).uses(["axis"]),
        device("motor", &log),
        device("axis", &log).uses(["motor"]),
        device("other", &log),
    ]);
    registry.check_uses().unwrap();
    let used = registry.offers().used(["stage"]).unwrap();
    let used: Vec<_> = used.iter().map(|device| device.name()).collect();
    assert_eq!(
        used,
        ["stage", "motor", "axis"],
        "in the order of registration"
    );
    registry.devices()[1].set_owner(1, false);
    let refused = text(party(2).call(&registry, 1, "stage_work").unwrap_err());
    assert_eq!(refused, "`stage_work` was refused: 1 has `motor`");
    assert_eq!(party(2).call(&registry, 2, "other_work"), Ok(()));
    assert_eq!(party(1).call(&registry, 1, "stage_work"), Ok(()));
}

#[test]
fn unknown_devices_are_not_used() {
    let log = Log::default();
    let mut registry = registry([device("laser", &log), device("pump", &log)]);
    let function = (|| 1).into_function("f").using(["laser", "lamp"]);
    registry.add_function(function).unwrap();
    let error = registry.check_uses().unwrap_err().to_string();
    assert_eq!(
        error,
        "`f` uses the device `lamp`, which is not there; the devices are `laser`, `pump`"
    );
    let refused = text(party(1).call(&registry, 1, "f").unwrap_err());
    assert!(
        refused.contains("the device `lamp`, which the server does not have"),
        "{refused}"
    );
}

#[test]
fn a_function_that_locks_more_than_it_declares_is_refused_rather_than_deadlocked() {
    let [a, b] = ["a", "b"].map(|name| script(name, &Log::default()));
    let mut registry = registry([named(a.clone(), "a"), named(b, "b")]);
    let (function, begun, go) = slow(&["b"], move || drop(a.lock()));
    registry.add_function(function).unwrap();
    registry
        .add_function((|| 1).into_function("both").using(["a", "b"]))
        .unwrap();
    let [one, two] = [party(1), party(2)];
    thread::scope(|scope| {
        let run = scope.spawn(|| one.call(&registry, 1, "slow"));
        begun.recv().unwrap();
        let both = scope.spawn(|| two.call(&registry, 1, "both"));
        until(|| registry.devices()[1].waiting() == 1);
        go.send(()).unwrap();
        let fault = text(run.join().unwrap().unwrap_err());
        assert!(
            fault.starts_with("fault: deadlock: what has locked `a` waits for `b`"),
            "{fault}"
        );
        assert_eq!(both.join().unwrap(), Ok(()));
    });
}

/// The hook of a device that is made of others locks one of them, which a call has reserved that waits for that device.
#[test]
fn a_release_hook_is_never_refused_because_of_a_call_that_waits() {
    let log = Log::default();
    let part = script("part", &log);
    let ((begins, begun), (go, goes)) = (channel::<()>(), channel::<()>());
    let inner = part.clone();
    let goes = Mutex::new(goes);
    let whole = script("whole", &log).on_release(move |_, _| {
        begins.send(()).unwrap();
        goes.lock().unwrap().recv().unwrap();
        drop(inner.lock());
    });
    let registry = registry([named(part, "part"), named(whole, "whole").uses(["part"])]);
    let [part, whole] = [&registry.devices()[0], &registry.devices()[1]];
    let one = party(1);
    thread::scope(|scope| {
        let released = scope.spawn(|| whole.release(Release::Finished));
        begun.recv().unwrap();
        let call = scope.spawn(|| one.call(&registry, 1, "whole_work"));
        until(|| whole.waiting() == 1);
        assert_eq!(part.inside().unwrap().id, call_id(1, 1));
        go.send(()).unwrap();
        assert_eq!(released.join().unwrap(), Some(Released::Done));
        assert_eq!(call.join().unwrap(), Ok(()));
    });
    assert_eq!(*log.lock().unwrap(), ["whole 0"]);
}

/// The same at random times.
#[test]
fn hooks_and_calls_that_need_the_same_devices_never_fail() {
    let part = script("part", &Log::default());
    let inner = part.clone();
    let whole = script("whole", &Log::default()).on_release(move |_, _| drop(inner.lock()));
    let registry = registry([named(part, "part"), named(whole, "whole").uses(["part"])]);
    thread::scope(|scope| {
        for number in 1..=2 {
            let registry = &registry;
            scope.spawn(move || {
                for call in 1..=200 {
                    assert_eq!(party(number).call(registry, call, "whole_work"), Ok(()));
                }
            });
        }
        for _ in 0..200 {
            let released = registry.devices()[1].release(Release::Finished);
            assert_eq!(released, Some(Released::Done));
        }
    });
}

#[test]
fn a_device_that_is_reserved_by_a_call_that_hangs_is_stuck_until_the_call_ends() {
    let log = Log::default();
    let hook_log = Arc::clone(&log);
    let laser = script("laser", &log).on_release(move |_, _| note(&hook_log, "hook"));
    let mut registry = registry([named(laser, "laser"), device("meter", &log)]);
    let (function, begun, go) = slow(&["laser"], || ());
    registry.add_function(function).unwrap();
    let device = &registry.devices()[0];
    let [one, two] = [party(1), party(2)];
    let id = call_id(1, 1);
    thread::scope(|scope| {
        let run = scope.spawn(|| one.call(&registry, 1, "slow"));
        begun.recv().unwrap();
        assert_eq!(registry.longest_overrun(id), Some(device.overrun()));
        #[allow(clippy::disallowed_methods, reason = "a test")]
        let stuck = registry.mark_stuck(id, "scan", Instant::now());
        let stuck: Vec<_> = stuck
            .iter()
            .map(|stuck| (stuck.device.as_str(), stuck.method.as_str()))
            .collect();
        assert_eq!(stuck, [("laser", "slow"), ("slow", "slow")]);
        let refused = two.call(&registry, 1, "laser_work").unwrap_err();
        assert!(
            matches!(refused, Failure::Refused(Refusal::Stuck { .. })),
            "{refused:?}"
        );
        assert_eq!(device.release(Release::Lost), Some(Released::Owed));
        assert!(!has(&log, "hook"));
        go.send(()).unwrap();
        assert_eq!(run.join().unwrap(), Ok(()));
    });
    assert_eq!(registry.stuck(), []);
    assert_eq!(two.call(&registry, 2, "laser_work"), Ok(()));
    assert_eq!(*log.lock().unwrap(), ["hook", "laser 0"]);
}
