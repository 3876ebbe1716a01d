//! The end of the readings, and of a single one.

use std::sync::{Mutex, PoisonError};

use ipc_client::CancellationToken;

/// Ends everything, or the call that is under way.
#[derive(Default)]
pub(super) struct Stop {
    all: CancellationToken,
    /// Of the call that is under way: a call has one token.
    call: Mutex<CancellationToken>,
}

impl Stop {
    /// Cancelled by Ctrl-C.
    pub(super) fn all(&self) -> &CancellationToken {
        &self.all
    }

    /// The token of a call that begins now.
    pub(super) fn call(&self) -> CancellationToken {
        let token = CancellationToken::new();
        let mut call = self.call.lock().unwrap_or_else(PoisonError::into_inner);
        *call = token.clone();
        if self.all.is_cancelled() {
            token.cancel();
        }
        token
    }

    /// Ends everything.
    pub(super) fn stop(&self) {
        self.all.cancel();
        let call = self.call.lock().unwrap_or_else(PoisonError::into_inner);
        call.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_ends_the_call_that_runs_and_those_that_follow() {
        let stop = Stop::default();
        let call = stop.call();
        assert!(!call.is_cancelled());
        stop.stop();
        assert!(call.is_cancelled() && stop.call().is_cancelled());
        assert!(stop.all().is_cancelled());
    }
}
