//! What `ARCHITECTURE.md` promises about who may name what.

#![allow(clippy::unwrap_used, reason = "what cannot be read ends the test")]

use std::fs;
use std::path::{Path, PathBuf};

const NONE: [&str; 0] = [];

fn sources(of: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(of)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty());
    found
}

/// The files of a folder with a line of code, not of comment, in which one of `words` stands.
fn files_that_name(of: &str, words: &[&str]) -> Vec<String> {
    let names = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let mut code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        code.any(|line| words.iter().any(|word| line.contains(word)))
    };
    let shown = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    sources(of)
        .iter()
        .filter(|path| names(path))
        .map(shown)
        .collect()
}

#[test]
fn one_file_names_the_codec() {
    assert_eq!(
        files_that_name("ipc-core/src", &["bincode::"]),
        ["codec.rs"]
    );
    for other in ["ipc-server", "ipc-client", "ipc-derive"] {
        let source = format!("{other}/src");
        assert_eq!(files_that_name(&source, &["bincode"]), NONE);
    }
}

#[test]
fn one_file_names_the_ciphers() {
    assert_eq!(
        files_that_name(
            "ipc-core/src",
            &[" ring::", "(ring::", "chacha20poly1305::"]
        ),
        ["aead.rs"]
    );
}

#[test]
fn the_core_knows_no_sockets_and_no_runtime() {
    let words = [
        "tokio",
        "std::net::Tcp",
        "ToSocketAddrs",
        "socket2",
        "thread::spawn",
        "thread::sleep",
    ];
    assert_eq!(files_that_name("ipc-core/src", &words), NONE);
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ipc-core/Cargo.toml");
    let manifest = fs::read_to_string(manifest).unwrap();
    let normal = manifest.split("[dev-dependencies]").next().unwrap();
    assert!(!normal.contains("tokio") && !normal.contains("socket2"));
}

#[test]
fn no_floor_of_the_core_uses_one_above_it() {
    let (error, interface) = ("crate::error", "crate::interface");
    let (secure, session) = ("crate::secure", "crate::session");
    let rules: [(&str, &[&str]); 4] = [
        ("wire", &[error, interface, secure, session]),
        ("secure", &[error, interface, session]),
        ("interface", &[secure, session]),
        ("session", &[interface]),
    ];
    for (room, above) in rules {
        let source = format!("ipc-core/src/{room}");
        assert_eq!(files_that_name(&source, above), NONE, "{room}");
    }
}
