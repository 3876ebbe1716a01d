//! Sources of secrets: the program itself, the environment, a file. Never the command line, which every user of the
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

/// Why a secret cannot be read from its source. Never reveals any part of the secret.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum SecretSourceError {
    /// The content of the source cannot be a secret.
    #[error("{origin}: {error}")]
    Unusable {
        /// The source.
        origin: String,
        /// What is wrong with the content.
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
        /// The error of the operating system.
        cause: std::io::Error,
    },
}

crate::readable_debug!(SecretSourceError);

impl Secret {
    /// Reads the secret from the environment variable `IPC_SECRET`, without removing anything.
    ///
    /// The variable stays in the environment of this process: programs that it starts inherit the secret, and its user
    /// and root can read it for as long as the process runs. A file is not passed on like that.
    ///
    /// # Errors
    ///
    /// The variable is not set, empty, too long, or not text.
    pub fn from_env() -> Result<Self, SecretSourceError> {
        let text = env::var_os(SECRET_VARIABLE).ok_or(SecretSourceError::NotSet)?;
        let secret = Secret::from_bytes(text.into_encoded_bytes());
        secret.map_err(|error| SecretSourceError::Unusable {
            origin: format!("the environment variable {SECRET_VARIABLE}"),
            error,
        })
    }

    /// Reads the secret from a file. A byte order mark at its very beginning and one line end at its very end are not
    /// part of the secret. A file that other users of this computer can read is accepted with a warning in the log.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is empty, too long, or not text.
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

/// Reads the whole file, or enough of it to see that it is too long: some files, such as `/dev/zero`, have no end.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    // The longest permitted content, and one byte more.
    const ROOM: usize = Secret::MAX_LEN + MARKS + 1;
    // Reserved up front: growing would leave copies behind. One byte more, so that the end is found without growing.
    let mut content = Zeroizing::new(Vec::with_capacity(ROOM + 1));
    File::open(path)?
        .take(ROOM as u64)
        .read_to_end(&mut content)?;
    Ok(std::mem::take(&mut content))
}

/// Returns a warning if users other than the owner of the file can read it.
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

/// Permissions are not checked on other systems.
#[cfg(not(unix))]
fn exposure(_path: &Path) -> Option<String> {
    None
}

/// A secret as an argument of a builder: text, or a [`Secret`].
pub trait IntoSecret {
    /// Converts to a secret, if the text can be one.
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
