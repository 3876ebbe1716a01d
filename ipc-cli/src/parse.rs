//! Words of a command line as the arguments of a method, by its description.

use std::io::{self, Read};

use ipc_client::{Args, Argument, Method, Schema, Value};
use ipc_core::interface::similar::nearest;
use ipc_core::wire::sanitize::shortened;

use self::source::Input;
use crate::failure::Failure;

mod by_schema;
mod expected;
pub(crate) mod npy;
mod number;
mod source;
#[cfg(test)]
mod tests;
mod unit;

/// The arguments of `method`: by position, or by name as `samples=20`. All words after `--` are by position. Errors call the
/// method `path`.
pub(crate) fn arguments(path: &str, method: &Method, words: &[String]) -> Result<Args, Failure> {
    let mut open = standard_input;
    let args = Words::new(method, Input::new(&mut open)).read(words);
    args.map_err(|problem| Failure::usage(format!("`{path}`: {problem}")))
}

/// The value of one argument, of a method that errors call `path`.
pub(crate) fn value(path: &str, argument: &Argument, text: &str) -> Result<Value, Failure> {
    let value = Target::from(argument).word(text, &mut Input::new(&mut standard_input));
    value.map_err(|problem| Failure::usage(format!("`{path}`: {problem}")))
}

fn standard_input() -> Box<dyn Read> {
    Box::new(io::stdin())
}

/// Sorts the words of a command line to the arguments of a method.
struct Words<'a> {
    method: &'a Method,
    input: Input<'a>,
    args: Args,
    /// The names of the arguments that have a value.
    given: Vec<&'a str>,
    /// How many of them were given by position.
    placed: usize,
}

impl<'a> Words<'a> {
    fn new(method: &'a Method, input: Input<'a>) -> Self {
        Self {
            method,
            input,
            args: Args::new(),
            given: Vec::new(),
            placed: 0,
        }
    }

    fn read(mut self, words: &[String]) -> Result<Args, String> {
        let mut may_be_named = true;
        for word in words {
            if may_be_named && word == "--" {
                may_be_named = false;
                continue;
            }
            let named = word.split_once('=').filter(|_| may_be_named);
            match named.filter(|(name, _)| is_identifier(name)) {
                Some((name, text)) => self.named_or_placed(name, text, word)?,
                None => self.placed(word)?,
            }
        }
        Ok(self.args)
    }

    /// `name=text`, unless it is a value with a `=` in it.
    fn named_or_placed(&mut self, name: &str, text: &str, word: &str) -> Result<(), String> {
        let arguments = &self.method.arguments;
        if let Some(argument) = arguments.iter().find(|it| it.name == name) {
            self.mark(argument)?;
            let value = Target::from(argument).word(text, &mut self.input)?;
            let args = std::mem::take(&mut self.args);
            self.args = args.with_named(&argument.name, value);
            return Ok(());
        }
        let next = arguments.get(self.placed);
        if next.is_some_and(|next| takes_assignment(&next.schema, name)) {
            return self.placed(word);
        }
        let names = || arguments.iter().map(|argument| argument.name.as_str());
        let hint = match nearest(name, names()) {
            Some(near) => format!("; did you mean `{near}`?"),
            None if arguments.is_empty() => "; it takes none".into(),
            None => {
                let names: Vec<_> = names().map(|name| format!("`{name}`")).collect();
                format!("; its arguments are {}", names.join(", "))
            }
        };
        Err(format!("it has no argument `{name}`{hint}"))
    }

    fn placed(&mut self, word: &str) -> Result<(), String> {
        let Some(argument) = self.method.arguments.get(self.placed) else {
            let taken = match self.method.arguments.len() {
                0 => "no arguments".into(),
                1 => "1 argument".into(),
                count => format!("{count} arguments"),
            };
            let signature = self.method.signature("");
            return Err(format!(
                "it takes {taken}, and {:?} is one too many; its signature is `{signature}`",
                shown(word)
            ));
        };
        self.mark(argument)?;
        self.placed += 1;
        let value = Target::from(argument).word(word, &mut self.input)?;
        self.args = std::mem::take(&mut self.args).with(value);
        Ok(())
    }

    /// Notes that an argument has a value. It can have only one.
    fn mark(&mut self, argument: &'a Argument) -> Result<(), String> {
        let name = argument.name.as_str();
        if self.given.contains(&name) {
            return Err(format!("the argument `{name}` was given twice"));
        }
        self.given.push(name);
        Ok(())
    }
}

/// Returns true if a value of this type can be written as `name=..`.
fn takes_assignment(schema: &Schema, name: &str) -> bool {
    match schema {
        Schema::String | Schema::Named(_) => true,
        Schema::Option(inner) => takes_assignment(inner, name),
        Schema::Enum { variants, .. } => by_schema::variant_called(name, variants).is_some(),
        _ => false,
    }
}

fn is_identifier(name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    name.starts_with(|c| is_part(c) && !c.is_numeric()) && name.chars().all(is_part)
}

/// What a word is to become.
struct Target<'a> {
    name: &'a str,
    schema: &'a Schema,
    unit: Option<&'a str>,
    accepts: Option<&'a str>,
}

impl<'a> From<&'a Argument> for Target<'a> {
    fn from(argument: &'a Argument) -> Self {
        Self {
            name: &argument.name,
            schema: &argument.schema,
            unit: argument.unit.as_deref(),
            accepts: argument.accepts.as_deref(),
        }
    }
}

impl Target<'_> {
    /// Reads a word: a value, `@` and the name of a file with it, or `-` for standard input.
    fn word(&self, word: &str, input: &mut Input<'_>) -> Result<Value, String> {
        let of_argument = |problem| format!("argument `{}`: {problem}", self.name);
        match word.strip_prefix('@') {
            Some(text) if text.starts_with('@') => self.value(text),
            Some(name) => source::file(name, self).map_err(of_argument),
            None if word == "-" => source::standard_input(input, self),
            None => self.value(word),
        }
    }

    /// Reads a value.
    fn value(&self, text: &str) -> Result<Value, String> {
        by_schema::value(text, self.schema, self.unit).map_err(|misfit| {
            let expected = expected::in_words(self.schema, self.unit, self.accepts);
            let given = shown(text);
            let name = self.name;
            format!("argument `{name}` must be {expected}, but is {given:?}{misfit}")
        })
    }
}

/// A word for an error.
fn shown(word: &str) -> String {
    shortened(word, 100)
}
