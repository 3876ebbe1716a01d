//! Writing values: the serialiser of the codec.

use castaway::cast;
use serde::Serialize;
use serde::ser::{self, Serializer};

use super::{CodecError, NO_COUNT};
use crate::wire::bulk::Lent;

/// Appends values to a buffer, up to a limit.
///
/// A list of plain numbers is written as one block where serde hands over its `Vec`: on a little-endian machine its bytes in
/// memory are those on the wire. Of the values of a map and the like, serde hands over references, and their elements are
/// written one by one.
pub(super) struct Output<'a> {
    out: &'a mut Vec<u8>,
    limit: usize,
    /// The lists that were taken out of the value.
    lent: Option<&'a mut Lent>,
    /// Where the value stands that is being written, if it may own a list; 0 otherwise.
    address: usize,
}

impl<'a> Output<'a> {
    /// Appends to `out`, which may grow to `limit` bytes, those of the lists in `lent` included.
    pub(super) fn new(out: &'a mut Vec<u8>, limit: usize, lent: Option<&'a mut Lent>) -> Self {
        Self {
            out,
            limit,
            lent,
            address: 0,
        }
    }

    /// Writes a value.
    #[inline]
    pub(super) fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CodecError> {
        macro_rules! try_vec {
            ($number:ty) => {
                if let Ok(list) = cast!(value, &Vec<$number>) {
                    return self.list(address_of(list), list.len(), bytemuck::cast_slice(list));
                }
                if let Ok(lists) = cast!(value, &Vec<Vec<$number>>) {
                    self.count(lists.len())?;
                    return lists.iter().try_for_each(|list| {
                        self.list(address_of(list), list.len(), bytemuck::cast_slice(list))
                    });
                }
            };
        }
        // Most types are ruled out by their size, without a look at each of the others.
        let size = size_of_val(value);
        if size == size_of::<Vec<u8>>() {
            if let Ok(text) = cast!(value, &String) {
                return self.list(address_of(text), text.len(), text.as_bytes());
            }
            if let Ok(texts) = cast!(value, &Vec<String>) {
                self.count(texts.len())?;
                return texts
                    .iter()
                    .try_for_each(|text| self.list(address_of(text), text.len(), text.as_bytes()));
            }
            if cfg!(target_endian = "little") {
                super::for_each_plain!(try_vec);
            }
        }
        // Otherwise an empty list in a field with `serialize_with` would be taken for the list that the last value owned.
        self.address = match size == size_of::<Vec<u8>>() || size == size_of::<Box<[u8]>>() {
            true => address_of(value),
            false => 0,
        };
        value.serialize(self)
    }

    /// Writes a list of `count` elements, whose owner stands at `address`.
    fn list(&mut self, address: usize, count: usize, bytes: &[u8]) -> Result<(), CodecError> {
        if bytes.is_empty()
            && let Some(lent) = self.lent(address)
        {
            return lent;
        }
        self.block(count, bytes)
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> Result<(), CodecError> {
        let room = self.out.capacity().min(self.limit);
        if bytes.len() > room.saturating_sub(self.out.len()) {
            self.make_room(bytes.len())?;
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    #[cold]
    fn make_room(&mut self, bytes: usize) -> Result<(), CodecError> {
        let needed = self.out.len().checked_add(bytes);
        let needed = needed.filter(|needed| *needed <= self.limit);
        let needed = needed.ok_or_else(|| self.too_large())?;
        let wanted = needed.max(self.out.capacity().saturating_mul(2));
        let wanted = wanted.min(self.limit);
        self.out.reserve_exact(wanted - self.out.len());
        Ok(())
    }

    #[cold]
    fn too_large(&self) -> CodecError {
        let lent = self.lent.as_ref().map_or(0, |lent| lent.placed_bytes());
        let limit = self.limit.saturating_add(lent);
        CodecError::TooLarge { limit }
    }

    /// Writes the number of elements, and their bytes.
    fn block(&mut self, count: usize, bytes: &[u8]) -> Result<(), CodecError> {
        self.count(count)?;
        self.put(bytes)
    }

    #[inline]
    fn count(&mut self, count: usize) -> Result<(), CodecError> {
        self.put(&(count as u64).to_le_bytes())
    }

    #[inline]
    fn variant(&mut self, number: u32) -> Result<&mut Self, CodecError> {
        self.put(&number.to_le_bytes())?;
        Ok(self)
    }

    /// Makes room for `count` values like the one that has been written since `start`, if it is a short one.
    fn reserve_same(&mut self, start: usize, count: usize) {
        let size = self.out.len().saturating_sub(start);
        let room = self.limit.saturating_sub(self.out.len());
        if size <= SHORT_ELEMENT {
            let wanted = size.saturating_mul(count).min(room).min(MAX_AHEAD);
            self.out.reserve_exact(wanted);
        }
    }

    /// Writes the list that was taken out of its owner at `address`, if one was.
    fn lent(&mut self, address: usize) -> Option<Result<(), CodecError>> {
        let (count, size) = self.lent.as_ref()?.find(address)?;
        let written = self.count(count).and_then(|()| {
            let left = self.limit.checked_sub(size);
            let left = left.filter(|left| *left >= self.out.len());
            self.limit = left.ok_or_else(|| self.too_large())?;
            if let Some(lent) = &mut self.lent {
                lent.place(address, self.out.len());
            }
            Ok(())
        });
        Some(written)
    }
}

fn address_of<T: ?Sized>(value: &T) -> usize {
    std::ptr::from_ref(value).addr()
}

macro_rules! numbers {
    ($($method:ident: $number:ty,)*) => {
        $(#[inline]
        fn $method(self, value: $number) -> Result<(), CodecError> {
            self.put(&value.to_le_bytes())
        })*
    };
}

impl Serializer for &mut Output<'_> {
    type Ok = ();
    type Error = CodecError;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    numbers! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128,
        serialize_f32: f32, serialize_f64: f64,
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), CodecError> {
        self.put(&[u8::from(value)])
    }

    #[inline]
    fn serialize_char(self, value: char) -> Result<(), CodecError> {
        self.put(value.encode_utf8(&mut [0; 4]).as_bytes())
    }

    fn serialize_str(self, value: &str) -> Result<(), CodecError> {
        self.block(value.len(), value.as_bytes())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), CodecError> {
        self.block(value.len(), value)
    }

    #[inline]
    fn serialize_none(self) -> Result<(), CodecError> {
        self.put(&[0])
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), CodecError> {
        self.put(&[1])?;
        self.value(value)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), CodecError> {
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), CodecError> {
        Ok(())
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        _name: &'static str,
        number: u32,
        _variant: &'static str,
    ) -> Result<(), CodecError> {
        self.variant(number).map(drop)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), CodecError> {
        self.value(value)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        number: u32,
        _variant: &'static str,
        value: &T,
    ) -> Result<(), CodecError> {
        self.variant(number)?.value(value)
    }

    #[inline]
    fn serialize_seq(self, count: Option<usize>) -> Result<Self, CodecError> {
        let count = count.ok_or_else(|| CodecError::Invalid(NO_COUNT.into()))?;
        self.count(count)?;
        Ok(self)
    }

    fn collect_seq<I>(self, elements: I) -> Result<(), CodecError>
    where
        I: IntoIterator,
        I::Item: Serialize,
    {
        let mut elements = elements.into_iter();
        let (count, most) = elements.size_hint();
        if most == Some(0)
            && let Some(lent) = self.lent(self.address)
        {
            return lent;
        }
        let output = self.serialize_seq(most.filter(|most| *most == count))?;
        let start = output.out.len();
        if let Some(first) = elements.next() {
            output.value(&first)?;
            output.reserve_same(start, count.saturating_sub(1));
        }
        elements.try_for_each(|element| output.value(&element))
    }

    #[inline]
    fn serialize_tuple(self, _count: usize) -> Result<Self, CodecError> {
        Ok(self)
    }

    #[inline]
    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _count: usize,
    ) -> Result<Self, CodecError> {
        Ok(self)
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        number: u32,
        _variant: &'static str,
        _count: usize,
    ) -> Result<Self, CodecError> {
        self.variant(number)
    }

    fn serialize_map(self, count: Option<usize>) -> Result<Self, CodecError> {
        self.serialize_seq(count)
    }

    #[inline]
    fn serialize_struct(self, _name: &'static str, _count: usize) -> Result<Self, CodecError> {
        Ok(self)
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        _name: &'static str,
        number: u32,
        _variant: &'static str,
        _count: usize,
    ) -> Result<Self, CodecError> {
        self.variant(number)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

macro_rules! parts {
    ($($parts:ident: $method:ident($($key:ty)?),)*) => {
        $(impl ser::$parts for &mut Output<'_> {
            type Ok = ();
            type Error = CodecError;

            #[inline]
            fn $method<T: Serialize + ?Sized>(
                &mut self,
                $(_key: $key,)?
                value: &T,
            ) -> Result<(), CodecError> {
                self.value(value)
            }

            #[inline]
            fn end(self) -> Result<(), CodecError> {
                Ok(())
            }
        })*
    };
}

parts! {
    SerializeSeq: serialize_element(),
    SerializeTuple: serialize_element(),
    SerializeTupleStruct: serialize_field(),
    SerializeTupleVariant: serialize_field(),
    SerializeStruct: serialize_field(&'static str),
    SerializeStructVariant: serialize_field(&'static str),
}

impl ser::SerializeMap for &mut Output<'_> {
    type Ok = ();
    type Error = CodecError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), CodecError> {
        self.value(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CodecError> {
        self.value(value)
    }

    fn end(self) -> Result<(), CodecError> {
        Ok(())
    }
}

/// Maximum size in bytes of an element by which memory is reserved for the others.
const SHORT_ELEMENT: usize = 1024;
/// Maximum number of bytes that are reserved for them.
const MAX_AHEAD: usize = 64 * 1024 * 1024;
