//! `ipc completions` and `ipc version`.

use std::io::{self, Write};

use clap::CommandFactory;
use serde_json::json;

use crate::arguments::{CommandLine, CompletionsOptions};
use crate::failure::Failure;
use crate::output::{Output, written};

/// Writes the completion script for a shell.
pub(crate) fn completions(options: &CompletionsOptions) -> Result<(), Failure> {
    // `clap_complete` panics if it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(
        options.shell,
        &mut CommandLine::command(),
        "ipc",
        &mut script,
    );
    written(io::stdout().write_all(&script))
}

/// Writes the version of this program.
pub(crate) fn version(output: Output) -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    match output.json {
        true => output.json_line(&json!({ "version": version })),
        false => output.line(format!("ipc {version}")),
    }
}
