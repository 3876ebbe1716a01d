//! The urgent methods of a device, which run beside the call inside its gate.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::interface::context::CallContext;
use crate::interface::current;
use crate::interface::invocation::Invocation;
use crate::interface::remote::Urgent;
use crate::wire::failure::{Failure, Refusal};

/// The urgent methods of a device, and the calls that run them.
pub(super) struct UrgentMethods {
    run: Urgent,
    /// The name of the device.
    pub(super) device: String,
    /// The one that has run for longest is the first.
    calls: Mutex<Vec<Arc<UrgentCall>>>,
}

/// A call that runs an urgent method.
struct UrgentCall {
    id: u64,
    method: String,
    /// The name and address of its client.
    client: String,
    /// When it began, if its host has a clock.
    since: Option<Instant>,
}

/// The place of a call among those that run, given up when dropped.
struct Place<'a> {
    methods: &'a UrgentMethods,
    call: Arc<UrgentCall>,
}

impl UrgentMethods {
    pub(super) fn new(run: Urgent) -> Self {
        Self {
            run,
            device: String::new(),
            calls: Mutex::default(),
        }
    }

    /// Runs method number `method`, called `name` on the wire. Waits for a moment if as many calls run as may.
    pub(super) fn run(
        &self,
        method: usize,
        name: &str,
        invocation: &mut Invocation<'_>,
        context: &CallContext,
    ) -> Result<(), Failure> {
        let _place = self.enter(name, context)?;
        (self.run)(method, invocation)
    }

    /// True if the call `id` runs one of the methods.
    pub(super) fn runs(&self, id: u64) -> bool {
        self.calls().iter().any(|call| call.id == id)
    }

    fn enter(&self, name: &str, context: &CallContext) -> Result<Place<'_>, Refusal> {
        let host = context.host();
        let call = Arc::new(UrgentCall {
            id: context.id(),
            method: name.to_string(),
            client: context.client().to_string(),
            since: host.now(),
        });
        for _ in 0..PAUSES {
            let mut calls = self.calls();
            if calls.len() < AT_ONCE {
                calls.push(Arc::clone(&call));
                return Ok(Place {
                    methods: self,
                    call,
                });
            }
            drop(calls);
            if context.is_cancelled() {
                let method = name.to_string();
                return Err(Refusal::Cancelled { method });
            }
            current::park();
        }
        let first = self.calls().first().cloned().unwrap_or(call);
        let ran = first.since.map(|since| host.elapsed(since).as_millis());
        Err(host.for_client(Refusal::Stuck {
            method: name.to_string(),
            device: self.device.clone(),
            running: first.method.clone(),
            since_ms: u64::try_from(ran.unwrap_or_default()).unwrap_or(u64::MAX),
            by: first.client.clone(),
        }))
    }

    fn calls(&self) -> MutexGuard<'_, Vec<Arc<UrgentCall>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut calls = self.methods.calls();
        calls.retain(|call| !Arc::ptr_eq(call, &self.call));
    }
}

/// Maximum number of urgent calls inside one device. Each of them can leave a thread behind that hangs.
const AT_ONCE: usize = 2;
/// How often a further call looks whether one of them has ended, every 20 ms, before it is refused: several people may have
/// pressed stop at the same time.
const PAUSES: usize = 50;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;
    use crate::interface::describe::{Interface, Method};
    use crate::interface::job::{Job, Reply};
    use crate::interface::registry::Registry;
    use crate::interface::remote::{Device, Remote, Shared};
    use crate::wire::block::ReadBlocks;
    use crate::wire::ctrl::Form;
    use crate::wire::failure::FaultKind;

    /// Its method `stop` is urgent and calls the closure.
    struct Pump(Arc<dyn Fn() + Send + Sync>);

    impl Remote for Pump {
        fn interface() -> Interface {
            let method = |name: &str, urgent| Method {
                name: name.into(),
                urgent,
                ..Method::default()
            };
            Interface {
                name: "Pump".into(),
                methods: vec![method("read", false), method("stop", true)],
                ..Interface::default()
            }
        }

        fn dispatch(&mut self, _: usize, invocation: &mut Invocation<'_>) -> Result<(), Failure> {
            invocation.finish_arguments()?;
            invocation.succeed(())
        }

        fn urgent(&self) -> Option<Urgent> {
            let stop = Arc::clone(&self.0);
            Some(Arc::new(move |method, invocation| {
                assert_eq!(method, 1);
                invocation.finish_arguments()?;
                stop();
                invocation.succeed(())
            }))
        }
    }

    fn registry(stop: impl Fn() + Send + Sync + 'static) -> Registry {
        let mut registry = Registry::new();
        registry.add_device(Pump(Arc::new(stop))).unwrap();
        registry
    }

    fn call(
        registry: &Registry,
        method: &str,
        context: &CallContext,
    ) -> Result<Reply, Box<Failure>> {
        let method_of = |target: &str| registry.offers().targets.get(target).unwrap().fingerprint;
        let job = Job {
            method,
            form: Form::Typed,
            fingerprint: method_of(method),
            arguments: &[],
            blocks: ReadBlocks::default(),
            reply: Vec::new(),
            limit: 100,
        };
        registry.run(job, context)
    }

    #[test]
    fn an_urgent_method_runs_while_the_driver_is_in_use() {
        let stopped = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&stopped);
        let stop = move || {
            count.fetch_add(1, Ordering::SeqCst);
        };
        let pump = Shared::new(Pump(Arc::new(stop)));
        let mut registry = Registry::new();
        registry.add_device(pump.clone()).unwrap();
        assert!(registry.offers().is_urgent("stop"));
        assert!(!registry.offers().is_urgent("read"));
        let guard = pump.lock();
        // A second `lock` on this thread would panic.
        call(&registry, "stop", &CallContext::local()).unwrap();
        assert_eq!(stopped.load(Ordering::SeqCst), 1);
        drop(guard);
        call(&registry, "read", &CallContext::local()).unwrap();
    }

    #[test]
    fn a_panic_ends_the_call_and_leaves_the_device() {
        let registry = registry(|| panic!("no air"));
        for _ in 0..2 * AT_ONCE {
            let failure = call(&registry, "stop", &CallContext::local()).unwrap_err();
            let Failure::Fault(fault) = *failure else {
                panic!("{failure:?}");
            };
            assert_eq!((fault.kind, &*fault.message), (FaultKind::Panic, "no air"));
        }
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "any time will do")]
    fn a_call_inside_is_beside_the_device_and_not_in_it() {
        let (entered, has_entered) = channel();
        let (let_go, go) = channel::<()>();
        let go = Mutex::new(go);
        let stop = move || {
            entered.send(()).unwrap();
            go.lock().unwrap().recv().unwrap();
        };
        let mut registry = Registry::new();
        let overrun = std::time::Duration::from_secs(3);
        let pump = Device::new(Pump(Arc::new(stop))).overrun(overrun);
        registry.add_device(pump).unwrap();
        let context = CallContext::local();
        thread::scope(|scope| {
            let stops = scope.spawn(|| call(&registry, "stop", &context));
            has_entered.recv().unwrap();
            let id = context.id();
            assert!(registry.is_beside(id));
            assert!(!registry.is_beside(id + 1));
            assert_eq!(registry.overrun(id), overrun);
            assert_eq!(registry.longest_overrun(id), None);
            let since = Instant::now();
            assert_eq!(registry.mark_stuck(id, "a client", since), []);
            call(&registry, "read", &CallContext::local()).unwrap();
            let_go.send(()).unwrap();
            stops.join().unwrap().unwrap();
            assert!(!registry.is_beside(id));
        });
    }

    #[test]
    fn a_call_that_was_cancelled_does_not_wait_for_its_place() {
        let (entered, has_entered) = channel();
        let (let_go, go) = channel::<()>();
        let go = Mutex::new(go);
        let registry = registry(move || {
            entered.send(()).unwrap();
            let _ = go.lock().unwrap().recv();
        });
        let cancelled = CallContext::watched(|| true, |_, _| {});
        thread::scope(|scope| {
            let calls = [0; AT_ONCE]
                .map(|_| scope.spawn(|| call(&registry, "stop", &CallContext::local())));
            for _ in &calls {
                has_entered.recv().unwrap();
            }
            let failure = call(&registry, "stop", &cancelled).unwrap_err();
            let is_cancelled = matches!(*failure, Failure::Refused(Refusal::Cancelled { .. }));
            assert!(is_cancelled, "{failure:?}");
            drop(let_go);
            for call in calls {
                call.join().unwrap().unwrap();
            }
        });
    }

    #[test]
    fn a_removed_device_is_unknown() {
        let mut registry = registry(|| {});
        let before = Arc::clone(registry.offers());
        let pump = registry.remove_device("pump").unwrap();
        assert!(!registry.offers().is_urgent("stop"));
        let job = Job {
            method: "stop",
            form: Form::ByName,
            fingerprint: 0,
            arguments: &[],
            blocks: ReadBlocks::default(),
            reply: Vec::new(),
            limit: 100,
        };
        assert!(before.is_urgent("stop"));
        assert!(pump.urgent().is_none());
        let failure = before.run(job, &CallContext::local()).unwrap_err();
        assert!(failure.is_refusal(), "{failure:?}");
    }
}
