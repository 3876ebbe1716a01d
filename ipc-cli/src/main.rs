//! The program `ipc`: instruments attached to another computer, from any shell.

mod arguments;
mod commands;
mod connect;
mod failure;
mod hosts;
mod interrupt;
mod lane;
mod monitor;
mod output;
mod parse;
mod progress;
mod secret;
mod shell;
mod show;
mod times;
mod waiting;

use arguments::{CommandLine, Global, Verb};
use failure::{ExitCode, Failure};
use output::Output;

fn main() -> std::process::ExitCode {
    let CommandLine { global, verb } = arguments::read();
    let output = Output { json: global.json };
    match run(&global, verb, output) {
        Ok(code) => code,
        Err(failure) => {
            output::report(&failure, output);
            failure.code().into()
        }
    }
}

fn run(global: &Global, verb: Verb, output: Output) -> Result<std::process::ExitCode, Failure> {
    if commands::run_without_server(&verb, output)? {
        return Ok(ExitCode::Done.into());
    }
    let session = connect::session(global, verb.program())?;
    match verb {
        Verb::Lease(options) => commands::lease::run(&session, options, output),
        verb => commands::run(&session, verb, output).map(|()| ExitCode::Done.into()),
    }
}
