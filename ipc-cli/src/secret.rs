//! The secret of the server: from a file, the environment or the terminal, never from the command line.

use std::env;
use std::io::{self, IsTerminal};
use std::path::Path;

use ipc_client::{SECRET_VARIABLE, Secret};

use crate::arguments::Global;
use crate::failure::Failure;
use crate::output::remark;

/// The secret, if there is one. `of_host` is the file that hosts.toml names.
pub(crate) fn secret(global: &Global, of_host: Option<&Path>) -> Result<Option<Secret>, Failure> {
    let secret = match (&global.secret_file, global.ask_secret) {
        (Some(_), true) => {
            let text = "--secret-file and --ask-secret both give a secret; give one of them";
            return Err(Failure::usage(text));
        }
        (Some(file), false) => of_file(file)?,
        (None, true) => asked()?,
        (None, false) if env::var_os(SECRET_VARIABLE).is_some() => {
            Secret::from_env().map_err(|error| Failure::usage(error.to_string()))?
        }
        (None, false) => match of_host {
            Some(file) => of_file(file)?,
            None => return Ok(None),
        },
    };
    Ok(Some(secret))
}

fn of_file(file: &Path) -> Result<Secret, Failure> {
    let secret = Secret::from_file(file).map_err(|error| Failure::usage(error.to_string()))?;
    if let Some(warning) = secret.warning() {
        remark(format!("warning: {warning}"));
    }
    Ok(secret)
}

fn asked() -> Result<Secret, Failure> {
    if !io::stdin().is_terminal() {
        let text = format!(
            "--ask-secret asks at a terminal, and standard input is none; use --secret-file, or set {SECRET_VARIABLE}"
        );
        return Err(Failure::usage(text));
    }
    let text = rpassword::prompt_password("Secret: ");
    let text = text.map_err(|error| Failure::usage(format!("cannot read the secret: {error}")))?;
    Secret::new(text).map_err(|error| Failure::usage(format!("this cannot be the secret: {error}")))
}
