//! The primitives of the code that the models in `tests/interleavings` check, which put their own in this place.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard};
pub(crate) use std::thread;
