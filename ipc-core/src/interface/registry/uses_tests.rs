//! Functions, devices and batches that use several devices at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use super::gate_tests::{
    Log, Party, Script, device, has, named, note, party, registry, script, text, until,
};
use super::*;
use crate::interface::args::Args;
use crate::interface::batch::{BATCH, BatchCall, BatchReply};
use crate::interface::context::{CallHost, call_id};
use crate::interface::function::{BoxedFunction, Function, IntoFunction};
use crate::interface::remote::Shared;
use crate::interface::value;
use crate::wire::block::ReadBlocks;
use crate::wire::codec;
use crate::wire::ctrl::Form;
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

impl Party {
    /// Runs a batch of calls without arguments, and returns the kinds of the replies.
    fn batch(
        self: &Arc<Self>,
        registry: &Registry,
        call: u64,
        methods: &[&str],
    ) -> Result<Vec<u16>, String> {
        let calls = methods.iter().map(|method| {
            let target = registry.offers().targets.get(*method);
            BatchCall {
                form: 0,
                fingerprint: target.map_or(0, |target| target.fingerprint),
                method: method.to_string(),
                arguments: Vec::new(),
            }
        });
        let replies = self.batch_of(registry, call, calls.collect())?;
        Ok(replies.iter().map(|reply| reply.kind).collect())
    }

    fn batch_of(
        self: &Arc<Self>,
        registry: &Registry,
        call: u64,
        calls: Vec<BatchCall>,
    ) -> Result<Vec<BatchReply>, String> {
        let args = value::pack(&Args::new().named("calls", calls).unwrap()).unwrap();
        let mut arguments = Vec::new();
        codec::encode(&args, &mut arguments, usize::MAX).unwrap();
        let host = Arc::clone(self) as Arc<dyn CallHost>;
        let context = CallContext::new(host, call, "a client".into(), None)
            .of_session(self.number())
            .of_party(self.number());
        let job = Job {
            method: BATCH,
            form: Form::Command,
            fingerprint: 0,
            arguments: &arguments,
            blocks: ReadBlocks::default(),
            reply: Vec::new(),
            limit: 100_000,
        };
        let reply = registry
            .run(job, &context)
            .map_err(|failure| text(*failure))?
            .into_bytes();
        Ok(value::unpack(&reply[8..]).unwrap())
    }
}

#[test]
fn a_batch_runs_its_calls_in_order_up_to_the_first_that_fails() {
    let log = Log::default();
    let fails = Script::new(|method| assert!(method != 1, "no light"));
    let registry = registry([
        device("a", &log),
        named(Shared::new(fails), "bad"),
        device("b", &log),
    ]);
    let one = party(1);
    let kinds = one.batch(&registry, 1, &["b_work", "a_set", "b_set", "get_bad_level"]);
    assert_eq!(kinds.unwrap(), [200; 4]);
    assert_eq!(*log.lock().unwrap(), ["b 0", "a 1", "b 1"]);
    let kinds = one.batch(&registry, 2, &["a_work", "bad_set", "b_work"]);
    assert_eq!(kinds.unwrap(), [200, 500, 400]);
    assert_eq!(log.lock().unwrap().len(), 4);
    assert_eq!(one.batch(&registry, 3, &[]), Ok(vec![]));
    assert!(
        registry
            .devices()
            .iter()
            .all(|device| device.inside().is_none())
    );
}

#[test]
fn a_batch_with_a_call_that_cannot_be_run_runs_none() {
    let log = Log::default();
    let registry = registry([device("a", &log)]);
    let one = party(1);
    let call = |form, method: &str| BatchCall {
        form,
        fingerprint: 0,
        method: method.into(),
        arguments: Vec::new(),
    };
    let kinds = one.batch(&registry, 1, &["a_work", "a_wrok", "a_set"]);
    assert_eq!(kinds.unwrap(), [400; 3]);
    for (calls, reason) in [
        (
            vec![call(1, "a_work"), call(1, "a_wrok")],
            "no method `a_wrok`",
        ),
        (
            vec![call(1, "a_set"), call(0, "a_work")],
            "differs between the two ends",
        ),
        (
            vec![call(1, "a_set"), call(7, "a_work")],
            "no calls of the form 7",
        ),
    ] {
        let replies = one.batch_of(&registry, 2, calls).unwrap();
        let refusals = replies
            .iter()
            .map(|reply| codec::decode::<Refusal>(&reply.payload).unwrap());
        let refusals: Vec<_> = refusals.map(|refusal| refusal.to_string()).collect();
        assert!(refusals[0].contains("cancelled"), "{refusals:?}");
        assert!(refusals[1].contains(reason), "{refusals:?}");
    }
    let many = one
        .batch_of(&registry, 3, vec![call(1, "a_work"); 1001])
        .unwrap_err();
    assert!(many.contains("at most 1000 calls"), "{many}");
    registry.devices()[0].set_owner(2, false);
    let leased = one
        .batch(&registry, 4, &["get_a_level", "a_work"])
        .unwrap_err();
    assert_eq!(leased, "`batch` was refused: 2 has `a`");
    assert_eq!(*log.lock().unwrap(), [""; 0]);
    assert_eq!(one.batch(&registry, 5, &["get_a_level"]).unwrap(), [200]);
}

#[test]
fn nobody_comes_between_the_calls_of_a_batch() {
    let log = Log::default();
    let registry = registry([device("a", &log), device("b", &log)]);
    thread::scope(|scope| {
        for (number, methods) in [
            (1, ["a_work", "b_work", "a_work"]),
            (2, ["b_set", "a_set", "b_set"]),
        ] {
            let registry = &registry;
            scope.spawn(move || {
                for call in 1..=300 {
                    assert_eq!(
                        party(number).batch(registry, call, &methods),
                        Ok(vec![200; 3])
                    );
                }
            });
        }
    });
    let log = log.lock().unwrap();
    for three in log.chunks(3) {
        let is_whole = three == ["a 0", "b 0", "a 0"] || three == ["b 1", "a 1", "b 1"];
        assert!(is_whole, "{three:?}");
    }
    assert_eq!(log.len(), 1800);
}
