//! How errors look where programs print them with `{:?}`: in `unwrap()`, and when `main` returns one.

use std::error::Error;
use std::fmt;

/// Writes an error with all its sources in one line.
pub fn write_with_sources(error: &dyn Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{error}")?;
    let mut source = error.source();
    while let Some(error) = source {
        write!(f, ": {error}")?;
        source = error.source();
    }
    Ok(())
}

/// Implements `Debug` for an error: its text, with those of all its sources.
#[macro_export]
#[doc(hidden)]
macro_rules! readable_debug {
    ($error:ident $(<$param:ident: $bound:path>)?) => {
        impl $(<$param: $bound>)? ::std::fmt::Debug for $error $(<$param>)? {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                $crate::report::write_with_sources(self, f)
            }
        }
    };
}
