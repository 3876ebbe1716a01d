//! Reading values: the deserialiser of the codec.

use serde::de::value::U32Deserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::{CodecError, NOT_SELF_DESCRIBING, OTHERWISE, UNLIKE, not_utf8};
use crate::wire::block::{Aside, CutBlock};
use crate::wire::guard::block::Element;

/// Bytes that values are read from.
///
/// Nothing is allocated here, and no limit is kept but the end of the bytes: a `Guarded` around it does both.
pub(super) struct Input<'de, 'a> {
    pub(super) rest: &'de [u8],
    /// Long lists that are not among the bytes.
    pub(super) aside: &'a Aside,
}

impl<'de, 'a> Input<'de, 'a> {
    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (array, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(CodecError::UnexpectedEnd)?;
        self.rest = rest;
        Ok(*array)
    }

    fn bytes(&mut self, count: usize) -> Result<&'de [u8], CodecError> {
        let (bytes, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or(CodecError::UnexpectedEnd)?;
        self.rest = rest;
        Ok(bytes)
    }

    #[inline]
    fn count(&mut self) -> Result<usize, CodecError> {
        let count = u64::from_le_bytes(self.array()?);
        usize::try_from(count).map_err(|_| CodecError::TooManyElements)
    }

    fn text(&mut self) -> Result<&'de str, CodecError> {
        let count = self.count()?;
        std::str::from_utf8(self.bytes(count)?).map_err(|error| invalid_text(&error))
    }

    #[inline]
    fn char(&mut self) -> Result<char, CodecError> {
        match self.rest.split_first() {
            Some((first, rest)) if first.is_ascii() => {
                self.rest = rest;
                Ok(char::from(*first))
            }
            _ => self.long_char(),
        }
    }

    fn long_char(&mut self) -> Result<char, CodecError> {
        let first = self.rest.first().ok_or(CodecError::UnexpectedEnd)?;
        let length = match first {
            0xc2..0xe0 => 2,
            0xe0..0xf0 => 3,
            0xf0..0xf5 => 4,
            _ => 1,
        };
        let text = std::str::from_utf8(self.bytes(length)?).ok();
        text.and_then(|text| text.chars().next()).ok_or_else(|| {
            let what = "expected a character in UTF-8, but found other bytes";
            CodecError::Invalid(format!("{what}{UNLIKE}"))
        })
    }

    /// The bytes of a list whose elements consist of numbers.
    fn block(&mut self, count: usize, of: Element) -> Result<&'de [u8], CodecError> {
        let size = count.checked_mul(of.size());
        let size = size.ok_or(CodecError::UnexpectedEnd)?;
        let element = of.number;
        let begun = self.rest.len();
        self.bytes(size).inspect_err(|_| {
            self.aside.note_cut(CutBlock {
                begun,
                element,
                size,
            });
        })
    }

    /// Takes a list that is not among the bytes, if one stands here. Its number of elements has been read.
    #[inline]
    fn aside(&self) -> Option<Vec<u8>> {
        match self.aside.is_next(self.rest.len()) {
            true => self.aside.take()?.into_list(),
            false => None,
        }
    }

    fn parts(&mut self, count: usize) -> Parts<'_, 'de, 'a> {
        Parts {
            input: self,
            left: count,
        }
    }
}

macro_rules! numbers {
    ($($method:ident: $visit:ident($number:ty),)*) => {
        $(#[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
            visitor.$visit(<$number>::from_le_bytes(self.array()?))
        })*
    };
}

macro_rules! self_describing {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, CodecError> {
            Err(CodecError::Invalid(format!("{NOT_SELF_DESCRIBING}; {OTHERWISE}")))
        })*
    };
}

impl<'de> Deserializer<'de> for &mut Input<'de, '_> {
    type Error = CodecError;

    numbers! {
        deserialize_i8: visit_i8(i8), deserialize_i16: visit_i16(i16), deserialize_i32: visit_i32(i32),
        deserialize_i64: visit_i64(i64), deserialize_i128: visit_i128(i128), deserialize_u8: visit_u8(u8),
        deserialize_u16: visit_u16(u16), deserialize_u32: visit_u32(u32), deserialize_u64: visit_u64(u64),
        deserialize_u128: visit_u128(u128), deserialize_f32: visit_f32(f32), deserialize_f64: visit_f64(f64),
    }
    self_describing!(deserialize_any deserialize_identifier deserialize_ignored_any);

    #[inline]
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        match self.array()? {
            [0] => visitor.visit_bool(false),
            [1] => visitor.visit_bool(true),
            [other] => Err(CodecError::Invalid(not_a_bool(other))),
        }
    }

    #[inline]
    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_char(self.char()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        let count = self.count()?;
        match self.aside() {
            None => {
                let text = std::str::from_utf8(self.block(count, Element::BYTE)?);
                visitor.visit_borrowed_str(text.map_err(|error| invalid_text(&error))?)
            }
            Some(bytes) => {
                let text = String::from_utf8(bytes);
                visitor.visit_string(text.map_err(|error| invalid_text(&error.utf8_error()))?)
            }
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        let count = self.count()?;
        visitor.visit_borrowed_bytes(self.bytes(count)?)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        let count = self.count()?;
        match self.aside() {
            None => visitor.visit_borrowed_bytes(self.block(count, Element::BYTE)?),
            Some(bytes) => visitor.visit_byte_buf(bytes),
        }
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        match self.array()? {
            [0] => visitor.visit_none(),
            [1] => visitor.visit_some(self),
            [other] => Err(CodecError::Invalid(format!(
                "expected an option, which begins with the byte 0 or 1, but found {other}{UNLIKE}"
            ))),
        }
    }

    #[inline]
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        match Element::requested_by(name) {
            None => visitor.visit_newtype_struct(self),
            Some(element) => {
                let count = self.count()?;
                match self.aside.is_next(self.rest.len()) {
                    true => visitor.visit_unit(),
                    false => visitor.visit_borrowed_bytes(self.block(count, element)?),
                }
            }
        }
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        let count = self.count()?;
        visitor.visit_seq(self.parts(count))
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        visitor.visit_seq(self.parts(count))
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        visitor.visit_seq(self.parts(count))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        let count = self.count()?;
        visitor.visit_map(self.parts(count))
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        visitor.visit_seq(self.parts(fields.len()))
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        visitor.visit_enum(self)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

#[cold]
fn invalid_text(error: &std::str::Utf8Error) -> CodecError {
    CodecError::Invalid(not_utf8(error))
}

#[cold]
pub(in crate::wire) fn not_a_bool(found: u8) -> String {
    format!("expected a bool, the byte 0 or 1, but found {found}{UNLIKE}")
}

/// The elements of a list, the entries of a map, or the fields of a struct.
struct Parts<'i, 'de, 'a> {
    input: &'i mut Input<'de, 'a>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Parts<'_, 'de, '_> {
    type Error = CodecError;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, CodecError> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        // A copy, which the compiler can keep in registers.
        let mut input = Input { ..*self.input };
        let element = seed.deserialize(&mut input);
        self.input.rest = input.rest;
        element.map(Some)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> MapAccess<'de> for Parts<'_, 'de, '_> {
    type Error = CodecError;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, CodecError> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, CodecError> {
        seed.deserialize(&mut *self.input)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> EnumAccess<'de> for &mut Input<'de, '_> {
    type Error = CodecError;
    type Variant = Self;

    #[inline]
    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self), CodecError> {
        let number: U32Deserializer<CodecError> =
            u32::from_le_bytes(self.array()?).into_deserializer();
        Ok((seed.deserialize(number)?, self))
    }
}

impl<'de> VariantAccess<'de> for &mut Input<'de, '_> {
    type Error = CodecError;

    #[inline]
    fn unit_variant(self) -> Result<(), CodecError> {
        Ok(())
    }

    #[inline]
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<S::Value, CodecError> {
        seed.deserialize(self)
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(
        self,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        visitor.visit_seq(self.parts(count))
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        visitor.visit_seq(self.parts(fields.len()))
    }
}
