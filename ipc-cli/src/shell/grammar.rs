//! What a line of the shell asks for.
//!
//! A line is a command as behind `ipc`. There are shorter forms for what is typed most: `pump.read_voltage 20`,
//! `pump.range`, `pump.range = 3`, and `?` for help.

use clap::CommandFactory;

use super::split::{Word, split};
use crate::arguments::{self, Line, Verb};
use crate::failure::Failure;

/// What a line asks for.
#[derive(Debug)]
pub(super) enum Request {
    /// Nothing: it is empty, or a comment.
    Nothing,
    /// A command.
    Run {
        verb: Box<Verb>,
        json: bool,
        /// The name that stands first, if the line has no command: a misspelt command is also one.
        name: Option<String>,
    },
    /// All about a device or a method: `pump ?`.
    Describe(String),
    /// What a device has: `pump.?`.
    List(String),
    /// A text of help.
    Help(String),
    Exit,
}

/// Reads a line.
pub(super) fn request(line: &str) -> Result<Request, Failure> {
    if line.trim_start().starts_with('#') {
        return Ok(Request::Nothing);
    }
    let split = split(line);
    if let Some(lack) = split.lacks {
        return Err(Failure::usage(lack.text()));
    }
    let words = split.words;
    let [first, rest @ ..] = words.as_slice() else {
        return Ok(Request::Nothing);
    };
    match (first.text.as_str(), rest) {
        ("exit" | "quit", []) => Ok(Request::Exit),
        ("exit" | "quit", [..]) => Err(Failure::usage("`exit` takes no arguments")),
        ("help", [verb]) => help_of(&verb.text),
        ("help", []) => Ok(Request::Help(OVERVIEW.into())),
        _ => match asked_by_sign(&words) {
            Some(about) => about,
            None => command(&words),
        },
    }
}

/// Help that is asked for by `?`.
fn asked_by_sign(words: &[Word]) -> Option<Result<Request, Failure>> {
    if let [only] = words
        && !only.is_quoted
        && let Some(name) = only.text.strip_suffix('?')
    {
        return Some(match name.strip_suffix('.') {
            _ if name.is_empty() => Ok(Request::Help(OVERVIEW.into())),
            Some(device) => Ok(Request::List(device.into())),
            None if is_verb(name) => help_of(name),
            None => Ok(Request::Describe(name.into())),
        });
    }
    let [words @ .., sign] = words else {
        return None;
    };
    let is_option = || ["--help", "-h"].iter().any(|option| sign.is_sign(option));
    let is_help = match words {
        [verb] if is_verb(&verb.text) => sign.is_sign("?") || is_option(),
        _ => sign.is_sign("?"),
    };
    if !is_help {
        return None;
    }
    Some(match words {
        [verb] if is_verb(&verb.text) => help_of(&verb.text),
        [verb, name, ..] if is_verb(&verb.text) => Ok(Request::Describe(name.text.clone())),
        [name, ..] => Ok(Request::Describe(name.text.clone())),
        [] => Ok(Request::Help(OVERVIEW.into())),
    })
}

fn command(words: &[Word]) -> Result<Request, Failure> {
    let (flags, words) = leading_flags(words);
    let mut name = None;
    let short = match words {
        [first, ..] if is_verb(&first.text) => texts(words),
        [first, ..] if first.text.starts_with('-') => with_verb("call", texts(words)),
        [first, ..] if let Some((property, value)) = assignment(first) => {
            let value = value
                .into_iter()
                .chain(texts(words.get(1..).unwrap_or_default()));
            set(property, value.collect())?
        }
        [property, sign, value @ ..] if sign.is_sign("=") => {
            set(property.text.clone(), texts(value))?
        }
        [first, ..] => {
            name = Some(first.text.clone());
            with_verb("call", texts(words))
        }
        [] => texts(words),
    };
    let words: Vec<_> = texts(flags).into_iter().chain(short).collect();
    match arguments::line(&words) {
        Ok(Line { json, verb }) => Ok(Request::Run {
            verb: Box::new(verb),
            json,
            name,
        }),
        Err(error) => Err(Failure::usage(reason(&error))),
    }
}

/// The flags before the command.
fn leading_flags(words: &[Word]) -> (&[Word], &[Word]) {
    let flags = words.iter().take_while(|word| word.is_sign("--json"));
    words
        .split_at_checked(flags.count())
        .unwrap_or((words, &[]))
}

/// `pump.range=3` as a name and, if there is one, a value.
fn assignment(word: &Word) -> Option<(String, Option<String>)> {
    let (name, value) = word.text.split_once('=')?;
    let is_name = name.contains('.')
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || "._".contains(c));
    let value = Some(value).filter(|value| !value.is_empty());
    is_name.then(|| (name.into(), value.map(Into::into)))
}

fn set(property: String, value: Vec<String>) -> Result<Vec<String>, Failure> {
    match value.as_slice() {
        // A value may look like an option: -1.5.
        [value] => Ok(vec!["set".into(), property, value.clone()]),
        [] => Err(Failure::usage(format!(
            "a value is missing behind `=`; `{property}` alone reads it"
        ))),
        [..] => Err(Failure::usage(format!(
            "`{property} =` takes one value, but {} were given; quote a value with blanks: '..'",
            value.len()
        ))),
    }
}

fn with_verb(verb: &str, words: Vec<String>) -> Vec<String> {
    std::iter::once(verb.into()).chain(words).collect()
}

fn texts(words: &[Word]) -> Vec<String> {
    words.iter().map(|word| word.text.clone()).collect()
}

/// Returns true for the name of a command.
pub(super) fn is_verb(word: &str) -> bool {
    Line::command().find_subcommand(word).is_some()
}

/// The names of the commands, with those that only the shell has.
pub(super) fn verbs() -> Vec<String> {
    let line = Line::command();
    let verbs = line
        .get_subcommands()
        .map(|verb| verb.get_name().to_string());
    let own = ["help", "exit"].map(String::from);
    verbs.filter(|verb| verb != "shell").chain(own).collect()
}

fn help_of(verb: &str) -> Result<Request, Failure> {
    let mut line = Line::command();
    // The usage of a command has the name of the whole.
    line.build();
    match line.find_subcommand_mut(verb) {
        Some(verb) => Ok(Request::Help(verb.render_long_help().to_string())),
        None => Ok(Request::Describe(verb.into())),
    }
}

/// What is wrong, in the words of the parser, which are made for a command line.
fn reason(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let kept = text
        .lines()
        .filter(|line| !line.starts_with("For more information"));
    kept.collect::<Vec<_>>().join("\n").trim_end().into()
}

/// The help of the shell.
pub(super) const OVERVIEW: &str = "\
pump.read_voltage 20          calls a method; also samples=20, 4.2nm, '{\"x\": 1}', @file.npy
pump.range                    reads a property
pump.range = 3                sets it
pump ?  pump.read_voltage ?   explains a device, a method or a property
pump.?                        lists what a device has
list  describe                what the server offers
who                           clients, queue, leases, and what runs
lease pump --why alignment    keeps a device until `release pump`, or until the shell ends
monitor pump.voltage          watches values until Ctrl-C
help COMMAND                  the options of a command; all those of `ipc` work here
exit                          or Ctrl-D

Tab completes, the arrows and Ctrl-R find earlier lines. Ctrl-C cancels a call.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{CallOptions, SetOptions};

    fn called(line: &str) -> (String, Vec<String>) {
        match request(line).unwrap() {
            Request::Run { verb, .. } => match *verb {
                Verb::Call(CallOptions { name, words, .. }) => (name, words),
                Verb::Set(SetOptions { name, value, .. }) => (format!("set {name}"), vec![value]),
                verb => panic!("{line}: {verb:?}"),
            },
            other => panic!("{line}: {other:?}"),
        }
    }

    fn refused(line: &str) -> String {
        match request(line) {
            Err(Failure::Failed { text, .. }) => text,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn names_are_called_read_and_set() {
        for (line, name, words) in [
            ("pump.read_voltage 20", "pump.read_voltage", &["20"][..]),
            (
                "pump.read_voltage samples=20",
                "pump.read_voltage",
                &["samples=20"],
            ),
            ("call pump.read_voltage -1", "pump.read_voltage", &["-1"]),
            ("pump.range", "pump.range", &[]),
            ("pump_range", "pump_range", &[]),
            ("--timeout 3s pump.range", "pump.range", &[]),
            ("scpi.query '*IDN?'", "scpi.query", &["*IDN?"]),
            ("scpi.query '?'", "scpi.query", &["?"]),
            ("pump.range = 3", "set pump.range", &["3"]),
            ("pump.range = -3mV", "set pump.range", &["-3mV"]),
            ("pump.range=3", "set pump.range", &["3"]),
            ("pump.range= 3", "set pump.range", &["3"]),
            ("set pump.range 3", "set pump.range", &["3"]),
            ("pump.label = 'a b'", "set pump.label", &["a b"]),
            ("pump.label '='", "pump.label", &["="]),
        ] {
            let (called, given) = called(line);
            assert_eq!(
                (called.as_str(), given.as_slice()),
                (
                    name,
                    words
                        .iter()
                        .map(|it| it.to_string())
                        .collect::<Vec<_>>()
                        .as_slice()
                ),
                "{line}"
            );
        }
    }

    #[test]
    fn json_may_stand_first_or_behind_the_command() {
        for line in [
            "--json list",
            "list --json",
            "--json pump.range",
            "call --json x",
            "pump.range --json",
        ] {
            let request = request(line).unwrap();
            assert!(matches!(request, Request::Run { json: true, .. }), "{line}");
        }
        // Behind the first argument, everything is an argument.
        assert_eq!(called("pump.read 1 --json").1, ["1", "--json"]);
    }

    #[test]
    fn a_question_mark_asks_for_help() {
        for line in ["?", "help"] {
            assert!(matches!(request(line).unwrap(), Request::Help(text) if text == OVERVIEW));
        }
        for line in ["help call", "call ?", "call?", "call --help"] {
            let Ok(Request::Help(text)) = request(line) else {
                panic!("{line}");
            };
            assert!(text.contains("call [OPTIONS] <NAME>"), "{text}");
        }
        for (line, name) in [
            ("pump ?", "pump"),
            ("pump?", "pump"),
            ("pump.range ?", "pump.range"),
            ("pump.range?", "pump.range"),
            ("pump.read_voltage 20 ?", "pump.read_voltage"),
            ("call pump.read_voltage ?", "pump.read_voltage"),
            ("help pump", "pump"),
        ] {
            assert!(
                matches!(request(line).unwrap(), Request::Describe(it) if it == name),
                "{line}"
            );
        }
        assert!(matches!(request("pump.?").unwrap(), Request::List(it) if it == "pump"));
    }

    #[test]
    fn empty_lines_and_comments_ask_for_nothing() {
        for line in ["", "   ", "# pump.range = 3", "  #"] {
            assert!(
                matches!(request(line).unwrap(), Request::Nothing),
                "{line:?}"
            );
        }
        for line in ["exit", "quit", " exit "] {
            assert!(matches!(request(line).unwrap(), Request::Exit), "{line:?}");
        }
    }

    #[test]
    fn mistakes_are_told() {
        for (line, text) in [
            (
                "pump.range = ",
                "a value is missing behind `=`; `pump.range` alone reads it",
            ),
            ("pump.range = 1 2", "takes one value, but 2 were given"),
            ("pump.name = 'a", "the quote ' is not closed"),
            ("lease pump", "--why"),
            ("call", "<NAME>"),
            ("list --jsn", "--json"),
            ("exit now", "takes no arguments"),
            ("--json", "COMMAND"),
        ] {
            let refused = refused(line);
            assert!(refused.contains(text), "{line}: {refused}");
            assert!(
                !refused.starts_with("error:") && !refused.contains("For more"),
                "{refused}"
            );
        }
    }

    #[test]
    fn a_name_is_not_a_command() {
        assert!(
            matches!(request("lsit").unwrap(), Request::Run { name: Some(name), .. } if name == "lsit")
        );
        assert!(matches!(
            request("list").unwrap(),
            Request::Run { name: None, .. }
        ));
    }
}
