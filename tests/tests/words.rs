//! Comments and documents do not use phrases that earlier readers stumbled over.
//!
//! The lists hold only what is always wrong, so the test does not replace proofreading.

#![allow(clippy::unwrap_used, reason = "what cannot be read ends the test")]

use std::fs;
use std::path::{Path, PathBuf};

/// Words that must not begin a comment. Constants are introduced by "Maximum number of", "How long" and the like.
const OPENINGS: [&str; 8] = [
    "So many ",
    "So much ",
    "So long ",
    "So often ",
    "For so long",
    "From so many ",
    "At least so many ",
    "Within so ",
];

/// Verbs after which a "who" at the beginning of a sentence is its subject. A client, a caller or a reader is meant.
const VERBS: [&str; 9] = [
    "asks", "gives", "guessed", "guesses", "reads", "retries", "uses", "waits", "wants",
];

/// Phrases that are wrong everywhere, with a better one.
const PHRASES: [(&str, &str); 9] = [
    ("in so many words", "explicitly"),
    ("is no UTF-8", "is not UTF-8"),
    ("is no connection of", "is unusable"),
    ("is of no use", "is unusable"),
    ("knock", "connect"),
    ("mend ", "fix"),
    ("mended", "fixed"),
    ("Nothing is not", "a sentence without a double negation"),
    ("worth a word", "answered"),
];

const PLACES: [&str; 10] = [
    "benches",
    "examples",
    "fuzz",
    "ipc-client",
    "ipc-core",
    "ipc-derive",
    "ipc-hub",
    "ipc-net",
    "ipc-server",
    "tests",
];

#[test]
fn comments_and_documents_use_plain_words() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files: Vec<PathBuf> = entries(&root).filter(|path| !path.is_dir()).collect();
    let mut folders: Vec<PathBuf> = PLACES.iter().map(|place| root.join(place)).collect();
    while let Some(folder) = folders.pop() {
        let (deeper, found): (Vec<_>, Vec<_>) = entries(&folder).partition(|path| path.is_dir());
        folders.extend(deeper.into_iter().filter(|path| !path.ends_with("target")));
        files.extend(found);
    }
    files.sort();
    let mut complaints = Vec::new();
    for file in &files {
        let lines = match file.extension().and_then(|extension| extension.to_str()) {
            Some("md") => prose_of_markdown,
            Some("rs") => comments_of_rust,
            _ => continue,
        };
        let text = fs::read_to_string(file).unwrap();
        let name = file.strip_prefix(&root).unwrap().display();
        for (number, begins, line) in lines(&text) {
            if let Some(complaint) = complaint(line, begins) {
                complaints.push(format!("{name}:{number}: {complaint}"));
            }
        }
    }
    assert!(files.len() > 200, "only {} files", files.len());
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn the_patterns_are_found_where_they_are_meant() {
    for bad in [
        "So many calls may wait.",
        "The queue. Who waits is told for whom.",
        "A word that is of no use.",
    ] {
        assert!(complaint(bad, true).is_some(), "{bad}");
    }
    for good in [
        "Maximum number of calls that may wait.",
        "Who waits for what?",
        "Clients that wait are told who holds the server. Who is next depends on the queue.",
        "It recommends a fix.",
    ] {
        assert_eq!(complaint(good, true), None, "{good}");
    }
    assert_eq!(complaint("So many calls may wait.", false), None);

    let code = "//! So\nlet a = \"So many \"; // So much\n/// So\n/// So long\n";
    let found: Vec<_> = comments_of_rust(code).collect();
    assert_eq!(
        found,
        [
            (1, true, "So"),
            (2, true, "So much"),
            (3, true, "So"),
            (4, false, "So long")
        ]
    );
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
}

/// What is wrong with a line of prose. `begins` is true for the first line of a comment.
fn complaint(line: &str, begins: bool) -> Option<String> {
    let opening = OPENINGS
        .iter()
        .find(|words| begins && line.starts_with(**words));
    if let Some(words) = opening {
        return Some(format!("begins with `{}`", words.trim_end()));
    }
    if let Some((phrase, better)) = PHRASES.iter().find(|(phrase, _)| has_phrase(line, phrase)) {
        return Some(format!("`{}`; better: {better}", phrase.trim_end()));
    }
    let mut sentences = line.split(". ").filter(|sentence| !sentence.ends_with('?'));
    let verb = sentences.find_map(|sentence| {
        let verb = sentence.strip_prefix("Who ")?.split(' ').next()?;
        VERBS.contains(&verb).then_some(verb)
    });
    verb.map(|verb| format!("`Who {verb}`; better: A client (or caller ..) that {verb}"))
}

/// True if `phrase` begins at a word of `line`.
fn has_phrase(line: &str, phrase: &str) -> bool {
    let mut found = line.match_indices(phrase);
    found.any(|(at, _)| !line[..at].ends_with(char::is_alphanumeric))
}

/// The comments of Rust code: the number of the line, whether the comment begins there, and its text.
fn comments_of_rust(text: &str) -> Box<dyn Iterator<Item = (usize, bool, &str)> + '_> {
    let mut in_comment = false;
    Box::new(text.lines().enumerate().filter_map(move |(index, line)| {
        let is_whole_line = line.trim_start().starts_with("//");
        let follows = std::mem::replace(&mut in_comment, is_whole_line) && is_whole_line;
        let (_, comment) = match is_whole_line {
            true => line.split_once("//")?,
            false => line.split_once("; // ")?,
        };
        let comment = comment.trim_start_matches(['/', '!']).trim();
        Some((index + 1, !follows, comment))
    }))
}

/// The lines of a document outside of code: as [`comments_of_rust`], where no line begins a comment.
fn prose_of_markdown(text: &str) -> Box<dyn Iterator<Item = (usize, bool, &str)> + '_> {
    let mut in_code = false;
    Box::new(text.lines().enumerate().filter_map(move |(index, line)| {
        in_code ^= line.trim_start().starts_with("```");
        (!in_code).then(|| (index + 1, false, line.trim()))
    }))
}
