//! `Debug` output that does not reveal confidential bytes.

use std::fmt;

/// Stands for bytes in `Debug` output and shows only their number.
pub(crate) struct ByteCount(pub(crate) usize);

impl fmt::Debug for ByteCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0)
    }
}
