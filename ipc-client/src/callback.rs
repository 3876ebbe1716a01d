//! Callbacks of the user.

use std::fmt;
use std::sync::Arc;

use ipc_core::contain::contain_logged;

use crate::state::ConnectionState;

/// A function that the user gave to this client.
///
/// It may panic when it runs, and the values it holds may panic when they are dropped. Neither unwinds through a call, a
/// session or a destructor: the panic is logged, and the client goes on.
pub(crate) struct Callback<F: ?Sized> {
    name: &'static str,
    /// Taken by the destructor.
    function: Option<Arc<F>>,
}

pub(crate) type StateCallback = Callback<dyn Fn(&ConnectionState) + Send + Sync>;
pub(crate) type HandoverCallback = Callback<dyn Fn() + Send + Sync>;
pub(crate) type ProgressCallback = Callback<dyn Fn(f64, &str) + Send + Sync>;

impl<F: ?Sized> Callback<F> {
    /// `name` is that of the method which the user passed it to, for the log.
    pub(crate) fn new(name: &'static str, function: Arc<F>) -> Self {
        let function = Some(function);
        Self { name, function }
    }

    /// Has `call` call the function.
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
