//! The log of calls.

use std::time::{Duration, Instant};

use ipc_core::interface::job::Reply;
use ipc_core::wire::failure::{Failure, FaultKind};
use ipc_core::wire::sanitize::fit_to_show;
use ipc_hub::log::{self, About};
use tracing::level_filters::LevelFilter;

use crate::state::ServerState;

/// What the log says of a call that has ended.
pub(crate) struct CallNote<'a> {
    pub(crate) method: &'a str,
    pub(crate) failure: Option<&'a Failure>,
    pub(crate) took: Duration,
}

/// True for a call that brought a result in little time, which is logged only where the level is `debug`. Asked on the
/// way of every call.
#[inline]
pub(crate) fn is_ordinary(
    outcome: &Result<Reply, Box<Failure>>,
    began: Instant,
    ended: Instant,
) -> bool {
    let is_long = began.checked_add(LONG).is_some_and(|long| long <= ended);
    outcome.is_ok() && !is_long && LevelFilter::current() < LevelFilter::DEBUG
}

impl CallNote<'_> {
    /// Logs a call that failed, was refused or took long, or any call where the level is `debug`.
    #[cold]
    pub(crate) fn log(&self, state: &ServerState, client: &str) {
        let about = || About::client(client);
        let method = called(state, self.method);
        let took = self.took;
        let Some(failure) = self.failure else {
            let log = match took >= LONG {
                true => log::info,
                false => log::debug,
            };
            return log(about(), format_args!("called {method}, took {took:.1?}"));
        };
        if !state.failed_calls.may_log() {
            return;
        }
        match failure {
            Failure::Refused(refusal) => {
                let refusal = fit_to_show(&refusal.to_string());
                log::info(about(), format_args!("refused a call: {refusal}"));
            }
            Failure::Fault(fault) if fault.kind == FaultKind::Panic => {
                let fault = fit_to_show(&fault.to_string());
                log::error(about(), format_args!("called {method}: {fault}"));
            }
            Failure::Fault(fault) => {
                let fault = fit_to_show(&fault.to_string());
                log::warn(
                    about(),
                    format_args!("called {method}, which failed: {fault}"),
                );
            }
        }
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
