//! Where secrets come from: the program itself, the environment, a file. Never the command line, which everybody on the
//! computer can read.

use std::env::{self, VarError};
use std::path::{Path, PathBuf};

use super::{Secret, SecretError};

/// The environment variable that [`Secret::from_env`] reads.
pub const SECRET_VARIABLE: &str = "IPC_SECRET";

/// Why a secret cannot be had from where it should be. Never shows any of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretSourceError {
    /// What is there cannot be a secret.
    #[error("{origin}: {error}")]
    Unusable {
        /// Where it was looked for.
        origin: String,
        /// What is wrong with it.
        error: SecretError,
    },
    /// The environment variable is not set.
    #[error("the environment variable {SECRET_VARIABLE} is not set")]
    NotSet,
    /// The file cannot be read.
    #[error("cannot read the secret from {}: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
}

impl Secret {
    /// Takes the secret from the environment variable `IPC_SECRET`, as it is.
    ///
    /// # Errors
    ///
    /// If the variable is not set, empty, or not text.
    pub fn from_env() -> Result<Self, SecretSourceError> {
        let unusable = |error| SecretSourceError::Unusable {
            origin: format!("the environment variable {SECRET_VARIABLE}"),
            error,
        };
        match env::var(SECRET_VARIABLE) {
            Ok(text) => Secret::new(text).map_err(unusable),
            Err(VarError::NotPresent) => Err(SecretSourceError::NotSet),
            Err(VarError::NotUnicode(_)) => Err(unusable(SecretError::NotText { valid: 0 })),
        }
    }

    /// Takes the secret from a file; one line end at its very end is not part of it. A file that other users of this
    /// computer can read is taken, too, with a warning in the log.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is empty, or is not text.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, SecretSourceError> {
        let path = path.as_ref();
        let content = std::fs::read(path).map_err(|cause| SecretSourceError::Unreadable {
            path: path.into(),
            cause,
        })?;
        #[cfg(unix)]
        warn_if_open(path);
        Secret::from_file_content(content).map_err(|error| SecretSourceError::Unusable {
            origin: format!("the secret in {}", path.display()),
            error,
        })
    }
}

/// Says so if others than the owner of the file can read it.
#[cfg(unix)]
fn warn_if_open(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let Ok(metadata) = path.metadata() else {
        return;
    };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let path = path.display();
        tracing::warn!(
            "other users of this computer can read the secret in {path} (mode {mode:03o}); `chmod 600 {path}` keeps them out"
        );
    }
}

/// What a builder takes as a secret: a text, or a [`Secret`] from elsewhere.
pub trait IntoSecret {
    /// The secret, if it can be one.
    fn into_secret(self) -> Result<Secret, SecretError>;
}

impl IntoSecret for &str {
    fn into_secret(self) -> Result<Secret, SecretError> {
        Secret::new(self)
    }
}

impl IntoSecret for String {
    fn into_secret(self) -> Result<Secret, SecretError> {
        Secret::new(self)
    }
}

impl IntoSecret for Secret {
    fn into_secret(self) -> Result<Secret, SecretError> {
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_named_and_its_content_never_shown() {
        let error = Secret::from_file("/nowhere/secret")
            .unwrap_err()
            .to_string();
        assert!(error.contains("/nowhere/secret"), "{error}");
    }
}
