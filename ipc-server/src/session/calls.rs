//! The log of calls.

use std::time::{Duration, Instant};

use ipc_core::wire::ctrl::CtrlMsg;
use ipc_core::wire::failure::{Failure, FaultKind};
use ipc_core::wire::frame::OutgoingFrame;
use ipc_core::wire::message::{IncomingCall, failure_in};
use ipc_core::wire::sanitize::fit_to_show;
use tracing::level_filters::LevelFilter;

use crate::log::{self, About};
use crate::state::ServerState;

/// A call that has ended, as far as its log is concerned.
pub(crate) struct Ended<'a> {
    pub(crate) call: &'a IncomingCall,
    pub(crate) reply: &'a OutgoingFrame,
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
}

/// True for a call that brought a result in little time, which is logged only where the level is `debug`. Asked on the
/// way of every call.
#[inline]
pub(crate) fn is_ordinary(reply: Option<CtrlMsg>, began: Instant, ended: Instant) -> bool {
    let is_long = began.checked_add(LONG).is_some_and(|long| long <= ended);
    reply == Some(CtrlMsg::Ok) && !is_long && LevelFilter::current() < LevelFilter::DEBUG
}

/// Logs a call that failed, was refused or took long, or any call where the level is `debug`.
#[cold]
pub(crate) fn note(state: &ServerState, client: &str, call: &Ended<'_>) {
    let took = call.ended.saturating_duration_since(call.began);
    let reply = call.reply;
    let method = called(state, &call.call.header.method);
    let about = || About::client(client);
    if reply.ctrl() == Some(CtrlMsg::Ok) {
        let log = match took >= LONG {
            true => log::info,
            false => log::debug,
        };
        return log(about(), format_args!("called {method}, took {took:.1?}"));
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
            log::error(about(), format_args!("called {method}: {fault}"));
        }
        Some(Failure::Fault(fault)) => {
            let fault = fit_to_show(&fault.to_string());
            log::warn(
                about(),
                format_args!("called {method}, which failed: {fault}"),
            );
        }
        None => {}
    }
}

/// The method with its device, as the log names it: `` `pump_read` of `pump` ``, `` `add` `` for a function.
fn called(state: &ServerState, method: &str) -> String {
    match state.description.device_with(method) {
        Some((device, _)) => format!("`{method}` of `{}`", device.name),
        None => format!("`{method}`"),
    }
}

/// A call that takes longer than this is logged.
const LONG: Duration = Duration::from_secs(1);
