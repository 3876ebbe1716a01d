//! Limits on what a session takes up.

/// What a session at the server may use up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct SessionLimits {
    /// The longest frame to accept, in bytes.
    pub max_frame: usize,
    /// Maximum number of bytes of answers that are kept until the client has confirmed them. An answer that does not fit
    /// is remembered as executed, without its result.
    pub kept_replies: usize,
    /// Maximum number of calls that wait for their turn. Beyond it the server stops reading, a Cancel included.
    pub waiting_calls: usize,
    /// Maximum number of bytes in the calls that wait. Beyond it the server stops reading, a Cancel included.
    pub waiting_bytes: usize,
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
