//! The commands of the program.

use crate::arguments::Verb;
use crate::connect::Session;
use crate::failure::Failure;
use crate::output::Output;

/// Runs a command with a server.
pub(crate) fn run(session: &Session, verb: Verb, output: Output) -> Result<(), Failure> {
    let _ = (session, verb, output);
    Ok(())
}
