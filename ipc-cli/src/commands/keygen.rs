//! `ipc keygen`: makes a secret.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use ipc_client::Secret;
use serde_json::json;

use crate::arguments::KeygenOptions;
use crate::failure::{ExitCode, Failure};
use crate::output::Output;

/// Makes a secret, and writes it to a file that is readable to its owner only.
pub(crate) fn run(options: &KeygenOptions, output: Output) -> Result<(), Failure> {
    let mut entropy = [0; 17];
    getrandom::fill(&mut entropy).map_err(|error| {
        let text = format!("the operating system provides no random numbers: {error}");
        Failure::new(ExitCode::Driver, text)
    })?;
    let secret = Secret::generate(entropy);
    match &options.file {
        Some(path) => {
            write(path, &secret)?;
            done(path, output)
        }
        None if output.json => output.json_line(&json!({ "secret": secret.reveal() })),
        None => output.line(secret.reveal()),
    }
}

fn write(path: &Path, secret: &Secret) -> Result<(), Failure> {
    let mut file = new_file(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::usage(format!(
            "{} exists already; remove it first if nothing uses that secret any more",
            path.display()
        )),
        _ => Failure::usage(format!("cannot make {}: {error}", path.display())),
    })?;
    let written = writeln!(file, "{}", secret.reveal()).and_then(|()| file.sync_all());
    written.map_err(|error| {
        let text = format!("cannot write {}: {error}", path.display());
        Failure::new(ExitCode::Driver, text)
    })
}

fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn done(path: &Path, output: Output) -> Result<(), Failure> {
    match output.json {
        true => output.json_line(&json!({ "file": path.display().to_string() })),
        false => output.line(format!(
            "{} has a new secret; give the same file to the server and to its clients",
            path.display()
        )),
    }
}
