//! A package that depends on `ipc-core` only, as the author of a driver has it: outside of this workspace, where no server
//! and no client enables the feature `protocol`.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What encrypts, or needs a C compiler.
const FORBIDDEN: [&str; 8] = [
    "cc",
    "chacha20poly1305",
    "curve25519-dalek",
    "hmac",
    "ring",
    "subtle",
    "unicode-normalization",
    "zeroize",
];

const MANIFEST: &str = r#"
[package]
name = "lamp"
version = "0.1.0"
edition = "2024"
publish = false

[features]
# Shows what a driver does without.
connected = ["ipc-core/chacha20poly1305", "ipc-core/ring"]

[dependencies]
ipc-core = { path = 'PATH' }

[workspace]
"#;

const DRIVER: &str = r#"
use ipc_core::remote;

pub struct Lamp {
    level: f64,
}

#[remote]
impl Lamp {
    /// Brightness.
    #[remote(get)]
    pub fn level(&self) -> f64 {
        self.level
    }

    /// Sets the brightness.
    pub fn dim(&mut self, #[remote(range = 0.0..=1.0)] level: f64) -> Result<(), std::io::Error> {
        self.level = level;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ipc_core::{CallError, Local, Mock};

    use super::*;

    #[test]
    fn over_a_local_driver_and_over_a_mock() -> Result<(), Box<dyn std::error::Error>> {
        let local = Local::new(Lamp { level: 0.0 })?;
        LampProxy::new(&local).dim(0.5)?;
        let mock = Mock::new(|call| call.answer(0.5));
        let level: Result<f64, CallError> = LampProxy::new(&mock).level();
        assert_eq!(level, Ok(0.5));
        Ok(())
    }
}
"#;

/// A folder of the system for temporary files, removed when dropped.
struct Package(PathBuf);

impl Package {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("ipc-driver-only-{}", std::process::id()));
        fs::create_dir_all(folder.join("src")).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let core = root.join("ipc-core");
        let manifest = MANIFEST.replace("PATH", core.to_str().unwrap());
        fs::write(folder.join("Cargo.toml"), manifest).unwrap();
        fs::write(folder.join("src/lib.rs"), DRIVER).unwrap();
        // The versions that have been downloaded.
        fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
        Self(folder)
    }

    /// Runs cargo in the package, offline, and returns what it prints.
    fn cargo(&self, arguments: &[&str]) -> String {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(&self.0).args(arguments).arg("--offline");
        cargo.env(
            "CARGO_TARGET_DIR",
            Path::new(env!("CARGO_TARGET_TMPDIR")).join("driver-only"),
        );
        let output = cargo.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The names of the crates that are compiled.
    fn compiled(&self, arguments: &[&str]) -> Vec<String> {
        let tree = ["tree", "-e", "normal,build", "--prefix", "none"];
        let listed = self.cargo(&[&tree, arguments].concat());
        let names = listed.lines().filter_map(|line| line.split(' ').next());
        names.map(ToString::to_string).collect()
    }
}

impl Drop for Package {
    fn drop(&mut self) {
        // What is left is a few files among others of the system.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_driver_compiles_no_cryptography_and_no_c() {
    let package = Package::new();
    package.cargo(&["check", "--tests"]);

    let is_forbidden = |name: &&String| FORBIDDEN.contains(&name.as_str());
    let compiled = package.compiled(&[]);
    assert!(compiled.contains(&"ipc-core".into()), "{compiled:?}");
    let found: Vec<_> = compiled.iter().filter(is_forbidden).collect();
    assert!(found.is_empty(), "{found:?}");

    // Under these names, they would have been found.
    let connected = package.compiled(&["--features", "connected"]);
    let missing = FORBIDDEN
        .iter()
        .filter(|name| !connected.iter().any(|c| c == *name));
    assert_eq!(missing.collect::<Vec<_>>(), Vec::<&&str>::new());
}
