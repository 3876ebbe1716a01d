//! What `slot.rs` takes from the module of the same name in `ipc-core`.

#[derive(Clone, Copy, Debug)]
pub(crate) struct Release;
