//! The log of calls.

use std::time::Duration;

use ipc_core::wire::ctrl::CtrlMsg;
use ipc_core::wire::failure::{Failure, FaultKind};
use ipc_core::wire::frame::OutgoingFrame;
use ipc_core::wire::message::{IncomingCall, failure_in};

use crate::log::{self, About};
use crate::state::ServerState;

/// Logs a call that failed, was refused or took long; every call only where the level is `debug`.
pub(crate) fn note(
    state: &ServerState,
    client: &str,
    call: &IncomingCall,
    reply: &OutgoingFrame,
    took: Duration,
) {
    let is_ok = reply.ctrl() == Some(CtrlMsg::Ok);
    let is_ordinary = is_ok && took < LONG;
    if is_ordinary && !tracing::enabled!(target: log::TARGET, tracing::Level::DEBUG) {
        return;
    }
    let about = || About::client(client);
    let method = &call.header.method;
    if is_ordinary {
        log::debug(about(), format_args!("called `{method}`, took {took:.1?}"));
    } else if is_ok {
        log::info(about(), format_args!("called `{method}`, took {took:.1?}"));
    } else if let Some(unlisted) = state.failed_calls.spend() {
        match failure_in(reply) {
            Some(Failure::Refused(refusal)) => {
                log::info(about(), format_args!("refused a call: {refusal}"));
            }
            Some(Failure::Fault(fault)) if fault.kind == FaultKind::Panic => {
                log::error(about(), format_args!("called `{method}`: {fault}"));
            }
            Some(Failure::Fault(fault)) => {
                log::warn(about(), format_args!("called `{method}`, which failed: {fault}"));
            }
            None => {}
        }
        if unlisted > 0 {
            log::warn(
                About::server(),
                format_args!("{unlisted} more calls failed and are not listed"),
            );
        }
    }
}

/// A call that takes longer than this is logged.
const LONG: Duration = Duration::from_secs(1);
