//! Makes a secret that cannot be guessed, in a file that only its owner can read.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use examples::programs::{self, Failure};
use ipc_server::Secret;

/// Makes a new secret for a server and its clients.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// The file to create; an existing file is left alone.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

fn main() -> ExitCode {
    programs::exit(make(&Options::parse()))
}

fn make(Options { file }: &Options) -> Result<(), Failure> {
    let mut entropy = [0; 17];
    getrandom::fill(&mut entropy)?;
    let secret = Secret::generate(entropy);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(file)
        .and_then(|mut file| writeln!(file, "{}", secret.reveal()));
    written.map_err(|error| format!("cannot create {}: {error}", file.display()))?;
    println!("A new secret is in {}.", file.display());
    println!("Copy the file to every computer that may use the instruments, and to no other.");
    Ok(())
}
