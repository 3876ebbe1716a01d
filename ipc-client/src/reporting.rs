//! What a call tells its caller before it ends.

use std::sync::Arc;

use ipc_core::session::client::Event;
use ipc_core::wire::ctrl::WaitingStatus;

use crate::callback::{ProgressCallback, WaitingCallback};

/// The callbacks of a handle for what its calls tell.
#[derive(Clone, Default)]
pub(crate) struct Reporting {
    progress: Option<ProgressCallback>,
    waiting: Option<WaitingCallback>,
}

/// What a call tells.
#[derive(Debug)]
pub(crate) enum Report {
    /// A fraction and a message.
    Progress(f64, String),
    /// Why it has not begun.
    Waiting(Box<WaitingStatus>),
}

impl Reporting {
    pub(crate) fn set_progress(&mut self, callback: impl Fn(f64, &str) + Send + Sync + 'static) {
        self.progress = Some(ProgressCallback::new("`on_progress`", Arc::new(callback)));
    }

    pub(crate) fn set_waiting(
        &mut self,
        callback: impl Fn(&WaitingStatus) + Send + Sync + 'static,
    ) {
        self.waiting = Some(WaitingCallback::new("`on_waiting`", Arc::new(callback)));
    }

    /// Returns true if there is no callback.
    pub(crate) fn is_empty(&self) -> bool {
        self.progress.is_none() && self.waiting.is_none()
    }

    /// Calls the callback for reports of this kind, if there is one.
    pub(crate) fn deliver(&self, report: &Report) {
        match report {
            Report::Progress(fraction, message) => self.progress(*fraction, message),
            Report::Waiting(status) => {
                if let Some(waiting) = &self.waiting {
                    waiting.run(|on_waiting| on_waiting(status));
                }
            }
        }
    }

    pub(crate) fn progress(&self, fraction: f64, message: &str) {
        if let Some(progress) = &self.progress {
            progress.run(|on_progress| on_progress(fraction, message));
        }
    }
}

impl Report {
    /// The report in an event, and the number of its call.
    pub(crate) fn of(event: Event) -> Option<(u64, Self)> {
        match event {
            Event::Progress {
                call,
                fraction,
                message,
            } => Some((call, Self::Progress(fraction, message))),
            Event::Waiting(status) => Some((status.call, Self::Waiting(status))),
            _ => None,
        }
    }
}
