//! Reads encoded values by their schema instead of their type.

use bytes::Bytes;

use super::shape::{self, Enclosing};
use crate::interface::schema::{Field, Schema};
use crate::interface::value::{ElementType, Numbers, Value};
use crate::wire::block::Payload;
use crate::wire::codec::{CodecError, MAX_DEPTH, Reader};
use crate::wire::guard::Budget;

/// Reads the one value of `payload`. It may take `memory` bytes in addition to 8 times its size; arrays of numbers take
/// none, because they stay where they lie.
pub(crate) fn read_payload(
    schema: &Schema,
    payload: Payload,
    memory: usize,
) -> Result<Value, CodecError> {
    let bytes = payload.into_bytes();
    let mut reader = Reader::new(&bytes);
    let value = read(schema, &bytes, &mut reader, memory)?;
    reader.finish()?;
    Ok(value)
}

/// Reads the next value of `reader`, which reads `bytes`.
pub(crate) fn read(
    schema: &Schema,
    bytes: &Bytes,
    reader: &mut Reader<'_>,
    memory: usize,
) -> Result<Value, CodecError> {
    let budget = Budget::new(bytes.len(), memory);
    let mut input = Input {
        bytes,
        reader,
        budget: &budget,
    };
    let value = input.value(schema, Enclosing::NONE, MAX_DEPTH);
    value.map_err(|error| budget.failure().unwrap_or(error))
}

struct Input<'a, 'r> {
    bytes: &'a Bytes,
    reader: &'a mut Reader<'r>,
    budget: &'a Budget,
}

impl Input<'_, '_> {
    fn value(
        &mut self,
        schema: &Schema,
        within: Enclosing<'_>,
        depth: u32,
    ) -> Result<Value, CodecError> {
        let depth = depth.checked_sub(1).ok_or(CodecError::TooDeep)?;
        if let Some(element) = ElementType::of(schema) {
            return self.number(element);
        }
        Ok(match schema {
            Schema::Unit => Value::Null,
            Schema::Char => Value::String(self.char()?.into()),
            Schema::String => Value::String(self.text()?),
            Schema::Option(inner) => match self.reader.take(1)? {
                [0] => Value::Null,
                [1] => match self.value(inner, within, depth)? {
                    empty @ (Value::Null | Value::Some(_)) => Value::Some(Box::new(empty)),
                    value => value,
                },
                _ => return Err(invalid("expected the byte 0 or 1 of an option")),
            },
            Schema::List(inner) => {
                let count = self.count()?;
                self.elements(inner, count, within, depth)?
            }
            Schema::Array(inner, count) => {
                let count = usize::try_from(*count).map_err(|_| CodecError::TooManyElements)?;
                self.elements(inner, count, within, depth)?
            }
            Schema::Tuple(items) => Value::List(self.several(items.iter(), within, depth)?),
            Schema::Map(key, value) => {
                let mut entries = Vec::new();
                for _ in 0..self.count()? {
                    self.charge(size_of::<(Value, Value)>())?;
                    let key = self.value(key, within, depth)?;
                    entries.push((key, self.value(value, within, depth)?));
                }
                Value::Map(entries)
            }
            Schema::Struct { fields, .. } => self.fields(fields, within.inside(schema), depth)?,
            Schema::Enum { variants, .. } => {
                let number = u32::from_le_bytes(self.array()?);
                let variant = usize::try_from(number).ok().and_then(|at| variants.get(at));
                let variant =
                    variant.ok_or_else(|| invalid(format!("{schema} has no variant {number}")))?;
                self.charge(variant.name.len())?;
                let name = Value::String(variant.name.clone());
                match variant.fields.as_slice() {
                    [] => name,
                    fields => {
                        let data = self.fields(fields, within.inside(schema), depth)?;
                        Value::Map(vec![(name, data)])
                    }
                }
            }
            Schema::Recursive(name) => {
                let (schema, within) = within.find(name).ok_or_else(|| unknown(schema))?;
                self.value(schema, within, depth)?
            }
            _ => return Err(unknown(schema)),
        })
    }

    /// The elements of a list: as an array, if they consist of numbers of one type.
    fn elements(
        &mut self,
        of: &Schema,
        count: usize,
        within: Enclosing<'_>,
        depth: u32,
    ) -> Result<Value, CodecError> {
        if let Some(block) = shape::block(of) {
            let size = count
                .checked_mul(block.size)
                .ok_or(CodecError::UnexpectedEnd)?;
            let bytes = self.bytes.slice_ref(self.reader.take(size)?);
            let mut shape = vec![count];
            shape.extend(block.shape);
            return Ok(Value::Numbers(Numbers::new(block.element, shape, bytes)?));
        }
        self.several((0..count).map(|_| of), within, depth)
            .map(Value::List)
    }

    fn several<'s>(
        &mut self,
        schemas: impl Iterator<Item = &'s Schema>,
        within: Enclosing<'_>,
        depth: u32,
    ) -> Result<Vec<Value>, CodecError> {
        let mut values = Vec::new();
        for schema in schemas {
            self.charge(size_of::<Value>())?;
            values.push(self.value(schema, within, depth)?);
        }
        Ok(values)
    }

    /// The fields of a struct or variant, in the form that they have in a [`Value`].
    fn fields(
        &mut self,
        fields: &[Field],
        within: Enclosing<'_>,
        depth: u32,
    ) -> Result<Value, CodecError> {
        let schemas = fields.iter().map(|field| &field.schema);
        let mut values = self.several(schemas, within, depth)?;
        Ok(match (shape::is_numbered(fields), values.len()) {
            (true, 1) => values.remove(0),
            (true, _) => Value::List(values),
            (false, _) => {
                let names = fields
                    .iter()
                    .map(|field| field.name.len() + size_of::<Value>());
                self.charge(names.sum())?;
                let names = fields.iter().map(|field| Value::from(&field.name));
                Value::Map(names.zip(values).collect())
            }
        })
    }

    fn number(&mut self, element: ElementType) -> Result<Value, CodecError> {
        let bytes = self.reader.take(element.size())?;
        let number = element.read(bytes);
        number.ok_or_else(|| invalid("expected a bool, the byte 0 or 1"))
    }

    fn char(&mut self) -> Result<char, CodecError> {
        let first = *self
            .reader
            .rest()
            .first()
            .ok_or(CodecError::UnexpectedEnd)?;
        let length = match first {
            0xc2..0xe0 => 2,
            0xe0..0xf0 => 3,
            0xf0..0xf5 => 4,
            _ => 1,
        };
        let text = str::from_utf8(self.reader.take(length)?).ok();
        let c = text.and_then(|text| text.chars().next());
        c.ok_or_else(|| invalid("expected a character in UTF-8"))
    }

    fn text(&mut self) -> Result<String, CodecError> {
        let text = str::from_utf8(self.reader.bytes()?);
        let text = text.map_err(|_| invalid("expected text in UTF-8"))?;
        self.charge(text.len())?;
        Ok(text.into())
    }

    fn count(&mut self) -> Result<usize, CodecError> {
        let count = self.reader.number()?;
        usize::try_from(count).map_err(|_| CodecError::TooManyElements)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let bytes = self.reader.take(N)?.try_into();
        bytes.map_err(|_| CodecError::UnexpectedEnd)
    }

    fn charge(&self, bytes: usize) -> Result<(), CodecError> {
        // Replaced by what the budget says.
        let too_much = CodecError::TooMuchMemory { limit: 0 };
        self.budget.charge(bytes).ok_or(too_much)
    }
}

fn invalid(problem: impl Into<String>) -> CodecError {
    CodecError::Invalid(problem.into())
}

fn unknown(schema: &Schema) -> CodecError {
    invalid(format!(
        "the bytes of `{schema}` are known to its type only"
    ))
}
