//! The commands of the program, one file each.

mod call;
mod describe;
mod info;
mod keygen;
pub(crate) mod kick;
pub(crate) mod lease;
mod list;
mod ping;
mod release;
mod scripts;
mod who;

use crate::arguments::Verb;
use crate::connect::Session;
use crate::failure::Failure;
use crate::monitor;
use crate::output::Output;
use crate::shell;

pub(crate) use describe::no_such_name;

/// Runs a command with a server.
pub(crate) fn run(session: &Session, verb: Verb, output: Output) -> Result<(), Failure> {
    match verb {
        Verb::List(options) => list::run(session, &options, output),
        Verb::Describe(options) => describe::run(session, &options, output),
        Verb::Call(options) => call::call(session, &options, output),
        Verb::Get(options) => call::get(session, &options, output),
        Verb::Set(options) => call::set(session, &options, output),
        Verb::Who => who::run(session, output),
        Verb::Lease(options) => lease::run(session, options, output).map(drop),
        Verb::Release(options) => release::run(session, &options, output),
        Verb::Kick(options) => kick::run(session, &options, output),
        Verb::Ping(options) => ping::run(session, &options, output),
        Verb::Info => info::run(session, output),
        Verb::Monitor(options) => monitor::run(session, &options, output),
        Verb::Shell => shell::run(session, output),
        verb @ (Verb::Keygen(_) | Verb::Completions(_) | Verb::Version) => {
            run_without_server(&verb, output).map(drop)
        }
    }
}

/// Runs a command that needs no server. Returns false if `verb` is not one.
pub(crate) fn run_without_server(verb: &Verb, output: Output) -> Result<bool, Failure> {
    match verb {
        Verb::Keygen(options) => keygen::run(options, output)?,
        Verb::Completions(options) => scripts::completions(options)?,
        Verb::Version => scripts::version(output)?,
        _ => return Ok(false),
    }
    Ok(true)
}
