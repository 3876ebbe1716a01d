//! The program `ipc`: instruments attached to another computer, from any shell.

mod arguments;
mod commands;
mod connect;
mod failure;
mod output;
mod parse;
mod show;
mod times;

use clap::Parser;

use arguments::CommandLine;
use output::Output;

fn main() -> std::process::ExitCode {
    let line = CommandLine::parse();
    let output = Output {
        json: line.global.json,
    };
    let session = connect::session(&line.global);
    match session.and_then(|session| commands::run(&session, line.verb, output)) {
        Ok(()) => failure::ExitCode::Done.into(),
        Err(failure) => failure.code().into(),
    }
}
