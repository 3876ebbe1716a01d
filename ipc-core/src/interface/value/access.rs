//! Looking into values, and making them from the types of Rust.

use super::{Element, Numbers, Value};
use crate::wire::codec::CodecError;

impl Value {
    /// Returns true for `()` and `None`.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The number as an `f64`, if it is one that an `f64` holds exactly. Numbers that are not finite count as such.
    pub fn as_f64(&self) -> Option<f64> {
        let is_exact = match self {
            Value::Int(number) => has_few_digits(number.unsigned_abs()),
            Value::UInt(number) => has_few_digits(*number),
            _ => true,
        };
        self.to_f64().filter(|_| is_exact)
    }

    /// The number as an `f64`, rounded if it is a long integer.
    pub fn to_f64(&self) -> Option<f64> {
        match self {
            Value::Float(value) => Some(*value),
            Value::Float32(value) => Some((*value).into()),
            Value::Int(value) => Some(*value as f64),
            Value::UInt(value) => Some(*value as f64),
            _ => None,
        }
    }

    /// The integer as an `i64`, if it is one that an `i64` holds.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Int(value) => (*value).try_into().ok(),
            Value::UInt(value) => (*value).try_into().ok(),
            _ => None,
        }
    }

    /// The integer as a `u64`, if it is one that a `u64` holds.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Value::UInt(value) => (*value).try_into().ok(),
            _ => None,
        }
    }

    /// The text, if it is one. The name of a variant without data is a text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(value) => Some(value),
            _ => None,
        }
    }

    /// The bytes, if it is a list of bytes in either form.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Bytes(bytes) => Some(bytes),
            Value::Numbers(numbers) if numbers.element() == u8::TYPE => Some(numbers.bytes()),
            _ => None,
        }
    }

    /// The array, if it is one.
    pub fn as_numbers(&self) -> Option<&Numbers> {
        match self {
            Value::Numbers(numbers) => Some(numbers),
            _ => None,
        }
    }

    /// The numbers of a list or array in one row, as floating-point numbers; `None` if anything in it is no number.
    pub fn to_f64s(&self) -> Option<Vec<f64>> {
        match self {
            Value::Numbers(numbers) => Some(numbers.to_f64()),
            Value::List(items) => items.iter().map(Self::to_f64).collect(),
            _ => None,
        }
    }

    /// The field of a struct, the value of a text in a map, or the data of a variant: `reading.get("celsius")`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let Value::Map(entries) = self else {
            return None;
        };
        let mut entries = entries.iter();
        let found = entries.find(|(key, _)| key.as_str() == Some(name));
        found.map(|(_, value)| value)
    }

    /// What stands at a place of a list, tuple or array, counted from 0.
    pub fn at(&self, index: usize) -> Option<Value> {
        match self {
            Value::List(items) => items.get(index).cloned(),
            Value::Numbers(numbers) => numbers.items().nth(index),
            _ => None,
        }
    }

    /// The name of what it is, for errors: "a number", "a list of 3".
    pub(crate) fn kind(&self) -> String {
        match self {
            Value::Null => "nothing".into(),
            Value::Some(_) => "`Some` of nothing".into(),
            Value::Bool(_) => "a truth value".into(),
            Value::Int(_) | Value::UInt(_) => "an integer".into(),
            Value::Float(_) | Value::Float32(_) => "a floating-point number".into(),
            Value::String(_) => "a text".into(),
            Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
            Value::Numbers(numbers) => match numbers.shape() {
                [count] => format!("an array of {count} {}", numbers.element()),
                shape => format!("an array {shape:?} of {}", numbers.element()),
            },
            Value::List(items) => format!("a list of {}", items.len()),
            Value::Map(entries) => format!("a map of {}", entries.len()),
        }
    }
}

/// Returns true if an `f64` holds this integer exactly.
fn has_few_digits(number: u128) -> bool {
    let digits = u128::BITS - number.leading_zeros();
    digits.saturating_sub(number.trailing_zeros()) <= f64::MANTISSA_DIGITS
}

macro_rules! from_integers {
    ($($number:ty)*) => {
        $(impl From<$number> for Value {
            fn from(number: $number) -> Self {
                let wide = i128::try_from(number);
                match wide {
                    Ok(negative @ ..0) => Value::Int(negative),
                    _ => Value::UInt(u128::try_from(number).unwrap_or_default()),
                }
            }
        })*
    };
}

from_integers!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

macro_rules! from {
    ($($ty:ty => $make:expr;)*) => {
        $(impl From<$ty> for Value {
            fn from(value: $ty) -> Self {
                $make(value)
            }
        })*
    };
}

from! {
    () => |()| Value::Null;
    bool => Value::Bool;
    f64 => Value::Float;
    f32 => Value::Float32;
    String => Value::String;
    &str => |text: &str| Value::String(text.into());
    &String => |text: &String| Value::String(text.clone());
    char => |c: char| Value::String(c.into());
    Numbers => Value::Numbers;
    Vec<Value> => Value::List;
}

impl<T: Element> From<Vec<T>> for Value {
    /// An array of numbers, without copying them.
    fn from(list: Vec<T>) -> Self {
        Value::Numbers(list.into())
    }
}

impl<T: Element> From<&[T]> for Value {
    fn from(list: &[T]) -> Self {
        list.to_vec().into()
    }
}

impl<T: Element, const N: usize> From<[T; N]> for Value {
    fn from(list: [T; N]) -> Self {
        list.to_vec().into()
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(option: Option<T>) -> Self {
        match option.map(Into::into) {
            None => Value::Null,
            Some(empty @ (Value::Null | Value::Some(_))) => Value::Some(Box::new(empty)),
            Some(value) => value,
        }
    }
}

macro_rules! try_from {
    ($($ty:ty)*) => {
        $(impl TryFrom<Value> for $ty {
            type Error = CodecError;

            fn try_from(value: Value) -> Result<Self, CodecError> {
                value.into_typed()
            }
        })*
    };
}

try_from!(() bool char String f32 f64 u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

impl<T: Element + serde::de::DeserializeOwned> TryFrom<Value> for Vec<T> {
    type Error = CodecError;

    fn try_from(value: Value) -> Result<Self, CodecError> {
        if let Value::Numbers(numbers) = &value
            && let [_] = numbers.shape()
            && let Some(list) = numbers.to_vec()
        {
            return Ok(list);
        }
        value.into_typed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_given_only_as_what_they_are() {
        assert_eq!(Value::from(20).as_f64(), Some(20.0));
        assert_eq!(Value::from(u64::MAX).as_f64(), None);
        assert_eq!(Value::from(1_u64 << 60).as_f64(), Some(2_f64.powi(60)));
        assert_eq!(Value::from(u128::MAX).as_f64(), None);
        assert_eq!(Value::from(0).as_f64(), Some(0.0));
        assert_eq!(Value::from(-3).as_i64(), Some(-3));
        assert_eq!(Value::from(-3).as_u64(), None);
        assert_eq!(Value::from(true).as_f64(), None);
        assert_eq!(Value::from(0.5_f32).as_f64(), Some(0.5));
        assert_eq!(u8::try_from(Value::from(7)), Ok(7));
        let error = u8::try_from(Value::from(300)).unwrap_err().to_string();
        assert!(error.contains("300") && error.contains("u8"), "{error}");
    }

    #[test]
    fn parts_are_found_by_name_and_by_place() {
        let reading = Value::Map(vec![
            ("celsius".into(), 20.5.into()),
            ("n".into(), 3.into()),
        ]);
        assert_eq!(reading.get("celsius").and_then(Value::as_f64), Some(20.5));
        assert_eq!(reading.get("kelvin"), None);
        let list = Value::from(vec![1_u16, 2, 3]);
        assert_eq!((list.at(2), list.at(3)), (Some(3.into()), None));
        assert_eq!(Vec::<u16>::try_from(list.clone()), Ok(vec![1, 2, 3]));
        assert_eq!(Vec::<f64>::try_from(list), Ok(vec![1.0, 2.0, 3.0]));
        assert_eq!(Value::from(vec![1_u8, 2]).as_bytes(), Some(&[1, 2][..]));
    }

    #[test]
    fn options_are_values() {
        assert_eq!(Value::from(None::<f64>), Value::Null);
        assert_eq!(Value::from(Some(0.5)), Value::Float(0.5));
        assert_eq!(Value::from(Some(None::<u8>)).to_string(), "Some(null)");
    }
}
