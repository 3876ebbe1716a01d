//! An error of the operating system that can be cloned and compared.

use std::fmt;
use std::io;
use std::ops::Deref;
use std::sync::Arc;

/// An error of the operating system: an [`io::Error`] that can be cloned and compared. Two of them are equal if they have
/// the same kind and text.
#[derive(Clone, Debug)]
pub struct SystemError(Arc<io::Error>);

impl Deref for SystemError {
    type Target = io::Error;

    fn deref(&self) -> &io::Error {
        &self.0
    }
}

impl From<io::Error> for SystemError {
    fn from(error: io::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl PartialEq for SystemError {
    fn eq(&self, other: &Self) -> bool {
        self.kind() == other.kind() && self.to_string() == other.to_string()
    }
}

impl fmt::Display for SystemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
