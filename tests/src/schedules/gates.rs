//! The devices with their gates, and the calls that come to them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use ipc_core::Refusal;
use ipc_core::wire::ctrl::SessionKey;

use super::lab::Lab;
use super::pump::Session;
use super::{DEVICES, Fault, GIVEN_UP_FOR, OVERRUN};
use crate::model::reply_frame_with;

#[derive(Default)]
pub(super) struct Device {
    pub(super) inside: Option<u64>,
    pub(super) waiting: VecDeque<u64>,
    pub(super) is_stuck: bool,
}

/// A call that a thread of the server has begun.
pub(super) struct Execution {
    pub(super) tag: u64,
    pub(super) number: u64,
    pub(super) device: usize,
    pub(super) session: Session,
    /// By the clock of the server.
    pub(super) began: Duration,
    /// When its driver returns; never unless it is let go.
    pub(super) returns: Option<Instant>,
    /// Since when the server knows that nobody waits for it.
    pub(super) known_given_up: Option<Duration>,
    /// When its client ceased to be served.
    pub(super) abandoned: Option<Duration>,
    /// True once its client was told that its outcome is unknown.
    pub(super) is_left: bool,
}

impl Execution {
    /// From when on it hangs, unless it has returned; not before it was given up.
    pub(super) fn hangs_from(&self) -> Option<Duration> {
        let given_up = self.known_given_up?;
        Some((self.began + OVERRUN).max(given_up + GIVEN_UP_FOR))
    }
}

impl Lab {
    /// A call has begun, and comes to the gate of its device.
    pub(super) fn begin(&mut self, session: &Session, number: u64, method: &str) {
        let tag = method.trim_start_matches("call_").parse().unwrap_or(0);
        let Some(call) = self.ledger.calls.get(&tag) else {
            return self.break_promise(format!("{method} begins, and nobody has made it"));
        };
        let device = call.device;
        let waits_for = |earlier: &&Execution| {
            let is_over = earlier.is_left || !self.ledger.awaits_result(earlier.tag);
            earlier.session.key == session.key && !is_over
        };
        if let Some(earlier) = self.executions.values().find(waits_for) {
            let text = format!(
                "call {tag} begins before {}, whose caller waits",
                earlier.tag
            );
            self.break_promise(text);
        }
        self.last += 1;
        let execution = Execution {
            tag,
            number,
            device,
            session: session.clone(),
            began: self.clock,
            returns: None,
            known_given_up: None,
            abandoned: None,
            is_left: false,
        };
        self.executions.insert(self.last, execution);
        self.devices[device].waiting.push_back(self.last);
    }

    /// Lets calls through the gates, or refuses them. Returns true if anything has happened.
    pub(super) fn settle(&mut self) -> bool {
        let mut has_changed = false;
        for device in 0..DEVICES {
            let waiting: Vec<u64> = self.devices[device].waiting.iter().copied().collect();
            for id in waiting {
                has_changed |= self.try_enter(device, id);
            }
        }
        has_changed
    }

    fn try_enter(&mut self, device: usize, id: u64) -> bool {
        let Execution {
            tag,
            number,
            ref session,
            ..
        } = self.executions[&id];
        let gate = &self.devices[device];
        let is_free = gate.inside.is_none() && gate.waiting.front() == Some(&id);
        let method = format!("call_{tag}");
        if is_free {
            return self.enter(device, id);
        }
        let refusal = if gate.is_stuck && !self.has(Fault::WaitsForStuckDevices) {
            Refusal::Stuck {
                method,
                device: device.to_string(),
                running: String::new(),
                since_ms: 0,
                by: String::new(),
            }
        } else if session.pump().is_given_up(number) {
            Refusal::Cancelled { method }
        } else {
            return false;
        };
        self.count("refused at a gate");
        self.note(|| match refusal {
            Refusal::Stuck { .. } => format!("device {device} is stuck and refuses {tag}"),
            _ => format!("device {device} refuses {tag}, which was given up"),
        });
        self.devices[device].waiting.retain(|other| *other != id);
        if let Some(Execution {
            session, number, ..
        }) = self.executions.remove(&id)
        {
            let mut pump = session.pump();
            pump.running.end(number);
            pump.session.refuse(number, refusal);
        }
        true
    }

    fn enter(&mut self, device: usize, id: u64) -> bool {
        let tag = self.executions[&id].tag;
        self.note(|| format!("device {device} is entered by {tag}"));
        self.ledger.runs(tag);
        let takes = self.ledger.calls[&tag].takes;
        let now = self.now;
        if let Some(execution) = self.executions.get_mut(&id) {
            execution.returns = takes.map(|takes| now + takes);
        }
        let gate = &mut self.devices[device];
        gate.waiting.pop_front();
        gate.inside = Some(id);
        true
    }

    /// Lets drivers return whose time has come.
    pub(super) fn let_return(&mut self) -> bool {
        let is_due = |id: &u64| {
            let returns = self.executions.get(id).and_then(|inside| inside.returns);
            returns.is_some_and(|at| at <= self.now)
        };
        let inside = self.devices.iter().filter_map(|device| device.inside);
        let due: Vec<u64> = inside.filter(is_due).collect();
        due.iter().for_each(|id| self.return_from(*id));
        !due.is_empty()
    }

    /// Lets the driver of a device return now.
    pub(super) fn let_go(&mut self, device: usize) {
        let now = self.now;
        let inside = self.devices[device].inside;
        if let Some(execution) = inside.and_then(|id| self.executions.get_mut(&id)) {
            execution.returns = Some(now);
        }
    }

    /// Lets the driver of a device return now, and every one that is entered later at once.
    pub(super) fn let_all_go(&mut self, device: usize) {
        self.let_go(device);
        for call in self.ledger.calls.values_mut() {
            call.takes = Some(Duration::ZERO);
        }
    }

    fn return_from(&mut self, id: u64) {
        let Some(Execution {
            tag,
            number,
            device,
            session,
            ..
        }) = self.executions.remove(&id)
        else {
            return;
        };
        let gate = &mut self.devices[device];
        gate.inside = None;
        let was_stuck = gate.is_stuck;
        gate.is_stuck &= self.fault == Some(Fault::StaysStuck);
        self.note(|| format!("device {device} is left by {tag}"));
        if was_stuck {
            self.count("recovered");
        }
        let mut pump = session.pump();
        pump.running.end(number);
        if self.has(Fault::LosesAnswers) && was_stuck {
            return;
        }
        let frame = reply_frame_with(number, &tag.to_le_bytes());
        pump.session.reply(number, frame);
    }

    /// Marks the devices that a call hangs in as stuck, and returns them. `is_forced` in a server that has no time left.
    pub(super) fn mark_stuck(
        &mut self,
        key: SessionKey,
        number: u64,
        is_forced: bool,
    ) -> Vec<String> {
        let Some(id) = self.inside(key, number) else {
            return Vec::new();
        };
        let execution = &self.executions[&id];
        let (tag, device) = (execution.tag, execution.device);
        let call = &self.ledger.calls[&tag];
        let is_over = |at: Duration| self.clock - at >= GIVEN_UP_FOR;
        let mut gave_up = call
            .end
            .map(|(_, at)| at)
            .into_iter()
            .chain(call.timed_out)
            .chain(execution.abandoned);
        let deadline = call.timeout.map(|timeout| call.made + timeout);
        let is_overdue = deadline.is_some_and(|at| at + 2 * GIVEN_UP_FOR <= self.now);
        let ran = self.clock - execution.began;
        let is_hung = ran >= OVERRUN && (is_overdue || gave_up.any(is_over));
        if !is_hung && !is_forced {
            self.break_promise(format!(
                "device {device} is stuck because of {tag} after {ran:?}"
            ));
        }
        self.count(if is_forced { "left behind" } else { "stuck" });
        self.note(|| format!("device {device} is stuck because of {tag}"));
        self.devices[device].is_stuck = true;
        vec![device.to_string()]
    }

    fn inside(&self, key: SessionKey, number: u64) -> Option<u64> {
        let mut inside = self.devices.iter().filter_map(|device| device.inside);
        inside.find(|id| {
            let execution = &self.executions[id];
            execution.session.key == key && execution.number == number
        })
    }

    /// The server is gone, and its threads with it.
    pub(super) fn crash(&mut self) {
        self.executions.clear();
        self.devices = Default::default();
    }
}
