//! What `ARCHITECTURE.md` promises about who may name what.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what cannot be read ends the test"
)]

#[path = "architecture/guide.rs"]
mod guide;

use std::fs;
use std::path::{Path, PathBuf};

const NONE: [&str; 0] = [];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(of: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(of)];
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

/// The lines of `text` that are not comments.
fn code_in(text: &str) -> String {
    let lines = text.lines();
    let code = lines.filter(|line| !line.trim_start().starts_with("//"));
    code.collect::<Vec<_>>().join("\n")
}

/// The code of a file, without comments and inline tests.
fn shipped_code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    code_in(text.split("#[cfg(test)]\nmod tests {").next().unwrap())
}

/// The files of a folder with a line of code, not of comment, in which one of `words` stands.
fn files_that_name(of: &str, words: &[&str]) -> Vec<String> {
    let names = |path: &PathBuf| {
        let code = code_in(&fs::read_to_string(path).unwrap());
        words.iter().any(|word| code.contains(word))
    };
    let shown = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    sources(of)
        .iter()
        .filter(|path| names(path))
        .map(shown)
        .collect()
}

/// `bincode` is not maintained: it may only say in tests what the format is.
#[test]
fn no_shipped_code_uses_bincode() {
    assert_eq!(
        files_that_name("ipc-core/src", &["bincode::"]),
        ["blocks.rs"]
    );
    for other in ["ipc-hub", "ipc-server", "ipc-client", "ipc-derive"] {
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
    let threads = files_that_name("ipc-core/src", &["thread::Builder"]);
    assert_eq!(threads, ["own_thread.rs"]);
    let manifest = fs::read_to_string(root().join("ipc-core/Cargo.toml")).unwrap();
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

/// The modules of the client from the lowest floor to the highest. A module uses only modules of floors below its own, so
/// that there are no circles between them.
const CLIENT_FLOORS: [&[&str]; 7] = [
    &[
        "cancel",
        "client_methods",
        "clock",
        "commands",
        "connection_state",
        "error",
    ],
    &[
        "callback",
        "dial",
        "identity",
        "own_connections",
        "retry",
        "unanswered_proofs",
    ],
    &["outage", "reporting", "settings", "watch"],
    &["call"],
    &["engine", "local"],
    &["asynchronous", "blocking"],
    &["batch", "builder", "lease"],
];

/// The same for the files of its larger modules, which name each other by `super::`.
const CLIENT_ROOMS: [(&str, &[&str]); 2] = [
    ("asynchronous", &["wait", "task", "reply", "mod"]),
    (
        "blocking",
        &["limit", "connection", "state", "shared", "mod"],
    ),
];

#[test]
fn no_module_of_the_client_uses_one_of_its_own_floor_or_above() {
    let floor_of = |module: &str| {
        let is_there = |floor: &&[&str]| floor.contains(&module);
        let floor = CLIENT_FLOORS.iter().position(is_there);
        floor.unwrap_or_else(|| panic!("`{module}` is on no floor"))
    };
    let root = root().join("ipc-client/src");
    let mut arrows = 0;
    for path in sources("ipc-client/src") {
        let path = path.strip_prefix(&root).unwrap();
        let names: Vec<_> = path.iter().map(|name| name.to_string_lossy()).collect();
        if path == Path::new("lib.rs") || names.contains(&"tests".into()) {
            continue;
        }
        let module = names[0].trim_end_matches(".rs");
        for used in uses(&root.join(path), "crate::") {
            // What the root re-exports has no module of its own.
            if used == module || used.starts_with(char::is_uppercase) {
                continue;
            }
            arrows += 1;
            assert!(
                floor_of(&used) < floor_of(module),
                "`{module}` uses `{used}`"
            );
        }
    }
    assert!(arrows > 30, "{arrows}");
    for (room, files) in CLIENT_ROOMS {
        for (at, file) in files.iter().enumerate() {
            for used in uses(&root.join(format!("{room}/{file}.rs")), "super::") {
                let above = files[at..].contains(&used.as_str());
                assert!(!above, "`{room}/{file}` uses `{used}`");
            }
        }
    }
}

/// The names that follow `prefix` in the code of a file.
fn uses(path: &Path, prefix: &str) -> Vec<String> {
    let name = |rest: &str| {
        let is_part = |c: &char| c.is_alphanumeric() || *c == '_';
        rest.chars().take_while(is_part).collect()
    };
    shipped_code(path).split(prefix).skip(1).map(name).collect()
}

/// The modules of the hub, from the ground up.
const HUB_FLOORS: [&[&str]; 8] = [
    &[
        "admission",
        "event",
        "log",
        "mutant",
        "sync",
        "time",
        "user_thread",
        "work",
    ],
    &[
        "log::limited",
        "driver_call",
        "front_end",
        "hosted",
        "leases",
        "party",
        "saved_leases",
        "tick",
    ],
    &["calls", "events", "lease_state", "seat_end"],
    &["hub", "stay"],
    &["release", "leasing", "stuck"],
    &["seat"],
    &["leaving", "usage"],
    &["commands"],
];

/// The modules of the server, from the ground up. All files of `session` have a floor of their own.
const SERVER_FLOORS: [&[&str]; 13] = [
    &[
        "connection",
        "signals",
        "sync",
        "error",
        "handshake::limits",
        "handshake::sniff",
        "handshake::socket",
        "session::batch",
        "session::fences",
        "session::gate_wait",
        "session::reader",
        "session::threads",
    ],
    &[
        "acceptor",
        "config",
        "handshake::guesses",
        "session::activity",
        "session::interruption",
        "session::mailbox",
        "session::handover",
        "session::write_queue",
    ],
    &["hint", "session::pump"],
    &["session::shared_session"],
    &["state"],
    &[
        "session::calls",
        "session::claim",
        "queue::place",
        "queue::idle",
        "handshake::pending",
        "handle",
    ],
    &["session::serving", "queue::waiting", "handshake::identify"],
    &["session::departure", "session::host", "queue::resume"],
    &["session::worker"],
    &["session::long_calls"],
    &["session"],
    &["queue"],
    &["handshake"],
];

/// The entry of `floors` that a path such as `session::departure::Departure` belongs to, and its floor. An entry stands for the
/// module and its submodules, unless one of these has an entry of its own.
fn floor_of(floors: &[&[&'static str]], path: &str) -> Option<(usize, &'static str)> {
    let floors = floors.iter().zip(0..);
    let entries =
        floors.flat_map(|(entries, floor)| entries.iter().map(move |entry| (floor, *entry)));
    let holds = |entry: &str| {
        let rest = path.strip_prefix(entry);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    entries
        .filter(|(_, entry)| holds(entry))
        .max_by_key(|(_, entry)| entry.len())
}

/// The paths that the code of a module names: those behind `crate::` and `super::`.
fn paths_in(file: &Path, module: &str) -> Vec<String> {
    let code = shipped_code(file);
    let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
    let code = code.replace("super::", &format!("crate::{parent}::"));
    let mut paths = Vec::new();
    for found in code.split("crate::").skip(1) {
        let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        let end = found.find(|c| !is_path(c)).unwrap_or(found.len());
        let path = found.get(..end).unwrap().trim_end_matches(':');
        match found.get(end..).and_then(|rest| rest.strip_prefix('{')) {
            // `use crate::session::{self, AdmittedClient};`
            Some(list) => {
                let list = list.split('}').next().unwrap();
                let names = list
                    .split(',')
                    .map(str::trim)
                    .filter(|name| !name.is_empty());
                paths.extend(names.map(|name| format!("{path}::{name}")));
            }
            None => paths.push(path.to_string()),
        }
    }
    paths
}

#[test]
fn no_floor_of_hub_or_server_uses_one_above_it() {
    // Nothing may use these, so they are on no floor.
    let arrows = arrows_down("ipc-hub/src", &HUB_FLOORS, &["lib"]);
    assert!(arrows > 10, "found only {arrows}");
    let arrows = arrows_down(
        "ipc-server/src",
        &SERVER_FLOORS,
        &["lib", "builder", "builder::offers", "listener"],
    );
    assert!(arrows > 40, "found only {arrows}");
}

/// Fails if a module uses one of its own floor or above. Returns how many uses there are.
fn arrows_down(source: &str, floors: &[&[&'static str]], tops: &[&str]) -> usize {
    let mut wrong = Vec::new();
    let mut arrows = 0;
    for file in sources(source) {
        let components: Vec<_> = file
            .components()
            .map(|part| part.as_os_str().to_string_lossy().into_owned())
            .collect();
        let src = components.iter().rposition(|part| part == "src").unwrap();
        let module = components.get(src + 1..).unwrap().join("::");
        let module = module.trim_end_matches(".rs").trim_end_matches("::mod");
        if tops.contains(&module) {
            continue;
        }
        let Some((floor, entry)) = floor_of(floors, module) else {
            wrong.push(format!("{module} is on no floor"));
            continue;
        };
        for path in paths_in(&file, module) {
            match floor_of(floors, &path) {
                Some((_, other)) if other == entry => {}
                Some((below, _)) if below < floor => arrows += 1,
                _ => wrong.push(format!("{module} uses {path}")),
            }
        }
    }
    assert_eq!(wrong, NONE);
    arrows
}

#[test]
fn the_hub_knows_no_front_end_and_no_sockets() {
    let words = [
        "ipc_server",
        "ipc_net",
        "ipc_client",
        "TcpStream",
        "TcpListener",
        "socket2",
    ];
    assert_eq!(
        files_that_name("ipc-hub/src", &words),
        ["mod.rs"],
        "the target of the log"
    );
}
