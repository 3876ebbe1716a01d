//! Where secrets come from: the program itself, the environment, a file. Never the command line, which everybody on the
//! computer can read.

use std::env;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::secret::MARKS;
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
    /// The variable stays in the environment of this process: programs that it starts inherit it, and whoever may look at
    /// the process (its user and root) can read it there for as long as it runs. A file is not handed on like that.
    ///
    /// # Errors
    ///
    /// If the variable is not set, empty, too long, or not text.
    pub fn from_env() -> Result<Self, SecretSourceError> {
        let text = env::var_os(SECRET_VARIABLE).ok_or(SecretSourceError::NotSet)?;
        let secret = Secret::from_bytes(text.into_encoded_bytes());
        secret.map_err(|error| SecretSourceError::Unusable {
            origin: format!("the environment variable {SECRET_VARIABLE}"),
            error,
        })
    }

    /// Takes the secret from a file; a byte order mark at its very beginning and one line end at its very end are not
    /// part of it. A file that other users of this computer can read is taken, too, with a warning in the log.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is empty, too long, or not text.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, SecretSourceError> {
        let path = path.as_ref();
        let content = read_bounded(path).map_err(|cause| SecretSourceError::Unreadable {
            path: path.into(),
            cause,
        })?;
        let warning = exposure(path);
        if let Some(warning) = &warning {
            tracing::warn!("{warning}");
        }
        let secret = Secret::from_file_content(content);
        let secret = secret.map_err(|error| SecretSourceError::Unusable {
            origin: format!("the secret in {}", path.display()),
            error,
        })?;
        Ok(secret.with_warning(warning))
    }
}

/// The whole file, or as much of it as shows that it is too long: some have no end.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    // All that may be in it, and one byte too many.
    const ROOM: usize = Secret::MAX_LEN + MARKS + 1;
    // Reserved at once: growing would leave copies behind. One more, so that the end is found without growing.
    let mut content = Zeroizing::new(Vec::with_capacity(ROOM + 1));
    File::open(path)?
        .take(ROOM as u64)
        .read_to_end(&mut content)?;
    Ok(std::mem::take(&mut content))
}

/// A warning if users other than the owner of the file can read it.
#[cfg(unix)]
fn exposure(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    let mode = path.metadata().ok()?.permissions().mode() & 0o777;
    let path = path.display();
    (mode & 0o077 != 0).then(|| {
        format!(
            "other users of this computer can read the secret in {path} (mode {mode:03o}); `chmod 600 {path}` keeps them out"
        )
    })
}

/// Other systems tell it in ways of their own.
#[cfg(not(unix))]
fn exposure(_path: &Path) -> Option<String> {
    None
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

    #[cfg(unix)]
    #[test]
    fn a_file_without_end_is_refused() {
        let error = Secret::from_file("/dev/zero").unwrap_err().to_string();
        assert!(error.contains("/dev/zero"), "{error}");
        assert!(error.contains("longer than 65536 bytes"), "{error}");
    }

    #[test]
    fn a_missing_file_is_named_and_its_content_never_shown() {
        let error = Secret::from_file("/nowhere/secret")
            .unwrap_err()
            .to_string();
        assert!(error.contains("/nowhere/secret"), "{error}");
    }
}
