//! How calls wait at gates, and how they are refused there.

use super::behind::Behind;
use crate::interface::blocked::{Blocked, GateWait};
use crate::interface::context::CallContext;
use crate::interface::current;
use crate::interface::gate::Place;
use crate::wire::failure::Refusal;

/// Waits for a moment at a gate, unless the device is stuck or the call was cancelled.
pub(super) fn pause(
    place: &Place<'_>,
    behind: Behind<'_>,
    context: &CallContext,
) -> Result<(), Blocked> {
    if let Some(stuck) = place.stuck() {
        return Err(Blocked::Stuck(stuck));
    }
    if context.is_cancelled() {
        return Err(Blocked::GivenUp);
    }
    let wait = GateWait {
        device: behind.name(),
        place: place.number(),
        inside: behind.occupant(),
    };
    context.host().waits(context.call(), &wait);
    current::park();
    Ok(())
}

/// Refuses a call that was cancelled while it waited at a gate: it had perhaps been let in before it looked again.
#[inline]
pub(super) fn still_wanted(waited: bool, name: &str, context: &CallContext) -> Result<(), Refusal> {
    match waited && context.is_cancelled() {
        true => Err(Refusal::Cancelled {
            method: name.to_string(),
        }),
        false => Ok(()),
    }
}

#[cold]
pub(super) fn refused(
    blocked: &Blocked,
    name: &str,
    behind: Behind<'_>,
    context: &CallContext,
) -> Refusal {
    let method = name.to_string();
    let host = context.host();
    match blocked {
        Blocked::Held { owner } => {
            host.for_client(host.refusal_of_owner(context.call(), name, behind.name(), *owner))
        }
        Blocked::Stuck(stuck) => {
            let ran = host.elapsed(stuck.since).as_millis();
            host.for_client(Refusal::Stuck {
                method,
                device: stuck.device.clone(),
                running: stuck.method.clone(),
                since_ms: u64::try_from(ran).unwrap_or(u64::MAX),
                by: stuck.by.clone(),
            })
        }
        Blocked::GivenUp | Blocked::InTheWay => Refusal::Cancelled { method },
        Blocked::Deadlock { .. } | Blocked::ChangesHands { .. } => {
            let reason = blocked.to_string();
            Refusal::Protocol { method, reason }
        }
    }
}
