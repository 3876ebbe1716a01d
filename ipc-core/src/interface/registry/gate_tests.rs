//! Leases, reservations and the order at the gates, as the calls of several parties meet them.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::thread;

use super::*;
use crate::interface::blocked::GateWait;
use crate::interface::context::{CallHost, call_id};
use crate::interface::describe::{Interface, Method, MethodKind};
use crate::interface::invocation::Invocation;
use crate::interface::remote::{Device, Remote, Shared};
use crate::wire::block::ReadBlocks;
use crate::wire::ctrl::Form;
use crate::wire::failure::Refusal;

/// What happened, in order.
pub(super) type Log = Arc<Mutex<Vec<String>>>;

pub(super) fn note(log: &Log, line: impl Into<String>) {
    log.lock().unwrap().push(line.into());
}

pub(super) fn has(log: &Log, line: &str) -> bool {
    log.lock().unwrap().iter().any(|other| other == line)
}

/// Waits until something is so.
pub(super) fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        thread::yield_now();
    }
}

/// A driver with the methods `work` and `set`, and the property `level`. Each runs the closure with its number.
pub(super) struct Script(Box<dyn FnMut(usize) + Send>);

impl Script {
    pub(super) fn new(run: impl FnMut(usize) + Send + 'static) -> Self {
        Self(Box::new(run))
    }
}

impl Remote for Script {
    fn interface() -> Interface {
        let method = |name: &str, kind| Method {
            name: name.into(),
            kind,
            ..Method::default()
        };
        Interface {
            name: "Script".into(),
            methods: vec![
                method("work", MethodKind::Call),
                method("set", MethodKind::Call),
                method("level", MethodKind::Get),
            ],
            ..Interface::default()
        }
    }

    fn dispatch(&mut self, method: usize, invocation: &mut Invocation<'_>) -> Result<(), Failure> {
        (self.0)(method);
        invocation.succeed(())
    }
}

/// The host of the calls of a party.
pub(super) struct Party {
    number: u64,
    pub(super) log: Log,
}

impl CallHost for Party {
    fn is_cancelled(&self, _call: u64) -> bool {
        has(&self.log, "cancel")
    }

    fn progress(&self, _call: u64, _fraction: f64, _message: &str) {}

    fn block_on(&self, _future: Pin<&mut dyn Future<Output = ()>>) {}

    fn is_revoked(&self, _id: u64) -> bool {
        has(&self.log, "revoked")
    }

    fn refusal_of_owner(&self, _call: u64, method: &str, device: &str, owner: u64) -> Refusal {
        Refusal::Protocol {
            method: method.into(),
            reason: format!("{owner} has `{device}`"),
        }
    }

    fn first_use(&self, _call: u64, device: &str, _method: &str) -> Result<(), Refusal> {
        note(&self.log, format!("first use of {device}"));
        Ok(())
    }

    fn waits(&self, call: u64, wait: &GateWait<'_>) {
        let GateWait {
            device,
            place,
            inside,
        } = wait;
        let inside = inside.as_ref().map(|inside| {
            let method = inside.method.as_deref().unwrap_or("-");
            let local = inside.local.as_deref().unwrap_or("-");
            format!("{}, {method}, {local}", inside.id)
        });
        let line = format!("call {call} is {place} at {device}: {inside:?}");
        if !has(&self.log, &line) {
            note(&self.log, line);
        }
    }
}

pub(super) fn party(number: u64) -> Arc<Party> {
    let log = Log::default();
    Arc::new(Party { number, log })
}

impl Party {
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Runs call number `call` to `method`.
    pub(super) fn call(
        self: &Arc<Self>,
        registry: &Registry,
        call: u64,
        method: &str,
    ) -> Result<(), Failure> {
        let host = Arc::clone(self) as Arc<dyn CallHost>;
        let _serves = crate::interface::current::Serves::calls_of(Arc::clone(&host));
        let context = CallContext::new(host, call, "a client".into(), None)
            .of_session(self.number)
            .of_party(self.number);
        let target = registry.offers().targets.get(method);
        let job = Job {
            method,
            form: Form::Typed,
            fingerprint: target.map_or(0, |target| target.fingerprint),
            arguments: &[],
            blocks: ReadBlocks::default(),
            reply: Vec::new(),
            limit: 10_000,
        };
        let ended = registry.run(job, &context);
        ended.map(drop).map_err(|failure| *failure)
    }
}

pub(super) fn text(failure: Failure) -> String {
    match failure {
        Failure::Refused(refusal) => refusal.to_string(),
        Failure::Fault(fault) => format!("fault: {fault}"),
    }
}

pub(super) fn registry(devices: impl IntoIterator<Item = Device>) -> Registry {
    let mut registry = Registry::new();
    for device in devices {
        registry.add_device(device).unwrap();
    }
    registry
}

/// A device that notes its calls.
pub(super) fn device(name: &'static str, log: &Log) -> Device {
    named(script(name, log), name)
}

pub(super) fn script(name: &'static str, log: &Log) -> Shared<Script> {
    let log = Arc::clone(log);
    Shared::new(Script::new(move |method| {
        note(&log, format!("{name} {method}"));
    }))
}

pub(super) fn named(device: impl Into<Device>, name: &str) -> Device {
    device.into().name(name).prefix(format!("{name}_"))
}

#[test]
fn a_lease_keeps_others_out_except_those_that_read() {
    let log = Log::default();
    let registry = registry([device("laser", &log)]);
    let laser = &registry.devices()[0];
    let [holder, other] = [party(1), party(2)];
    assert_eq!(other.call(&registry, 1, "laser_work"), Ok(()));
    laser.set_owner(1, false);
    assert_eq!(laser.owner(), 1);
    assert_eq!(holder.call(&registry, 1, "laser_work"), Ok(()));
    let refused = other.call(&registry, 2, "laser_work").unwrap_err();
    assert_eq!(text(refused), "`laser_work` was refused: 1 has `laser`");
    assert_eq!(other.call(&registry, 3, "get_laser_level"), Ok(()));
    laser.set_owner(1, true);
    assert!(other.call(&registry, 4, "get_laser_level").is_err());
    assert_eq!(holder.call(&registry, 2, "get_laser_level"), Ok(()));
    laser.set_owner(0, false);
    assert_eq!(other.call(&registry, 5, "laser_work"), Ok(()));
    assert_eq!(log.lock().unwrap().len(), 5);
}

#[test]
fn whoever_waits_for_a_device_that_was_leased_meanwhile_is_refused_at_once() {
    let laser = script("laser", &Log::default());
    let registry = registry([named(laser.clone(), "laser")]);
    let device = &registry.devices()[0];
    let local = laser.lock();
    let [holder, other] = [party(1), party(2)];
    thread::scope(|scope| {
        let refused = scope.spawn(|| other.call(&registry, 1, "laser_work"));
        let let_in = scope.spawn(|| holder.call(&registry, 1, "laser_work"));
        until(|| device.waiting() == 2);
        device.set_owner(1, false);
        // Although the device is still in use.
        let refusal = text(refused.join().unwrap().unwrap_err());
        assert!(refusal.ends_with("1 has `laser`"), "{refusal}");
        drop(local);
        assert_eq!(let_in.join().unwrap(), Ok(()));
    });
}

#[test]
fn calls_wait_while_a_device_changes_hands_and_the_hook_goes_first() {
    let log = Log::default();
    let laser = script("work", &log);
    let hook_log = Arc::clone(&log);
    let hooked = laser
        .clone()
        .on_release(move |_, _| note(&hook_log, "hook"));
    let registry = registry([named(hooked, "laser")]);
    let device = &registry.devices()[0];
    device.set_owner(1, false);
    let [holder, next] = [party(1), party(2)];
    let local = laser.lock();
    thread::scope(|scope| {
        // It waits under its lease, which then ends.
        let fenced = scope.spawn(|| holder.call(&registry, 1, "laser_work"));
        until(|| device.waiting() == 1);
        device.set_owner(ServedDevice::CLOSED, false);
        let granted = scope.spawn(|| next.call(&registry, 1, "laser_work"));
        until(|| device.waiting() == 2);
        let released = scope.spawn(|| device.release(Release::Finished));
        until(|| device.waiting() == 3);
        drop(local);
        assert_eq!(released.join().unwrap(), Some(Released::Done));
        assert_eq!(*log.lock().unwrap(), ["hook"]);
        // Nobody is inside, and still they wait.
        assert_eq!((device.inside(), device.waiting()), (None, 2));
        device.set_owner(2, false);
        assert!(fenced.join().unwrap().is_err());
        assert_eq!(granted.join().unwrap(), Ok(()));
    });
    assert_eq!(*log.lock().unwrap(), ["hook", "work 0"]);
    assert_eq!(device.releases(), 1);
}

#[test]
fn the_first_use_after_others_or_after_the_hook_is_told() {
    let laser = script("laser", &Log::default()).on_release(|_, _| ());
    let registry = registry([named(laser, "laser")]);
    let [one, two] = [party(1), party(2)];
    let uses = |party: &Arc<Party>| {
        party.call(&registry, 1, "laser_work").unwrap();
        std::mem::take(&mut *party.log.lock().unwrap()).len()
    };
    assert_eq!(
        [uses(&one), uses(&one), uses(&two), uses(&one)],
        [1, 0, 1, 1]
    );
    registry.devices()[0].release(Release::Finished);
    assert_eq!([uses(&one), uses(&one)], [1, 0]);
}

#[test]
fn a_call_that_waits_is_told_its_place_and_who_is_inside() {
    let laser = script("laser", &Log::default());
    let doors = Arc::new(Mutex::new(()));
    let closed = Arc::clone(&doors);
    let slow = Script::new(move |_| drop(closed.lock()));
    let registry = registry([
        named(laser.clone(), "laser"),
        named(Shared::new(slow), "slow"),
    ]);
    let [one, two] = [party(1), party(2)];
    let local = laser.lock_as("tuning loop");
    let door = doors.lock().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| one.call(&registry, 5, "laser_work"));
        until(|| {
            has(
                &one.log,
                "call 5 is 1 at laser: Some(\"0, -, tuning loop\")",
            )
        });
        let inside = registry.devices()[0].inside().unwrap();
        assert_eq!(inside.local.as_deref(), Some("tuning loop"));
        scope.spawn(|| two.call(&registry, 6, "laser_work"));
        until(|| {
            has(
                &two.log,
                "call 6 is 2 at laser: Some(\"0, -, tuning loop\")",
            )
        });
        drop(local);
        scope.spawn(|| one.call(&registry, 7, "slow_set"));
        until(|| registry.devices()[1].inside().is_some());
        scope.spawn(|| two.call(&registry, 8, "slow_work"));
        let id = call_id(1, 7);
        until(|| {
            has(
                &two.log,
                &format!("call 8 is 1 at slow: Some(\"{id}, slow_set, -\")"),
            )
        });
        drop(door);
    });
    let guard = laser.lock();
    let inside = registry.devices()[0].inside().unwrap();
    drop(guard);
    // Tests run on threads that have their names.
    let name = thread::current().name().unwrap_or_default().to_string();
    assert_eq!(inside.local, Some(format!("thread `{name}`")));
}

#[test]
fn a_driver_that_locks_another_one_asks_for_its_lease() {
    let laser = script("laser", &Log::default());
    let inner = laser.clone();
    let meter = Script::new(move |_| drop(inner.lock()));
    let registry = registry([
        named(laser.clone(), "laser"),
        named(Shared::new(meter), "meter"),
    ]);
    let other = party(2);
    assert_eq!(other.call(&registry, 1, "meter_work"), Ok(()));
    assert!(has(&other.log, "first use of laser"));
    registry.devices()[0].set_owner(1, false);
    let fault = text(other.call(&registry, 2, "meter_work").unwrap_err());
    assert_eq!(fault, "fault: `lock` was refused: 1 has `laser`");
    registry.devices()[0].set_owner(ServedDevice::CLOSED, false);
    let fault = text(party(1).call(&registry, 2, "meter_work").unwrap_err());
    assert!(fault.starts_with("fault: `laser` changes hands"), "{fault}");
    registry.devices()[0].set_owner(1, false);
    // What only reads may read there, too, and local code asks nobody.
    assert_eq!(other.call(&registry, 3, "get_meter_level"), Ok(()));
    assert_eq!(party(1).call(&registry, 1, "meter_work"), Ok(()));
    drop(laser.lock());
}
