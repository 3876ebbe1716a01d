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
