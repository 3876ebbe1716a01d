//! The types of numbers that arrays consist of.

use std::fmt;

use super::Value;
use crate::interface::schema::Schema;

/// What the numbers of an array are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, missing_docs, reason = "the types of Rust")]
pub enum ElementType {
    Bool,
    U8,
    U16,
    U32,
    U64,
    U128,
    I8,
    I16,
    I32,
    I64,
    I128,
    F32,
    F64,
}

impl ElementType {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Bool,
        Self::U8,
        Self::U16,
        Self::U32,
        Self::U64,
        Self::U128,
        Self::I8,
        Self::I16,
        Self::I32,
        Self::I64,
        Self::I128,
        Self::F32,
        Self::F64,
    ];

    /// The size of one number in bytes.
    pub fn size(self) -> usize {
        match self {
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
            Self::U128 | Self::I128 => 16,
        }
    }

    /// The name of the type in Rust: `f64`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::U128 => "u128",
            Self::I8 => "i8",
            Self::I16 => "i16",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::I128 => "i128",
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }

    /// The type with this [`name`](Self::name).
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|element| element.name() == name)
    }

    /// The numbers that a schema describes, if it describes one number.
    pub(crate) fn of(schema: &Schema) -> Option<Self> {
        Some(match schema {
            Schema::Bool => Self::Bool,
            Schema::Unsigned(8) => Self::U8,
            Schema::Unsigned(16) => Self::U16,
            Schema::Unsigned(32) => Self::U32,
            Schema::Unsigned(64) => Self::U64,
            Schema::Unsigned(128) => Self::U128,
            Schema::Signed(8) => Self::I8,
            Schema::Signed(16) => Self::I16,
            Schema::Signed(32) => Self::I32,
            Schema::Signed(64) => Self::I64,
            Schema::Signed(128) => Self::I128,
            Schema::Float(32) => Self::F32,
            Schema::Float(64) => Self::F64,
            _ => return None,
        })
    }

    /// The number that these bytes are, of which there must be [`size`](Self::size). `None` for a `bool` that is neither 0
    /// nor 1.
    pub(crate) fn read(self, bytes: &[u8]) -> Option<Value> {
        macro_rules! number {
            ($number:ty) => {
                Value::from(<$number>::from_le_bytes(bytes.try_into().ok()?))
            };
        }
        Some(match self {
            Self::Bool => match bytes {
                [0] => Value::Bool(false),
                [1] => Value::Bool(true),
                _ => return None,
            },
            Self::U8 => number!(u8),
            Self::U16 => number!(u16),
            Self::U32 => number!(u32),
            Self::U64 => number!(u64),
            Self::U128 => number!(u128),
            Self::I8 => number!(i8),
            Self::I16 => number!(i16),
            Self::I32 => number!(i32),
            Self::I64 => number!(i64),
            Self::I128 => number!(i128),
            Self::F32 => number!(f32),
            Self::F64 => number!(f64),
        })
    }
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_element_has_its_name() {
        for element in ElementType::ALL {
            assert_eq!(ElementType::named(element.name()), Some(element));
        }
        assert_eq!(ElementType::named("f16"), None);
    }
}
