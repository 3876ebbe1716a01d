//! Why a value does not fit, in words.

use std::fmt::Write as _;

use crate::interface::dynamic::shape;
use crate::interface::schema::{Field, Schema};
use crate::interface::similar::nearest;
use crate::interface::value::Value;
use crate::wire::codec::CodecError;

/// Why a value is not what a schema describes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Misfit {
    /// It is something else, or a part of it is.
    Type {
        /// The part, such as `.channels[3].gain`; empty for all of the value.
        path: String,
        expected: String,
        given: String,
    },
    /// It is too large, or too deep.
    Limit(CodecError),
}

impl Misfit {
    pub(super) fn new(expected: impl Into<String>, given: impl Into<String>) -> Self {
        Self::Type {
            path: String::new(),
            expected: expected.into(),
            given: given.into(),
        }
    }

    /// The same seen from around the part `place`.
    pub(super) fn at(mut self, place: impl std::fmt::Display) -> Self {
        if let Self::Type { path, .. } = &mut self {
            path.insert_str(0, &place.to_string());
        }
        self
    }

    /// Returns true if the whole value is something else, and not a part of it.
    pub(in crate::interface::dynamic) fn is_of_the_whole(&self) -> bool {
        matches!(self, Self::Type { path, .. } if path.is_empty())
    }

    /// What is wrong, for an error that names the argument.
    pub(in crate::interface::dynamic) fn text(&self) -> String {
        match self {
            Self::Type {
                path,
                expected,
                given,
            } if path.is_empty() => format!("expected {expected}, given {given}"),
            Self::Type {
                path,
                expected,
                given,
            } => format!("`{path}`: expected {expected}, given {given}"),
            Self::Limit(error) => error.to_string(),
        }
    }
}

pub(super) fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    match nearest(name, known) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => String::new(),
    }
}

/// "`Mode`: Off, Heat or Cool"
pub(super) fn in_words(schema: &Schema) -> String {
    let mut text = format!("`{schema}`");
    if let Schema::Enum { variants, .. } = schema {
        for (i, variant) in variants.iter().enumerate() {
            let separator = match i {
                0 => ": ",
                i if i + 1 == variants.len() => " or ",
                _ => ", ",
            };
            let _ = write!(text, "{separator}{}", variant.name);
        }
    }
    text
}

/// "`Point` with x, y"
pub(super) fn with_fields(of: &Schema, fields: &[Field]) -> String {
    let names: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
    match names.is_empty() || shape::is_numbered(fields) {
        true => in_words(of),
        false => format!("`{of}` with {}", names.join(", ")),
    }
}

/// A value for an error: itself, if that is short.
pub(in crate::interface::dynamic) fn shown(value: &Value) -> String {
    let is_short = match value {
        Value::Null | Value::Some(_) | Value::Bool(_) | Value::Int(_) | Value::UInt(_) => true,
        Value::Float(_) | Value::Float32(_) => true,
        Value::String(text) => text.len() <= SHORT,
        Value::List(items) => {
            items.len() <= FEW
                && items
                    .iter()
                    .all(|item| !matches!(item, Value::List(_) | Value::Map(_) | Value::Numbers(_)))
        }
        Value::Numbers(numbers) => numbers.len() <= FEW,
        _ => false,
    };
    match is_short {
        true => value.to_string(),
        false => value.kind(),
    }
}

/// Number of bytes of a text, and of items of a list, that an error shows.
const SHORT: usize = 100;
const FEW: usize = 8;
