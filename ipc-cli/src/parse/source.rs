//! Values that a word only points at: `@file.npy`, `@file.json`, `-` for standard input.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use ipc_client::{Numbers, Schema, Value};

use super::number::Number;
use super::{Target, npy};

/// Where `-` reads from, once.
pub(super) struct Input<'a> {
    open: &'a mut dyn FnMut() -> Box<dyn Read>,
    is_read: bool,
}

impl<'a> Input<'a> {
    pub(super) fn new(open: &'a mut dyn FnMut() -> Box<dyn Read>) -> Self {
        let is_read = false;
        Self { open, is_read }
    }

    /// Reads all of it.
    pub(super) fn read(&mut self) -> Result<Vec<u8>, String> {
        if std::mem::replace(&mut self.is_read, true) {
            return Err("only one of the values can be `-`, standard input".into());
        }
        let mut bytes = Vec::new();
        let read = (self.open)().read_to_end(&mut bytes);
        read.map_err(|error| format!("cannot read standard input: {error}"))?;
        Ok(bytes)
    }
}

/// What a file has for this argument, by the ending of its name.
pub(super) fn file(name: &str, target: &Target<'_>) -> Result<Value, String> {
    let path = Path::new(name);
    let bytes = fs::read(path).map_err(|error| not_read(name, &error, target.schema))?;
    let in_file = |problem: String| format!("`{name}`: {problem}");
    let ending = path.extension().and_then(|ending| ending.to_str());
    match ending.map(str::to_ascii_lowercase).as_deref() {
        Some("json") => Value::from_json(text(&bytes).map_err(in_file)?)
            .map_err(|error| in_file(error.to_string())),
        Some("npy") => npy::decode(&bytes).map(array).map_err(in_file),
        _ if is_text(target.schema) => Ok(without_line_end(text(&bytes).map_err(in_file)?).into()),
        Some("csv" | "txt" | "dat" | "tsv") => text(&bytes).and_then(numbers).map_err(in_file),
        _ if is_bytes(target.schema) => Ok(Value::Bytes(bytes)),
        _ => Err(in_file(
            "the ending of its name does not say what it is: .npy, .json, .csv and .txt are known"
                .into(),
        )),
    }
}

/// What standard input has for this argument: JSON, numbers one a line, or for a text the text itself.
pub(super) fn standard_input(input: &mut Input<'_>, target: &Target<'_>) -> Result<Value, String> {
    let bytes = input.read()?;
    let in_input = |problem: String| format!("standard input: {problem}");
    if bytes.starts_with(npy::MAGIC) {
        return npy::decode(&bytes).map(array).map_err(in_input);
    }
    let text = without_line_end(text(&bytes).map_err(in_input)?);
    let trimmed = text.trim_start();
    let has_lines = text.trim().contains(['\n', ' ', '\t']);
    match target.schema {
        Schema::List(_) | Schema::Array(..) | Schema::Tuple(_)
            if has_lines && !trimmed.starts_with(['[', '{', '"']) =>
        {
            numbers(text).map_err(in_input)
        }
        _ => target.value(text),
    }
}

/// The numbers of a table: those of one row or one column as a list, and others as a list of rows.
fn numbers(text: &str) -> Result<Value, String> {
    let is_separator = |c: char| c == ',' || c == ';' || c.is_whitespace();
    let mut rows = Vec::new();
    for (line, place) in text.lines().zip(1_usize..) {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let words = line.split(is_separator).filter(|word| !word.is_empty());
        let row = words.map(|word| match Number::read(word) {
            Some((number, "")) => number.plain().ok_or(word),
            _ => Err(word),
        });
        let row: Result<Vec<Value>, _> = row.collect();
        rows.push(row.map_err(|word| format!("line {place}: {word:?} is not a number"))?);
    }
    let has_one_row = rows.len() == 1;
    match has_one_row || rows.iter().all(|row| row.len() == 1) {
        true => Ok(Value::List(rows.into_iter().flatten().collect())),
        false => Ok(Value::List(rows.into_iter().map(Value::List).collect())),
    }
}

/// An array without dimensions is a number.
fn array(numbers: Numbers) -> Value {
    match numbers.shape() {
        [] => numbers.scalars().next().unwrap_or_default(),
        _ => numbers.into(),
    }
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    str::from_utf8(bytes).map_err(|_| "it is not text in UTF-8".into())
}

/// The text without the line end that ends its last line.
fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

fn is_text(schema: &Schema) -> bool {
    match schema {
        Schema::Option(inner) => is_text(inner),
        schema => *schema == Schema::String,
    }
}

fn is_bytes(schema: &Schema) -> bool {
    match schema {
        Schema::Option(inner) => is_bytes(inner),
        Schema::List(inner) => **inner == Schema::Unsigned(8),
        _ => false,
    }
}

fn not_read(name: &str, error: &io::Error, schema: &Schema) -> String {
    let hint = match is_text(schema) {
        true => format!("; a text that begins with `@` is written `@@{name}`"),
        false => String::new(),
    };
    format!("cannot read the file `{name}`: {error}{hint}")
}
