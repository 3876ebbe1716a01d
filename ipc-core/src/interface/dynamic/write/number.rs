//! Numbers, from whatever stands for them.

use super::{Misfit, shown};
use crate::interface::value::{ElementType, Value};

/// Appends one number.
pub(super) fn write(value: &Value, element: ElementType, out: &mut Vec<u8>) -> Result<(), Misfit> {
    let misfit = || Misfit::new(format!("`{element}`"), shown(value));
    macro_rules! integer {
        ($number:ty) => {{
            let number: Option<$number> = match integer(value) {
                Some(Integer::Signed(number)) => number.try_into().ok(),
                Some(Integer::Unsigned(number)) => number.try_into().ok(),
                None => wide(value, element)
                    .and_then(|bytes| bytes.try_into().ok())
                    .map(<$number>::from_be_bytes),
            };
            out.extend_from_slice(&number.ok_or_else(misfit)?.to_le_bytes());
        }};
    }
    match element {
        ElementType::Bool => out.push(value.as_bool().ok_or_else(misfit)?.into()),
        ElementType::U8 => integer!(u8),
        ElementType::U16 => integer!(u16),
        ElementType::U32 => integer!(u32),
        ElementType::U64 => integer!(u64),
        ElementType::U128 => integer!(u128),
        ElementType::I8 => integer!(i8),
        ElementType::I16 => integer!(i16),
        ElementType::I32 => integer!(i32),
        ElementType::I64 => integer!(i64),
        ElementType::I128 => integer!(i128),
        ElementType::F32 => out.extend_from_slice(&single(value).ok_or_else(misfit)?.to_le_bytes()),
        ElementType::F64 => out.extend_from_slice(&double(value).ok_or_else(misfit)?.to_le_bytes()),
    }
    Ok(())
}

enum Integer {
    Signed(i128),
    Unsigned(u128),
}

/// An integer, also one that is written as `1e3`, or as a text because it is long.
fn integer(value: &Value) -> Option<Integer> {
    match value {
        Value::Int(number) => Some(Integer::Signed(*number)),
        Value::UInt(number) => Some(Integer::Unsigned(*number)),
        Value::Float(number) => whole(*number).map(Integer::Signed),
        Value::String(digits) if digits.len() >= LONG => match digits.parse() {
            Ok(number) => Some(Integer::Unsigned(number)),
            Err(_) => digits.parse().ok().map(Integer::Signed),
        },
        _ => None,
    }
}

/// The bytes of a 128-bit integer in MessagePack, most significant byte first.
fn wide(value: &Value, element: ElementType) -> Option<&[u8]> {
    match value {
        Value::Bytes(bytes) if element.size() == 16 => Some(bytes),
        _ => None,
    }
}

fn double(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => match special(text)? {
            Special::Number(number) => Some(number),
            Special::Bits(bits) => Some(f64::from_bits(bits)),
        },
        value => value.to_f64(),
    }
}

fn single(value: &Value) -> Option<f32> {
    let number = match value {
        Value::Float32(number) => return Some(*number),
        Value::String(text) => match special(text)? {
            Special::Number(number) => number,
            Special::Bits(bits) => return Some(f32::from_bits(bits.try_into().ok()?)),
        },
        value => double(value)?,
    };
    let narrowed = narrowed(number);
    // A number that is too large for an `f32` would become infinite.
    (narrowed.is_finite() || !number.is_finite()).then_some(narrowed)
}

/// The nearest number of 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "rounding is meant")]
pub(crate) fn narrowed(number: f64) -> f32 {
    number as f32
}

/// A number without a fraction that every digit of is known.
#[expect(
    clippy::cast_possible_truncation,
    reason = "it has no fraction, and is small enough"
)]
fn whole(number: f64) -> Option<i128> {
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i128)
}

enum Special {
    Number(f64),
    Bits(u64),
}

/// A number that JSON does not have, as its text.
fn special(text: &str) -> Option<Special> {
    let bits = text
        .strip_prefix("NaN(0x")
        .and_then(|rest| rest.strip_suffix(')'));
    match (text, bits) {
        ("NaN", _) => Some(Special::Number(f64::NAN)),
        ("Infinity", _) => Some(Special::Number(f64::INFINITY)),
        ("-Infinity", _) => Some(Special::Number(f64::NEG_INFINITY)),
        (_, Some(bits)) => u64::from_str_radix(bits, 16).ok().map(Special::Bits),
        _ => None,
    }
}

/// Up to this, every integer is an `f64`.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Number of digits from which on an integer may be a text, because it has more than 64 bits.
const LONG: usize = 19;
