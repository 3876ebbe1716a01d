//! The log of calls.

use std::time::Duration;

use ipc_core::wire::ctrl::CtrlMsg;
use ipc_core::wire::failure::{Failure, FaultKind};
use ipc_core::wire::frame::OutgoingFrame;
use ipc_core::wire::message::{IncomingCall, failure_in};
use ipc_core::wire::text::fit_to_show;

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
        return log::debug(about(), format_args!("called `{method}`, took {took:.1?}"));
    }
    if is_ok {
        return log::info(about(), format_args!("called `{method}`, took {took:.1?}"));
    }
    if !state.failed_calls.may_log() {
        return;
    }
    match failure_in(reply) {
        Some(Failure::Refused(refusal)) => {
            let refusal = fit_to_show(&refusal.to_string());
            log::info(about(), format_args!("refused a call: {refusal}"));
        }
        Some(Failure::Fault(fault)) if fault.kind == FaultKind::Panic => {
            let fault = fit_to_show(&fault.to_string());
            log::error(about(), format_args!("called `{method}`: {fault}"));
        }
        Some(Failure::Fault(fault)) => {
            log::warn(
                about(),
                format_args!("called `{method}`, which failed: {fault}"),
            );
        }
        None => {}
    }
}

/// A call that takes longer than this is logged.
const LONG: Duration = Duration::from_secs(1);
