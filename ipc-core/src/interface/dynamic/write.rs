//! Writes values by the schema of what they are to be: the same bytes that the type would write.

use std::fmt::Write as _;

use super::shape::{self, Enclosing};
use crate::interface::schema::{Field, Schema, Variant};
use crate::interface::similar::nearest;
use crate::interface::value::{ElementType, Numbers, Value};
use crate::wire::bulk::{self, LongBlock};
use crate::wire::codec::{CodecError, MAX_DEPTH, MAX_VALUE};

mod number;

pub(super) use number::narrowed;

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
    fn new(expected: impl Into<String>, given: impl Into<String>) -> Self {
        Self::Type {
            path: String::new(),
            expected: expected.into(),
            given: given.into(),
        }
    }

    /// The same seen from around the part `place`.
    fn at(mut self, place: impl std::fmt::Display) -> Self {
        if let Self::Type { path, .. } = &mut self {
            path.insert_str(0, &place.to_string());
        }
        self
    }

    /// Returns true if the whole value is something else, and not a part of it.
    pub(super) fn is_of_the_whole(&self) -> bool {
        matches!(self, Self::Type { path, .. } if path.is_empty())
    }

    /// What is wrong, for an error that names the argument.
    pub(super) fn text(&self) -> String {
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

/// Appends `value` to `out`, its long arrays to `blocks`. Leaves both as they were if it does not fit.
pub(crate) fn write(
    value: &Value,
    schema: &Schema,
    out: &mut Vec<u8>,
    blocks: &mut Vec<LongBlock>,
) -> Result<(), Misfit> {
    write_within(value, schema, out, blocks, MAX_VALUE)
}

/// Like [`write`], as long as all of `out` is shorter than about `limit` bytes: what is left out of a value takes bytes, too.
pub(super) fn write_within(
    value: &Value,
    schema: &Schema,
    out: &mut Vec<u8>,
    blocks: &mut Vec<LongBlock>,
    limit: usize,
) -> Result<(), Misfit> {
    let (length, count) = (out.len(), blocks.len());
    let mut output = Output { out, blocks, limit };
    let written = output.value(value, schema, Enclosing::NONE, MAX_DEPTH);
    if written.is_err() {
        out.truncate(length);
        blocks.truncate(count);
    }
    written
}

struct Output<'a> {
    out: &'a mut Vec<u8>,
    blocks: &'a mut Vec<LongBlock>,
    limit: usize,
}

impl Output<'_> {
    fn value(
        &mut self,
        value: &Value,
        schema: &Schema,
        within: Enclosing<'_>,
        depth: u32,
    ) -> Result<(), Misfit> {
        let depth = depth
            .checked_sub(1)
            .ok_or(Misfit::Limit(CodecError::TooDeep))?;
        if self.out.len() > self.limit {
            return Err(Misfit::Limit(CodecError::TooLarge { limit: self.limit }));
        }
        if let Some(element) = ElementType::of(schema) {
            return number::write(value, element, self.out);
        }
        let misfit = || Misfit::new(in_words(schema), shown(value));
        match (schema, value) {
            (Schema::Unit, _) if is_empty(value) => Ok(()),
            (Schema::Char, Value::String(text)) if text.chars().count() == 1 => {
                self.out.extend_from_slice(text.as_bytes());
                Ok(())
            }
            (Schema::String, Value::String(text)) => {
                self.count(text.len());
                self.bytes(text.as_bytes())
            }
            (Schema::Option(_), Value::Null) => {
                self.out.push(0);
                Ok(())
            }
            (Schema::Option(inner), value) => {
                self.out.push(1);
                let value = match value {
                    Value::Some(value) => value,
                    value => value,
                };
                self.value(value, inner, within, depth)
            }
            (Schema::List(inner), _) => {
                self.count(length(value).ok_or_else(misfit)?);
                self.elements(value, inner, within, depth)
            }
            (Schema::Array(inner, count), _) => match length(value) {
                Some(given) if u64::try_from(given) == Ok(*count) => {
                    self.elements(value, inner, within, depth)
                }
                _ => Err(misfit()),
            },
            (Schema::Tuple(items), _) => {
                let is_one_each = length(value) == Some(items.len());
                self.several(
                    value,
                    items.iter(),
                    within,
                    depth,
                    is_one_each.then_some(()).ok_or_else(misfit),
                )
            }
            (Schema::Map(key, of), Value::Map(entries)) => {
                self.count(entries.len());
                for (name, value) in entries {
                    let place = || format!("[{name}]");
                    let written = self.value(name, key, within, depth);
                    written.map_err(|misfit| misfit.at(format!("{} as a key", place())))?;
                    let written = self.value(value, of, within, depth);
                    written.map_err(|misfit| misfit.at(place()))?;
                }
                Ok(())
            }
            (Schema::Struct { fields, .. }, _) => {
                self.fields(value, fields, schema, within.inside(schema), depth)
            }
            (Schema::Enum { variants, .. }, _) => {
                self.variant(value, variants, schema, within.inside(schema), depth)
            }
            (Schema::Recursive(name), _) => {
                let (schema, within) = within.find(name).ok_or_else(misfit)?;
                self.value(value, schema, within, depth)
            }
            _ => Err(misfit()),
        }
    }

    /// The elements of a list: all at once, if they are numbers of the type that is expected.
    fn elements(
        &mut self,
        value: &Value,
        of: &Schema,
        within: Enclosing<'_>,
        depth: u32,
    ) -> Result<(), Misfit> {
        let block = shape::block(of);
        if let (Value::Numbers(numbers), Some(block)) = (value, &block)
            && numbers.element() == block.element
            && numbers.shape().get(1..) == Some(block.shape.as_slice())
        {
            return self.block(numbers);
        }
        if let (Value::Bytes(bytes), Some(block)) = (value, &block)
            && block.element == ElementType::U8
            && block.shape.is_empty()
        {
            return self.bytes(bytes);
        }
        let count = length(value).unwrap_or_default();
        self.several(value, (0..count).map(|_| of), within, depth, Ok(()))
    }

    /// The items of a list, tuple or array, each by its own schema, unless it has been `found` not to be one.
    fn several<'s>(
        &mut self,
        value: &Value,
        schemas: impl Iterator<Item = &'s Schema>,
        within: Enclosing<'_>,
        depth: u32,
        found: Result<(), Misfit>,
    ) -> Result<(), Misfit> {
        found?;
        let mut item = |index: usize, value: &Value, schema| {
            let written = self.value(value, schema, within, depth);
            written.map_err(|misfit| misfit.at(format_args!("[{index}]")))
        };
        let mut schemas = schemas.enumerate();
        match value {
            Value::List(items) => {
                let mut items = items.iter().zip(schemas);
                items.try_for_each(|(value, (index, schema))| item(index, value, schema))
            }
            Value::Numbers(numbers) => {
                let mut items = numbers.items().zip(schemas);
                items.try_for_each(|(value, (index, schema))| item(index, &value, schema))
            }
            Value::Bytes(bytes) => {
                let mut items = bytes.iter().zip(schemas);
                items.try_for_each(|(byte, (index, schema))| item(index, &(*byte).into(), schema))
            }
            _ => schemas.try_for_each(|_| Ok(())),
        }
    }

    /// The fields of a struct or variant.
    fn fields(
        &mut self,
        value: &Value,
        fields: &[Field],
        of: &Schema,
        within: Enclosing<'_>,
        depth: u32,
    ) -> Result<(), Misfit> {
        let misfit = || Misfit::new(with_fields(of, fields), shown(value));
        match (fields, value) {
            ([], value) if is_empty(value) => Ok(()),
            ([only], value) if shape::is_numbered(fields) => {
                self.value(value, &only.schema, within, depth)
            }
            (_, value) if shape::is_numbered(fields) => {
                let is_one_each = length(value) == Some(fields.len());
                let schemas = fields.iter().map(|field| &field.schema);
                self.several(
                    value,
                    schemas,
                    within,
                    depth,
                    is_one_each.then_some(()).ok_or_else(misfit),
                )
            }
            (_, Value::Map(entries)) => {
                no_other_fields(entries, fields, of)?;
                for field in fields {
                    let given = value.get(&field.name);
                    let is_optional = matches!(field.schema, Schema::Option(_));
                    let given = match given {
                        None if is_optional => &Value::Null,
                        None => {
                            return Err(Misfit::new(
                                with_fields(of, fields),
                                format!("{} without `{}`", shown(value), field.name),
                            ));
                        }
                        Some(given) => given,
                    };
                    let written = self.value(given, &field.schema, within, depth);
                    written.map_err(|misfit| misfit.at(format_args!(".{}", field.name)))?;
                }
                Ok(())
            }
            _ => Err(misfit()),
        }
    }

    fn variant(
        &mut self,
        value: &Value,
        variants: &[Variant],
        of: &Schema,
        within: Enclosing<'_>,
        depth: u32,
    ) -> Result<(), Misfit> {
        let (name, data) = match value {
            Value::String(name) => (name.as_str(), &Value::Null),
            Value::Map(entries) => match entries.as_slice() {
                [(Value::String(name), data)] => (name.as_str(), data),
                _ => return Err(Misfit::new(in_words(of), shown(value))),
            },
            _ => return Err(Misfit::new(in_words(of), shown(value))),
        };
        let found = variants
            .iter()
            .zip(0_u32..)
            .find(|(variant, _)| variant.name == name);
        let Some((variant, number)) = found else {
            let names = variants.iter().map(|variant| variant.name.as_str());
            let given = format!("{name:?}{}", did_you_mean(name, names));
            return Err(Misfit::new(in_words(of), given));
        };
        self.out.extend_from_slice(&number.to_le_bytes());
        let written = self.fields(data, &variant.fields, of, within, depth);
        written.map_err(|misfit| misfit.at(format_args!(".{name}")))
    }

    fn block(&mut self, numbers: &Numbers) -> Result<(), Misfit> {
        bulk::append(numbers.bytes(), self.out, self.blocks, self.limit).map_err(Misfit::Limit)
    }

    fn count(&mut self, count: usize) {
        self.out.extend_from_slice(&(count as u64).to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Misfit> {
        if bulk::len_of(self.blocks) + self.out.len() + bytes.len() > self.limit {
            return Err(Misfit::Limit(CodecError::TooLarge { limit: self.limit }));
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }
}

/// The value of `()`, and of a struct without fields.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::List(items) => items.is_empty(),
        Value::Map(entries) => entries.is_empty(),
        _ => false,
    }
}

/// The number of items of a list, array or tuple.
fn length(value: &Value) -> Option<usize> {
    match value {
        Value::List(items) => Some(items.len()),
        Value::Numbers(numbers) => numbers.shape().first().copied(),
        Value::Bytes(bytes) => Some(bytes.len()),
        _ => None,
    }
}

/// A misspelt field must not be lost.
fn no_other_fields(
    entries: &[(Value, Value)],
    fields: &[Field],
    of: &Schema,
) -> Result<(), Misfit> {
    let names = || fields.iter().map(|field| field.name.as_str());
    let is_known = |key: &Value| {
        key.as_str()
            .is_some_and(|key| names().any(|name| name == key))
    };
    match entries.iter().find(|(key, _)| !is_known(key)) {
        None => Ok(()),
        Some((key, _)) => {
            let hint = did_you_mean(key.as_str().unwrap_or_default(), names());
            Err(Misfit::new(
                with_fields(of, fields),
                format!("a field {key}{hint}"),
            ))
        }
    }
}

fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    match nearest(name, known) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => String::new(),
    }
}

/// "`Mode`: Off, Heat or Cool"
fn in_words(schema: &Schema) -> String {
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
fn with_fields(of: &Schema, fields: &[Field]) -> String {
    let names: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
    match names.is_empty() || shape::is_numbered(fields) {
        true => in_words(of),
        false => format!("`{of}` with {}", names.join(", ")),
    }
}

/// A value for an error: itself, if that is short.
pub(super) fn shown(value: &Value) -> String {
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
