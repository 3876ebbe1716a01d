//! Writes values by the schema of what they are to be: the same bytes that the type would write.

use super::shape::{self, Enclosing};
use crate::interface::schema::Schema;
use crate::interface::value::{ElementType, Numbers, Value};
use crate::wire::bulk::{self, LongBlock};
use crate::wire::codec::{CodecError, MAX_DEPTH, MAX_VALUE};

mod fields;
mod misfit;
mod number;

pub(crate) use misfit::Misfit;
use misfit::in_words;
pub(super) use misfit::shown;
pub(super) use number::narrowed;

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
            (Schema::Tuple(items), _) if length(value) == Some(items.len()) => {
                self.several(value, items.iter(), within, depth)
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
        self.several(value, (0..count).map(|_| of), within, depth)
    }

    /// The items of a list, tuple or array, each by its own schema.
    fn several<'s>(
        &mut self,
        value: &Value,
        schemas: impl Iterator<Item = &'s Schema>,
        within: Enclosing<'_>,
        depth: u32,
    ) -> Result<(), Misfit> {
        let mut item = |index: usize, value: &Value, schema| {
            let written = self.value(value, schema, within, depth);
            written.map_err(|misfit| misfit.at(format_args!("[{index}]")))
        };
        let schemas = schemas.enumerate();
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
            _ => Ok(()),
        }
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
