//! The README shows code that exists: every block of Rust in it is a file of `examples/thermostat`, word for word, and
//! that package is built with the workspace.

use std::fs;
use std::path::Path;

#[test]
fn the_code_in_the_readme_is_the_code_that_is_built() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let package = root.join("examples/thermostat");
    let read = |file: &str| {
        fs::read_to_string(package.join(file))
            .unwrap()
            .trim_end()
            .to_string()
    };

    let shown: Vec<&str> = blocks(&readme, "```rust\n");
    let files = [
        "lib.rs",
        "bin/serve.rs",
        "bin/cool.rs",
        "bin/serve_any.rs",
        "bin/serve_lab.rs",
        "bin/sweep.rs",
    ];
    let built = files.map(|file| read(&format!("src/{file}")));
    assert_eq!(shown, built);

    let manifest = read("Cargo.toml").replace("../../", "../instrument-ipc/");
    assert_eq!(blocks(&readme, "```toml\n"), [manifest]);
}

#[test]
fn the_files_that_the_readme_names_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let links = readme
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    let missing: Vec<&str> = links.filter(|link| !root.join(link).exists()).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

fn blocks<'a>(text: &'a str, opening: &str) -> Vec<&'a str> {
    let after = text.split(opening).skip(1);
    after
        .filter_map(|rest| rest.split("\n```").next())
        .collect()
}
