//! Telling a client that the devices may not be as it left them, before its next call runs.

use std::time::Instant;

use ipc_core::Refusal;
use ipc_core::interface::batch::runs_methods;
use ipc_core::wire::ctrl::{Feature, Features, Form};
use ipc_core::wire::message::IncomingCall;
use ipc_hub::Hub;
use ipc_hub::party::Party;

use super::fences::KnownFences;

/// What the client of a session has been told of the [interruptions](Party::interruptions) of its party.
///
/// The first call after an interruption is refused, and so is every call that the client sent before it had read that refusal: a
/// call whose header confirms the refused one was sent by a program that knows.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Number of interruptions that the client has been told of.
    count: u64,
    /// The call whose refusal told it, until the client has confirmed that.
    by_call: Option<u64>,
    wants: Wants,
}

/// When a client wants its calls to be refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd)]
pub(super) enum Wants {
    #[default]
    Never,
    /// When a release hook has run on a device that it has used, or the server was restarted.
    Released,
    /// When other clients have used the devices, too.
    Used,
}

impl Wants {
    pub(super) fn of(features: &Features) -> Self {
        match features.version(Feature::Interruptions) {
            0 => Self::Never,
            1 => Self::Released,
            _ => Self::Used,
        }
    }
}

impl Told {
    /// Takes up the client as it is now: what happened before does not concern a session that has just begun.
    pub(super) fn begin(&mut self, party: &Party) {
        self.count = party.interruptions();
        self.by_call = None;
    }

    /// Follows what the client says over a new connection.
    pub(super) fn follow(&mut self, wants: Wants) {
        self.wants = wants;
    }

    /// Notes that the client has given up this call. If its refusal was to tell of an interruption, the next one does.
    pub(super) fn gave_up(&mut self, call: u64) {
        if self.by_call.take_if(|told| *told == call).is_some() {
            // Any other number than that of the party.
            self.count = self.count.wrapping_sub(1);
        }
    }

    /// Returns the refusal of a call that is not to run because its client has to be told something first.
    #[inline]
    pub(super) fn refusal(
        &mut self,
        party: &Party,
        call: &IncomingCall,
        hub: &Hub,
        fences: &KnownFences,
        now: Instant,
    ) -> Option<Refusal> {
        if party.interruptions() == self.count && self.by_call.is_none() {
            return None;
        }
        self.decide(party, call, hub, fences, now)
    }

    #[cold]
    fn decide(
        &mut self,
        party: &Party,
        call: &IncomingCall,
        hub: &Hub,
        fences: &KnownFences,
        now: Instant,
    ) -> Option<Refusal> {
        if self.wants == Wants::Never {
            self.count = party.interruptions();
            self.by_call = None;
            return None;
        }
        let is_call = match call.form {
            Form::Typed | Form::ByName => true,
            Form::Command => runs_methods(call.method()),
            Form::Describe => false,
        };
        // To press stop, nobody needs to know in which state the devices are.
        let offers = hub.offers().load();
        if !is_call || offers.is_urgent(call.method()) {
            return None;
        }
        let count = party.interruptions();
        if count != self.count {
            self.count = count;
            self.by_call = Some(call.number);
            // Its device was taken away from the client, which the gate says in other words.
            let is_lost = |device: &str| {
                let lost = hub.lost_at(party.id(), device);
                lost.is_some_and(|lost| !fences.is_known(device, lost))
            };
            let described = offers.description();
            let is_told_by_gate = match (call.form, described.device_with(call.method())) {
                (Form::Command, _) => described.devices.iter().any(|it| is_lost(&it.name)),
                (_, Some((device, _))) => is_lost(&device.name),
                (_, None) => false,
            };
            if is_told_by_gate {
                return None;
            }
        } else if self.by_call.is_some_and(|told| call.acknowledged > told) {
            self.by_call = None;
            return None;
        }
        latest(party, call.method(), now)
    }

    /// Returns the refusal of the call with this number that has waited for a device, if its client has to be told of something
    /// that has happened meanwhile. A call that was given up, without a number, tells nobody.
    pub(super) fn refusal_after_wait(
        &mut self,
        party: &Party,
        call: Option<u64>,
        method: &str,
        now: Instant,
    ) -> Option<Refusal> {
        let count = party.interruptions();
        if count == self.count || self.wants == Wants::Never {
            return None;
        }
        if call.is_some() {
            self.count = count;
            self.by_call = call;
        }
        latest(party, method, now)
    }
}

/// Returns the refusal that tells of the latest interruption.
fn latest(party: &Party, method: &str, now: Instant) -> Option<Refusal> {
    let what = party.interruption()?;
    let ago = now.saturating_duration_since(what.at).as_millis();
    Some(Refusal::Interrupted {
        method: method.to_string(),
        by: what.by,
        why: what.why,
        ago_ms: u64::try_from(ago).unwrap_or(u64::MAX),
    })
}
