//! Reads encoded values by their schema instead of their type, to show calls to people.

use super::schema::{Field, Schema};
use super::value::Value;
use crate::wire::codec::{CodecError, Reader};

/// Reads the next value of `reader`. `None` if the schema does not fully describe its bytes.
pub(crate) fn read(schema: &Schema, reader: &mut Reader<'_>) -> Option<Value> {
    read_value(schema, reader).ok().flatten()
}

fn read_value(schema: &Schema, reader: &mut Reader<'_>) -> Result<Option<Value>, CodecError> {
    Ok(Some(match schema {
        Schema::Unit => Value::Null,
        Schema::Bool => Value::Bool(reader.read()?),
        Schema::Char => Value::String(reader.read::<char>()?.to_string()),
        Schema::String => Value::String(reader.read()?),
        Schema::Unsigned(bits) => return unsigned(*bits, reader),
        Schema::Signed(bits) => return signed(*bits, reader),
        Schema::Float(32) => Value::Float(reader.read::<f32>()?.into()),
        Schema::Float(_) => Value::Float(reader.read()?),
        Schema::Option(inner) => match reader.read::<u8>()? {
            0 => Value::Null,
            _ => return read_value(inner, reader),
        },
        Schema::List(inner) => {
            let count = reader.read()?;
            return Ok(several((0..count).map(|_: u64| &**inner), reader)?.map(Value::List));
        }
        Schema::Array(inner, count) => {
            return Ok(several((0..*count).map(|_| &**inner), reader)?.map(Value::List));
        }
        Schema::Tuple(items) => return Ok(several(items.iter(), reader)?.map(Value::List)),
        Schema::Map(key, value) => return map(key, value, reader),
        Schema::Struct { fields, .. } => return fields_of(fields, reader),
        Schema::Enum { variants, .. } => {
            let Some(variant) = variants.get(reader.read::<u32>()? as usize) else {
                return Ok(None);
            };
            let name = Value::String(variant.name.clone());
            match variant.fields.is_empty() {
                true => name,
                false => {
                    let data = fields_of(&variant.fields, reader)?;
                    return Ok(data.map(|data| Value::Map(vec![(name, data)])));
                }
            }
        }
        _ => return Ok(None),
    }))
}

fn several<'a>(
    schemas: impl Iterator<Item = &'a Schema>,
    reader: &mut Reader<'_>,
) -> Result<Option<Vec<Value>>, CodecError> {
    schemas.map(|schema| read_value(schema, reader)).collect()
}

fn map(key: &Schema, value: &Schema, reader: &mut Reader<'_>) -> Result<Option<Value>, CodecError> {
    let mut entries = Vec::new();
    for _ in 0..reader.read::<u64>()? {
        let (Some(key), Some(value)) = (read_value(key, reader)?, read_value(value, reader)?)
        else {
            return Ok(None);
        };
        entries.push((key, value));
    }
    Ok(Some(Value::Map(entries)))
}

/// Reads the fields of a struct or variant into the shape that they have in the self-describing form.
fn fields_of(fields: &[Field], reader: &mut Reader<'_>) -> Result<Option<Value>, CodecError> {
    let Some(mut values) = several(fields.iter().map(|field| &field.schema), reader)? else {
        return Ok(None);
    };
    let is_numbered = fields.first().is_some_and(|field| field.name == "0");
    Ok(Some(match (is_numbered, values.len()) {
        (true, 1) => values.remove(0),
        (true, _) => Value::List(values),
        (false, _) => {
            let names = fields.iter().map(|field| Value::String(field.name.clone()));
            Value::Map(names.zip(values).collect())
        }
    }))
}

fn unsigned(bits: u8, reader: &mut Reader<'_>) -> Result<Option<Value>, CodecError> {
    let value = match bits {
        8 => reader.read::<u8>()?.into(),
        16 => reader.read::<u16>()?.into(),
        32 => reader.read::<u32>()?.into(),
        64 => reader.read()?,
        _ => {
            let wide: u128 = reader.read()?;
            let bytes = || Value::Bytes(wide.to_be_bytes().into());
            return Ok(Some(
                u64::try_from(wide).map_or_else(|_| bytes(), Value::UInt),
            ));
        }
    };
    Ok(Some(Value::UInt(value)))
}

fn signed(bits: u8, reader: &mut Reader<'_>) -> Result<Option<Value>, CodecError> {
    let value = match bits {
        8 => reader.read::<i8>()?.into(),
        16 => reader.read::<i16>()?.into(),
        32 => reader.read::<i32>()?.into(),
        64 => reader.read::<i64>()?,
        _ => {
            let wide: i128 = reader.read()?;
            let bytes = || Value::Bytes(wide.to_be_bytes().into());
            return Ok(Some(i64::try_from(wide).map_or_else(|_| bytes(), integer)));
        }
    };
    Ok(Some(integer(value)))
}

/// The sign alone decides between the two kinds of integers.
fn integer(value: i64) -> Value {
    u64::try_from(value).map_or(Value::Int(value), Value::UInt)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use super::super::schema::{Describe, Variant};
    use super::*;
    use crate::wire::codec::{self, MAX_VALUE};

    fn bytes_of(value: &impl Serialize) -> Vec<u8> {
        let mut bytes = Vec::new();
        codec::encode(value, &mut bytes, MAX_VALUE).unwrap();
        bytes
    }

    /// Checks that reading by the schema gives the same as the self-describing form.
    fn reads<T: Describe + Serialize>(value: T) {
        let bytes = bytes_of(&value);
        let mut reader = Reader::new(&bytes);
        let read = read(&T::schema(), &mut reader);
        assert_eq!(read, Some(Value::from_serialize(&value).unwrap()));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn values_are_read_by_their_schema() {
        reads((true, 'µ', "text".to_string(), ()));
        reads((1_u8, 2_u16, 3_u32, 4_u64));
        reads((-1_i8, 2_i16, -3_i32, i64::MIN));
        reads((u128::MAX, i128::MIN, 0.5_f32, f64::INFINITY));
        reads((Some(vec![1_u8, 2]), None::<u8>, [1.5_f64; 3]));
        reads(BTreeMap::from([("a".to_string(), vec![-1_i32])]));
        reads((Ok::<u8, String>(7), Err::<u8, _>("no".to_string())));
    }

    #[test]
    fn what_is_known_by_name_only_is_not_guessed() {
        let variant = |name: &str| Variant {
            name: name.into(),
            doc: String::new(),
            fields: vec![],
        };
        let schema = Schema::Enum {
            name: "Mode".into(),
            doc: String::new(),
            variants: vec![variant("Off"), variant("Heat")],
        };
        let heat = bytes_of(&1_u32);
        let read_as = |schema: &Schema, bytes: &[u8]| read(schema, &mut Reader::new(bytes));
        assert_eq!(read_as(&schema, &heat), Some(Value::String("Heat".into())));
        assert_eq!(read_as(&schema, &bytes_of(&2_u32)), None);
        assert_eq!(read_as(&Schema::Named("IpAddr".into()), &heat), None);
        assert_eq!(read_as(&Schema::Float(64), &heat), None);
        assert_eq!(read_as(&<Vec<u8>>::schema(), &u64::MAX.to_le_bytes()), None);
    }
}
