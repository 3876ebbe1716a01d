//! What `Debug` shows of bytes that came or go in confidence.

use std::fmt;

/// So many bytes, and not which.
pub(crate) struct Length(pub(crate) usize);

impl fmt::Debug for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0)
    }
}
