//! What a running method can know and tell about its call.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Instant;

/// The view of a running method on its own call.
///
/// A driver method that takes `ctx: &CallContext` gets it from the server; callers do not see the argument.
#[derive(Clone)]
pub struct CallContext {
    host: Rc<dyn CallHost>,
    call: u64,
    client: Rc<str>,
    deadline: Option<Instant>,
}

/// What stands behind a [`CallContext`]: a server session, or nothing at all for calls within one process.
pub trait CallHost {
    /// True once the caller has given the call up.
    fn is_cancelled(&self, call: u64) -> bool;
    /// Passes on how far the call is.
    fn progress(&self, call: u64, fraction: f64, message: &str);
    /// Runs the future of an `async fn` to its end.
    fn block_on(&self, future: Pin<&mut dyn Future<Output = ()>>);
}

impl CallContext {
    /// A context for call number `call` of `client`.
    pub fn new(
        host: Rc<dyn CallHost>,
        call: u64,
        client: Rc<str>,
        deadline: Option<Instant>,
    ) -> Self {
        Self {
            host,
            call,
            client,
            deadline,
        }
    }

    /// True once the caller has cancelled the call, or its timeout has passed and it said so, or it is gone: its
    /// connection was lost and not made again, for the server's grace, or for 2 s while others wait. Looks at the
    /// connection without waiting; ask between the steps of a long measurement.
    pub fn is_cancelled(&self) -> bool {
        self.host.is_cancelled(self.call)
    }

    /// Tells the caller how far the call is: `fraction` from 0 to 1, and what is going on. Never fails; a caller that
    /// is gone or does not look misses it.
    pub fn progress(&self, fraction: f64, message: &str) {
        self.host.progress(self.call, fraction, message);
    }

    /// Until when the caller waits, if it said so.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Who is calling: the name and address of the client.
    pub fn client(&self) -> &str {
        &self.client
    }

    pub(crate) fn block_on(&self, future: Pin<&mut dyn Future<Output = ()>>) {
        self.host.block_on(future);
    }
}

impl fmt::Debug for CallContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallContext")
            .field("call", &self.call)
            .field("client", &self.client)
            .finish()
    }
}
