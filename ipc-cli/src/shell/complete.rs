//! What Tab proposes, by the description of the server.

use clap::CommandFactory;
use ipc_client::{Argument, Found, Method, MethodKind, Schema, ServerDescription};
use ipc_core::wire::sanitize::fit_to_show;

use super::grammar::{is_verb, verbs};
use super::split::{Word, quoted, split};
use crate::arguments::Line;

/// Proposals for the word at the end of a line.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Proposals {
    /// Where the word begins.
    pub(super) start: usize,
    /// What may stand there instead, each with what is shown.
    pub(super) words: Vec<Proposal>,
    /// True if the name of a file may stand there.
    pub(super) files: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Proposal {
    /// What is inserted.
    pub(super) text: String,
    /// What the list of proposals has.
    pub(super) shown: String,
}

/// Proposals for the end of `line`, which is the part before the cursor.
pub(super) fn proposals(line: &str, server: &ServerDescription) -> Proposals {
    let split = split(line);
    let mut before = split.words;
    let word = match split.is_open {
        true => before.pop().unwrap_or_default(),
        false => Word {
            start: line.len(),
            ..Word::default()
        },
    };
    before.retain(|word| !word.is_sign("--json"));
    if word.is_quoted || split.lacks.is_some() {
        // What is quoted is a value or the name of a file.
        return Proposals {
            start: word.start,
            files: true,
            ..Proposals::default()
        };
    }
    let before: Vec<_> = before.iter().map(|word| word.text.as_str()).collect();
    let place = Place {
        server,
        word: &word.text,
    };
    let mut words = place.proposals(&before);
    words.retain(|proposal| proposal.text.starts_with(&word.text) && is_harmless(&proposal.text));
    words.dedup();
    Proposals {
        start: word.start,
        files: words.is_empty() && place.is_file(&before),
        words,
    }
}

/// The names come from the server, and land in the line.
fn is_harmless(text: &str) -> bool {
    fit_to_show(text) == text
}

/// The word that is completed.
struct Place<'a> {
    server: &'a ServerDescription,
    word: &'a str,
}

impl Place<'_> {
    fn proposals(&self, before: &[&str]) -> Vec<Proposal> {
        match before {
            [] => {
                let verbs = verbs().into_iter().map(|verb| whole(&verb));
                verbs.chain(self.names(|_| true)).collect()
            }
            [verb, rest @ ..] if is_verb(verb) || *verb == "help" => self.of_verb(verb, rest),
            [name, "="] => self.values_of(name),
            [name, words @ ..] => self.arguments(name, words),
        }
    }

    fn of_verb(&self, verb: &str, before: &[&str]) -> Vec<Proposal> {
        if self.word.starts_with('-') {
            return options(verb);
        }
        let before: Vec<_> = without_options(verb, before);
        match (verb, before.as_slice()) {
            ("call", []) => self.names(|_| true),
            ("call", [name, words @ ..]) => self.arguments(name, words),
            ("get", []) => self.names(|it| it.method.kind == MethodKind::Get),
            ("set", []) => self.names(|it| it.method.kind == MethodKind::Set),
            ("set", [name]) => self.values_of(name),
            ("describe", []) => self.devices().chain(self.names(|_| true)).collect(),
            ("monitor", _) => {
                let watched = self.names(|it| can_be_watched(it.method));
                self.devices().chain(watched).collect()
            }
            ("lease" | "release", _) | ("list" | "kick", []) => self.devices().collect(),
            ("help", []) => verbs().iter().map(|verb| whole(verb)).collect(),
            ("completions", []) => choices(verb),
            _ => Vec::new(),
        }
    }

    fn devices(&self) -> impl Iterator<Item = Proposal> {
        self.server.devices.iter().map(|device| whole(&device.name))
    }

    /// The names of methods: first that of the device, and behind its point those of its methods. Names without a point
    /// are proposed once something of them is written.
    fn names(&self, is_meant: impl Fn(&Found<'_>) -> bool) -> Vec<Proposal> {
        let meant = || self.server.all().filter(|found| is_meant(found));
        if self.word.contains('.') {
            let of_devices = meant().filter(|found| found.device.is_some());
            return one_each(of_devices.map(|found| Proposal {
                text: format!("{} ", found.path()),
                shown: found.method.name.clone(),
            }));
        }
        let devices = meant().filter_map(|found| {
            let name = format!("{}.", found.device?.name);
            let shown = name.clone();
            Some(Proposal { text: name, shown })
        });
        let functions = meant().filter(|found| found.device.is_none());
        let names = one_each(devices.chain(functions.map(|found| whole(&found.path()))));
        let is_open = names.iter().any(|name| name.text.starts_with(self.word));
        match is_open || self.word.is_empty() {
            true => names,
            false => one_each(meant().map(|found| whole(&flat(&found)))),
        }
    }

    /// Names and values of the arguments of a method, of which `words` are given.
    fn arguments(&self, name: &str, words: &[&str]) -> Vec<Proposal> {
        let Some(method) = self.method(name) else {
            return Vec::new();
        };
        if let Some((argument, _)) = self.word.split_once('=') {
            let named = method.arguments.iter().find(|it| it.name == argument);
            let values = named.into_iter().flat_map(values);
            return values
                .map(|value| Proposal {
                    text: format!("{argument}={value} "),
                    shown: value,
                })
                .collect();
        }
        let name_of = |word: &str| word.split_once('=').map(|(name, _)| name.to_string());
        let named: Vec<_> = words.iter().filter_map(|word| name_of(word)).collect();
        let placed = words.len() - named.len();
        let rest = method.arguments.iter().skip(placed);
        let free: Vec<_> = rest.filter(|it| !named.contains(&it.name)).collect();
        let next = free.first().into_iter().flat_map(|next| values(next));
        let names = free.iter().map(|argument| {
            let text = format!("{}=", argument.name);
            let shown = text.clone();
            Proposal { text, shown }
        });
        next.map(|value| whole(&value)).chain(names).collect()
    }

    /// What `name` is when it stands first: a method, or a property that can be set.
    fn method(&self, name: &str) -> Option<&Method> {
        let found = self.server.find(name, MethodKind::Call).ok();
        Some(found?.method)
    }

    /// The values of a property.
    fn values_of(&self, name: &str) -> Vec<Proposal> {
        let setter = self.server.find(name, MethodKind::Set).ok();
        let argument = setter.and_then(|it| it.method.arguments.first());
        let values = argument.into_iter().flat_map(values);
        values.map(|value| whole(&value)).collect()
    }

    /// Returns true if the word may be the name of a file.
    fn is_file(&self, before: &[&str]) -> bool {
        self.word.contains('@')
            || before
                .last()
                .is_some_and(|option| matches!(*option, "--npy" | "--csv"))
    }
}

/// A word that is complete.
fn whole(word: &str) -> Proposal {
    Proposal {
        text: format!("{word} "),
        shown: word.into(),
    }
}

fn one_each(proposals: impl Iterator<Item = Proposal>) -> Vec<Proposal> {
    let mut each: Vec<Proposal> = Vec::new();
    for proposal in proposals {
        if !each.contains(&proposal) {
            each.push(proposal);
        }
    }
    each
}

/// `pump_range` for a property, `pump_read_voltage` for a method.
fn flat(found: &Found<'_>) -> String {
    format!("{}{}", found.prefix(), found.method.name)
}

/// Returns true if `ipc monitor` can watch it.
fn can_be_watched(method: &Method) -> bool {
    let needs_nothing = method.arguments.iter().all(|it| it.default.is_some());
    match method.kind {
        MethodKind::Set => false,
        MethodKind::Get => true,
        _ => needs_nothing && method.result != Schema::Unit,
    }
}

/// The values of an argument that can be listed.
fn values(argument: &Argument) -> Vec<String> {
    values_by(&argument.schema)
}

fn values_by(schema: &Schema) -> Vec<String> {
    match schema {
        Schema::Bool => vec!["true".into(), "false".into()],
        Schema::Enum { variants, .. } => {
            let without_data = variants.iter().filter(|variant| variant.fields.is_empty());
            without_data.map(|it| quoted(&it.name)).collect()
        }
        Schema::Option(inner) => values_by(inner),
        _ => Vec::new(),
    }
}

/// The options of a command.
fn options(verb: &str) -> Vec<Proposal> {
    let line = Line::command();
    let Some(verb) = line.find_subcommand(verb) else {
        return Vec::new();
    };
    let names = verb.get_arguments().chain(line.get_arguments());
    let names = names.filter_map(|argument| argument.get_long());
    names.map(|name| whole(&format!("--{name}"))).collect()
}

/// The values that the argument of a command can have.
fn choices(verb: &str) -> Vec<Proposal> {
    let line = Line::command();
    let argument = line
        .find_subcommand(verb)
        .and_then(|verb| verb.get_positionals().next());
    let values = argument.into_iter().flat_map(|it| it.get_possible_values());
    values.map(|value| whole(value.get_name())).collect()
}

/// The words that are no options of the command and no values of these.
fn without_options<'a>(verb: &str, words: &[&'a str]) -> Vec<&'a str> {
    let line = Line::command();
    let takes_value = |word: &str| {
        let verb = line.find_subcommand(verb)?;
        let mut arguments = verb.get_arguments();
        let argument = arguments.find(|it| {
            it.get_long()
                .is_some_and(|name| word == format!("--{name}"))
        })?;
        Some(argument.get_action().takes_values())
    };
    let mut kept = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        // Behind the name of what is called, everything is an argument.
        if verb == "call" && !kept.is_empty() || !word.starts_with('-') {
            kept.push(*word);
        } else if takes_value(word) == Some(true) {
            words.next();
        }
    }
    kept
}

#[cfg(test)]
#[path = "complete_tests.rs"]
mod tests;
