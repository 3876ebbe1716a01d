//! A client's place in the order of clients.

use std::sync::Arc;

use ipc_hub::admission::ClientId;

use crate::state::{Place, ServerState};

/// A place in the queue, or the server once its turn has come. Dropping it gives it up.
#[derive(Debug)]
pub(crate) struct QueuePlace {
    state: Arc<ServerState>,
    client: ClientId,
}

impl QueuePlace {
    pub(crate) fn new(state: &Arc<ServerState>, client: ClientId) -> Self {
        Self {
            state: Arc::clone(state),
            client,
        }
    }
}

impl Place for QueuePlace {}

impl Drop for QueuePlace {
    fn drop(&mut self) {
        let mut admission = self.state.admission();
        let wakes = admission.leave(self.client) && admission.waiting() > 0;
        drop(admission);
        if wakes {
            self.state.wake_waiting();
        }
    }
}
