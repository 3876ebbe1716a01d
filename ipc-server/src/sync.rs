//! The primitives of the code that the models in `tests/interleavings` check, which put their own in this place.

pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};
