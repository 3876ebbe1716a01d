//! Access to the parts of lists, maps and variants.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};

use super::{Token, Unpacker};
use crate::wire::codec::CodecError;

/// The elements of a list, or the entries of a map.
pub(super) struct Elements<'a, 'de> {
    unpacker: &'a mut Unpacker<'de>,
    left: usize,
    pub(super) known: Option<&'static [&'static str]>,
}

impl<'a, 'de> Elements<'a, 'de> {
    pub(super) fn new(unpacker: &'a mut Unpacker<'de>, count: usize) -> Self {
        Self {
            unpacker,
            left: count,
            known: None,
        }
    }

    fn next(&mut self) -> bool {
        let is_one = self.left > 0;
        self.left -= usize::from(is_one);
        is_one
    }

    /// Checks that all elements have been read.
    pub(super) fn finish(self, count: usize, what: &str) -> Result<(), CodecError> {
        match self.left {
            0 => Ok(()),
            left => {
                let expected = format!("{} {what}", count - left);
                Err(Error::invalid_length(count, &expected.as_str()))
            }
        }
    }

    fn check_key(&self) -> Result<(), CodecError> {
        let Some(known) = self.known else {
            return Ok(());
        };
        match self.unpacker.peek()? {
            Token::Str(bytes) => match str::from_utf8(bytes) {
                Ok(key) if !known.contains(&key) => Err(Error::unknown_field(key, known)),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = CodecError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, CodecError> {
        match self.next() {
            true => seed.deserialize(&mut *self.unpacker).map(Some),
            false => Ok(None),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> MapAccess<'de> for Elements<'_, 'de> {
    type Error = CodecError;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, CodecError> {
        if !self.next() {
            return Ok(None);
        }
        self.check_key()?;
        seed.deserialize(&mut *self.unpacker).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, CodecError> {
        seed.deserialize(&mut *self.unpacker)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// A variant: its name, or a map from its name to its data.
pub(super) struct Variant<'a, 'de> {
    unpacker: &'a mut Unpacker<'de>,
    has_data: bool,
}

impl<'a, 'de> Variant<'a, 'de> {
    pub(super) fn with_data(unpacker: &'a mut Unpacker<'de>) -> Self {
        Self {
            unpacker,
            has_data: true,
        }
    }

    pub(super) fn without_data(unpacker: &'a mut Unpacker<'de>) -> Self {
        Self {
            unpacker,
            has_data: false,
        }
    }
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = CodecError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self), CodecError> {
        let variant = seed.deserialize(&mut *self.unpacker)?;
        if !self.has_data {
            self.unpacker.pending = Some(0);
        }
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = CodecError;

    fn unit_variant(self) -> Result<(), CodecError> {
        match self.unpacker.token()? {
            Token::Nil => Ok(()),
            _ => Err(Error::invalid_type(
                Unexpected::NewtypeVariant,
                &"a variant without data",
            )),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<S::Value, CodecError> {
        seed.deserialize(self.unpacker)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, CodecError> {
        self.unpacker.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        self.unpacker.deserialize_struct("", fields, visitor)
    }
}
