//! The guide to the code, `ARCHITECTURE.md`, names only files that exist.

use std::fs;

use super::{NONE, root, sources};

/// The paths of files that a document names in code, such as `session/{link,client}.rs`.
fn paths_named(text: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for code in text.split('`').skip(1).step_by(2) {
        let is_path = |code: &str| !code.contains(char::is_whitespace) && code.ends_with(".rs");
        let Some((before, rest)) = code.split_once('{') else {
            paths.extend(is_path(code).then(|| code.to_string()));
            continue;
        };
        let Some((names, after)) = rest.split_once('}') else {
            continue;
        };
        let each = names
            .split(',')
            .map(|name| format!("{before}{name}{after}"));
        paths.extend(each.filter(|path| is_path(path)));
    }
    paths
}

#[test]
fn every_file_that_the_guide_names_exists() {
    let root = root();
    let crates = [
        "ipc-core",
        "ipc-derive",
        "ipc-net",
        "ipc-hub",
        "ipc-server",
        "ipc-client",
        "ipc-cli",
        "tests",
    ];
    let files: Vec<String> = crates
        .iter()
        .flat_map(|name| sources(name))
        .map(|path| {
            path.strip_prefix(&root)
                .unwrap_or(&path)
                .to_string_lossy()
                .replace('\\', "/")
        })
        .collect();
    let guide = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let named = paths_named(&guide);
    assert!(named.len() > 80, "found only {}", named.len());
    let exists = |path: &String| {
        let ending = format!("/{path}");
        files
            .iter()
            .any(|file| file == path || file.ends_with(&ending))
    };
    let missing: Vec<_> = named.into_iter().filter(|path| !exists(path)).collect();
    assert_eq!(missing, NONE);
}
