//! Limits on what a session uses.

/// Limits on what one session uses at the server.
///
/// ```
/// let mut limits = ipc_core::session::server::SessionLimits::default();
/// limits.max_frame(1024 * 1024).waiting_calls(100);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionLimits {
    // Public for the server, which reads them; users call the setters.
    #[doc(hidden)]
    pub max_frame: usize,
    #[doc(hidden)]
    pub kept_replies: usize,
    #[doc(hidden)]
    pub waiting_calls: usize,
    #[doc(hidden)]
    pub waiting_bytes: usize,
}

impl SessionLimits {
    /// Maximum length in bytes of a frame of the client. The default is 16 MiB.
    pub fn max_frame(&mut self, bytes: usize) -> &mut Self {
        self.max_frame = bytes;
        self
    }

    /// Maximum number of bytes of answers that are kept until the client has confirmed them. Of an answer that does not
    /// fit, only whether the driver was entered is kept. The default is 256 MiB.
    pub fn kept_replies(&mut self, bytes: usize) -> &mut Self {
        self.kept_replies = bytes;
        self
    }

    /// Maximum number of calls that wait for their turn. At the limit, nothing more is read from the client, not even a
    /// cancellation. The default is 1024; zero is an error when the server starts.
    pub fn waiting_calls(&mut self, calls: usize) -> &mut Self {
        self.waiting_calls = calls;
        self
    }

    /// Maximum number of bytes of the calls that wait for their turn. It acts like the limit on
    /// [`waiting_calls`](Self::waiting_calls()); the call that reaches it is still accepted. The default is 16 MiB; zero
    /// is an error when the server starts.
    pub fn waiting_bytes(&mut self, bytes: usize) -> &mut Self {
        self.waiting_bytes = bytes;
        self
    }
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            max_frame: 16 * 1024 * 1024,
            kept_replies: 256 * 1024 * 1024,
            waiting_calls: 1024,
            waiting_bytes: 16 * 1024 * 1024,
        }
    }
}
