//! Callbacks given by the user of this crate.

use std::fmt;
use std::sync::Arc;

use ipc_core::contain::contain_logged;
use ipc_core::wire::ctrl::{Notice, WaitingStatus};

use crate::connection_state::ConnectionState;

/// A function that the user has given to a client.
///
/// It can panic when it is called, and the values it holds can panic when they are dropped. Neither panic unwinds
/// through a call, a session or a destructor: it is logged, and the client goes on.
pub(crate) struct Callback<F: ?Sized> {
    name: &'static str,
    /// Taken by the destructor.
    function: Option<Arc<F>>,
}

pub(crate) type StateCallback = Callback<dyn Fn(&ConnectionState) + Send + Sync>;
pub(crate) type HandoverCallback = Callback<dyn Fn() + Send + Sync>;
pub(crate) type NoticeCallback = Callback<dyn Fn(&Notice) + Send + Sync>;
pub(crate) type ProgressCallback = Callback<dyn Fn(f64, &str) + Send + Sync>;
pub(crate) type WaitingCallback = Callback<dyn Fn(&WaitingStatus) + Send + Sync>;

impl<F: ?Sized> Callback<F> {
    /// Wraps `function`. `name` is the method that the user passed it to, for the log.
    pub(crate) fn new(name: &'static str, function: Arc<F>) -> Self {
        let function = Some(function);
        Self { name, function }
    }

    /// Lets `call` call the function.
    pub(crate) fn run(&self, call: impl FnOnce(&F)) {
        if let Some(function) = &self.function {
            contain_logged(self.name, || call(function));
        }
    }
}

impl<F: ?Sized> Clone for Callback<F> {
    fn clone(&self) -> Self {
        Self {
            name: self.name,
            function: self.function.clone(),
        }
    }
}

impl<F: ?Sized> Drop for Callback<F> {
    fn drop(&mut self) {
        let function = self.function.take();
        contain_logged(self.name, || drop(function));
    }
}

impl<F: ?Sized> fmt::Debug for Callback<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Callback").field(&self.name).finish()
    }
}
