//! The second connection of a blocking client, for calls that wait neither for the server nor for other calls.

use std::sync::Arc;

use ipc_core::wire::frame::CallFrame;

use super::shared::SharedConnection;
use crate::call::{CallEnd, CallOptions, Timing};

impl SharedConnection {
    /// Makes a call over the observer, or over this connection if the server does not serve observers.
    #[cold]
    pub(crate) fn call_beside(
        &self,
        frame: CallFrame,
        idempotent: bool,
        timing: Timing,
        options: &CallOptions,
    ) -> CallEnd {
        let observer = self.observer();
        if !observer.watch.is_unserved() {
            let end = observer.call(frame.clone(), idempotent, timing, options);
            if !(end.is_not_sent() && observer.watch.is_unserved()) {
                return end;
            }
        }
        self.call(frame, idempotent, timing, options)
    }

    fn observer(&self) -> &Self {
        let observer = self.observer.get_or_init(|| {
            let settings = self.settings().of_observer(self.watch.session());
            Box::new(Self::new(Arc::new(settings), Arc::default()))
        });
        // Another thread may have closed the client before there was an observer.
        if self.watch.is_closed() {
            observer.close();
        }
        observer
    }
}
