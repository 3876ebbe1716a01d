//! The log of calls.

use std::time::{Duration, Instant};

use ipc_core::interface::job::Reply;
use ipc_core::wire::failure::{Failure, FaultKind};
use ipc_core::wire::sanitize::fit_for_log;
use ipc_hub::log::{self, About};
use tracing::level_filters::LevelFilter;

use crate::session::activity::Activity;
use crate::state::ServerState;

/// What the log says of a call that has ended.
pub(crate) struct CallNote<'a> {
    pub(crate) method: &'a str,
    pub(crate) failure: Option<&'a Failure>,
    pub(crate) took: Duration,
    /// What became of its caller meanwhile.
    pub(crate) caller: CallerAtEnd,
}

/// What became of the caller of a call by the time at which the call ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallerAtEnd {
    Waits,
    GaveUp,
    /// The log says so already.
    GaveUpBefore,
}

/// True for a call that brought a result in little time to a caller that waited, which is logged only where the level is
/// `debug`. Asked on the way of every call.
#[inline]
pub(crate) fn is_ordinary(
    outcome: &Result<Reply, Box<Failure>>,
    is_awaited: bool,
    began: Instant,
    ended: Instant,
) -> bool {
    let is_long = began.checked_add(LONG).is_some_and(|long| long <= ended);
    outcome.is_ok() && is_awaited && !is_long && LevelFilter::current() < LevelFilter::DEBUG
}

impl CallNote<'_> {
    /// Logs a call that failed, was refused, took long or was given up, or any call where the level is `debug`.
    #[cold]
    pub(crate) fn log(&self, state: &ServerState, client: &str) {
        let about = || About::client(client);
        let method = called(state, self.method);
        let took = self.took;
        let gave_up = match self.caller {
            CallerAtEnd::Waits => "",
            CallerAtEnd::GaveUp | CallerAtEnd::GaveUpBefore => "; its caller had given up",
        };
        let Some(failure) = self.failure else {
            let log = match (took >= LONG, self.caller) {
                (true, _) => log::info,
                (false, CallerAtEnd::GaveUp) if state.failed_calls.may_log() => log::info,
                (false, _) => log::debug,
            };
            return log(
                about(),
                format_args!("called {method}, took {took:.1?}{gave_up}"),
            );
        };
        if !state.failed_calls.may_log() {
            return;
        }
        match failure {
            Failure::Refused(refusal) => {
                // The line says that it was refused.
                let refusal = refusal.to_string().replacen("` was refused: ", "`: ", 1);
                let refusal = fit_for_log(&refusal);
                log::info(about(), format_args!("refused a call: {refusal}"));
            }
            Failure::Fault(fault) if fault.kind == FaultKind::Panic => {
                let fault = fit_for_log(&fault.to_string());
                log::error(about(), format_args!("called {method}: {fault}{gave_up}"));
            }
            Failure::Fault(fault) => {
                let fault = fit_for_log(&fault.to_string());
                log::warn(
                    about(),
                    format_args!("called {method}, which failed: {fault}{gave_up}"),
                );
            }
        }
    }
}

/// Logs the calls of a client that still run although their callers gave up a moment ago.
pub(crate) fn log_running_on(state: &ServerState, activity: &Activity, now: Instant) {
    for call in activity.take_running_on(now) {
        let method = called(state, &call.method);
        let ran_for = call.ran_for();
        state.failed_calls.info(
            About::client(activity.name_and_address()),
            format_args!(
                "called {method}, whose caller gave up after {ran_for:.1?}; the driver still runs"
            ),
        );
    }
}

/// The method with its device, as the log names it: `` `pump_read` of `pump` ``, `` `add` `` for a function.
fn called(state: &ServerState, method: &str) -> String {
    let offers = state.hub.offers().load();
    match offers.description().device_with(method) {
        Some((device, _)) => format!("`{method}` of `{}`", device.name),
        None => format!("`{method}`"),
    }
}

/// A call that takes longer than this is logged.
const LONG: Duration = Duration::from_secs(1);
