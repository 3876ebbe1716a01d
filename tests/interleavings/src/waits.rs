//! Stands in for the detection of deadlocks in `ipc-core`: the models lock one device only.

use std::sync::Arc;

use crate::blocked::Blocked;
use crate::sync::AtomicU64;

pub(crate) fn this_thread() -> u64 {
    1
}

pub(crate) struct Wait;

impl Wait {
    pub(crate) fn begin(_thread_inside: &Arc<AtomicU64>, _device: &str) -> Result<Self, Blocked> {
        Ok(Self)
    }
}
