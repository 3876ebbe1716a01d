//! What clients and server share, and what must hold in it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ipc_core::wire::ctrl::SessionKey;

use super::Fault;
use super::gates::{Device, Execution};
use super::ledger::Ledger;
use super::network::Network;
use super::{DEVICES, PERIOD};

/// What clients and server share: the time, the network, the devices, and the ledger.
pub(super) struct Lab {
    pub(super) now: Instant,
    /// The time of the server, which stands still while its process is suspended.
    pub(super) clock: Duration,
    pub(super) network: Network,
    pub(super) ledger: Ledger,
    pub(super) fault: Option<Fault>,
    pub(super) devices: [Device; DEVICES],
    /// The calls that have begun and not returned, in this order.
    pub(super) executions: BTreeMap<u64, Execution>,
    pub(super) last: u64,
    tags: u64,
}

impl Lab {
    pub(super) fn new(now: Instant, fault: Option<Fault>, is_written: bool) -> Self {
        Self {
            now,
            clock: Duration::ZERO,
            network: Network::default(),
            ledger: Ledger::new(now, is_written),
            fault,
            devices: Default::default(),
            executions: BTreeMap::new(),
            last: 0,
            tags: 0,
        }
    }

    pub(super) fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    pub(super) fn next_tag(&mut self) -> u64 {
        self.tags += 1;
        self.tags
    }

    pub(super) fn note(&mut self, line: impl FnOnce() -> String) {
        self.ledger.note(self.now, line);
    }

    pub(super) fn count(&mut self, what: &'static str) {
        self.ledger.count(what);
    }

    pub(super) fn break_promise(&mut self, text: String) {
        self.note(|| format!("BROKEN: {text}"));
        self.ledger.break_promise(text);
    }

    /// The server has heard that nobody waits for a call any more.
    pub(super) fn heard_given_up(&mut self, key: SessionKey, number: u64) {
        let clock = self.clock;
        for execution in self.of_session(key) {
            if execution.number == number {
                execution.known_given_up.get_or_insert(clock);
            }
        }
    }

    /// The client of a session is served no longer.
    pub(super) fn abandon(&mut self, key: SessionKey) {
        let clock = self.clock;
        for execution in self.of_session(key) {
            execution.abandoned.get_or_insert(clock);
            execution.known_given_up.get_or_insert(clock);
        }
    }

    /// The calls of a session were answered although they run.
    pub(super) fn leave(&mut self, key: SessionKey) {
        let mut left = 0;
        for execution in self.of_session(key) {
            left += u64::from(!execution.is_left);
            execution.is_left = true;
        }
        self.ledger.disasters += left;
        if left > 0 {
            self.count("goodbye over running calls");
        }
    }

    fn of_session(&mut self, key: SessionKey) -> impl Iterator<Item = &mut Execution> {
        let executions = self.executions.values_mut();
        executions.filter(move |execution| execution.session.key == key)
    }

    /// When at the latest, by the clock of the server, each call of a session has returned or hangs officially.
    pub(super) fn patience(&self, key: SessionKey) -> Duration {
        let executions = self.executions.values();
        let running = executions.filter(|execution| execution.session.key == key);
        running
            .filter_map(Execution::hangs_from)
            .max()
            .unwrap_or_default()
    }

    /// What must hold when nothing moves: nothing is overdue in the devices, and those that are stuck refuse.
    pub(super) fn check(&mut self) {
        let mut broken = None;
        for (name, device) in self.devices.iter().enumerate() {
            if device.is_stuck && !device.waiting.is_empty() {
                broken = Some(format!("device {name} is stuck and does not refuse"));
            }
            let Some(inside) = device.inside.and_then(|id| self.executions.get(&id)) else {
                continue;
            };
            let due = inside.hangs_from().filter(|_| !device.is_stuck);
            if due.is_some_and(|due| due + 2 * PERIOD < self.clock) {
                broken = Some(format!(
                    "call {} hangs, and its device is not stuck",
                    inside.tag
                ));
            }
        }
        broken
            .into_iter()
            .for_each(|broken| self.break_promise(broken));
    }

    /// A client gets the server: nothing of another one may be inside a driver, unless it hangs officially.
    pub(super) fn check_place(&mut self, key: SessionKey) {
        let is_foreign = |device: &Device| {
            let inside = device.inside.and_then(|id| self.executions.get(&id));
            inside.is_some_and(|inside| inside.session.key != key && !device.is_stuck)
        };
        if self.devices.iter().any(is_foreign) {
            self.break_promise("the place passes on while a call runs".into());
        }
    }

    /// True if a call of this session, whose caller waits, is inside a driver or waits for its device.
    pub(super) fn has_call_under_way(&self, key: SessionKey) -> bool {
        let mut executions = self.executions.values();
        executions
            .any(|execution| execution.session.key == key && !self.ledger.has_ended(execution.tag))
    }

    /// What is not as it is in a lab at rest.
    pub(super) fn unrest(&self) -> Option<String> {
        let execution = self.executions.values().next();
        let stuck = self.devices.iter().position(|device| device.is_stuck);
        let left = execution.map(|execution| format!("call {} is left", execution.tag));
        left.or(stuck.map(|device| format!("device {device} is still stuck")))
    }
}
