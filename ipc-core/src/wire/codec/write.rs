//! Writing values: the serialiser of the codec.

use castaway::cast;
use serde::Serialize;
use serde::ser::{self, Serializer};

use super::{CodecError, NO_COUNT};
use crate::wire::bulk::Lent;

/// Writes values to a [`Sink`].
///
/// A list of plain numbers is written as one block, wherever it stands in a value: on a little-endian machine its bytes
/// in memory are those on the wire.
pub(super) struct Output<S>(pub(super) S);

impl<S: Sink> Output<S> {
    /// Writes a value.
    #[inline]
    pub(super) fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CodecError> {
        macro_rules! try_vec {
            ($number:ty) => {
                if let Ok(list) = cast!(value, &Vec<$number>) {
                    return self.list(address_of(list), list.len(), bytemuck::cast_slice(list));
                }
            };
        }
        // Most types are ruled out by their size, without a look at each of the others.
        if size_of_val(value) == size_of::<Vec<u8>>() {
            if let Ok(text) = cast!(value, &String) {
                return self.list(address_of(text), text.len(), text.as_bytes());
            }
            if cfg!(target_endian = "little") {
                super::for_each_plain!(try_vec);
            }
        }
        value.serialize(self)
    }

    /// Writes a list of `count` elements, whose owner stands at `address`.
    fn list(&mut self, address: usize, count: usize, bytes: &[u8]) -> Result<(), CodecError> {
        if bytes.is_empty()
            && let Some(lent) = self.0.lent(address)
        {
            return lent;
        }
        self.block(count, bytes)
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> Result<(), CodecError> {
        self.0.put(bytes)
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

    fn variant(&mut self, number: u32) -> Result<&mut Self, CodecError> {
        self.put(&number.to_le_bytes())?;
        Ok(self)
    }

    /// Writes the number of elements and then each one by `write`.
    fn elements<T>(
        &mut self,
        elements: impl Iterator<Item = T>,
        write: impl Elements<T>,
    ) -> Result<(), CodecError> {
        let count = match elements.size_hint() {
            (least, Some(most)) if least == most => least,
            _ => return Err(CodecError::Invalid(NO_COUNT.into())),
        };
        self.count(count)?;
        match S::CAN_STAGE && count >= MANY {
            true => self.stage(elements, write),
            false => {
                for element in elements {
                    write.write(self, &element)?;
                }
                Ok(())
            }
        }
    }

    /// Writes elements by way of a small buffer, of which the compiler can keep everything but the bytes in registers.
    fn stage<T>(
        &mut self,
        elements: impl Iterator<Item = T>,
        write: impl Elements<T>,
    ) -> Result<(), CodecError> {
        let mut stage = Output(Stage::new());
        for element in elements {
            let begins = stage.0.filled;
            let written = write.write(&mut stage, &element);
            if !stage.0.is_full {
                written?;
                continue;
            }
            // It did not fit: it is written again, to the buffer if it takes but a small part of it.
            self.put(stage.0.bytes.get(..begins).unwrap_or_default())?;
            stage.0.filled = 0;
            stage.0.is_full = false;
            let written = match begins >= STAGE / 2 {
                true => write.write(&mut stage, &element),
                false => Ok(stage.0.is_full = true),
            };
            match stage.0.is_full {
                true => {
                    (stage.0.filled, stage.0.is_full) = (0, false);
                    write.write(self, &element)?;
                }
                false => written?,
            }
        }
        self.put(stage.0.bytes.get(..stage.0.filled).unwrap_or_default())
    }
}

fn address_of<T>(value: &T) -> usize {
    std::ptr::from_ref(value).addr()
}

/// Where bytes are written to.
pub(super) trait Sink {
    /// True if the elements of long lists are collected before they are put here.
    const CAN_STAGE: bool;

    /// Appends bytes.
    fn put(&mut self, bytes: &[u8]) -> Result<(), CodecError>;

    /// Writes the list that was taken out of its owner at `address`, if one was.
    #[inline]
    fn lent(&mut self, _address: usize) -> Option<Result<(), CodecError>> {
        None
    }
}

/// A buffer that may grow up to a limit.
pub(super) struct Buffer<'a> {
    out: &'a mut Vec<u8>,
    limit: usize,
    /// The lists that were taken out of the value.
    lent: Option<&'a mut Lent>,
}

impl<'a> Buffer<'a> {
    /// Appends to `out`, which may grow to `limit` bytes, those of the lists in `lent` included.
    pub(super) fn new(out: &'a mut Vec<u8>, limit: usize, lent: Option<&'a mut Lent>) -> Self {
        Self { out, limit, lent }
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

    fn too_large(&self) -> CodecError {
        let lent = self.lent.as_ref().map_or(0, |lent| lent.placed_bytes());
        let limit = self.limit.saturating_add(lent);
        CodecError::TooLarge { limit }
    }
}

impl Sink for Buffer<'_> {
    const CAN_STAGE: bool = true;

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> Result<(), CodecError> {
        let room = self.out.capacity().min(self.limit);
        if bytes.len() > room.saturating_sub(self.out.len()) {
            self.make_room(bytes.len())?;
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn lent(&mut self, address: usize) -> Option<Result<(), CodecError>> {
        let (count, size) = self.lent.as_ref()?.find(address)?;
        Some(self.put(&(count as u64).to_le_bytes()).and_then(|()| {
            match self.limit.checked_sub(size) {
                Some(left) if left >= self.out.len() => {
                    self.limit = left;
                    if let Some(lent) = &mut self.lent {
                        lent.place(address, self.out.len());
                    }
                    Ok(())
                }
                _ => Err(self.too_large()),
            }
        }))
    }
}

/// A small buffer that says when it is full.
struct Stage {
    bytes: [u8; STAGE],
    filled: usize,
    is_full: bool,
}

impl Stage {
    fn new() -> Self {
        Self {
            bytes: [0; STAGE],
            filled: 0,
            is_full: false,
        }
    }
}

impl Sink for Stage {
    const CAN_STAGE: bool = false;

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> Result<(), CodecError> {
        let end = self.filled.wrapping_add(bytes.len());
        let Some(place) = self.bytes.get_mut(self.filled..end) else {
            self.is_full = true;
            return Err(CodecError::UnexpectedEnd);
        };
        place.copy_from_slice(bytes);
        self.filled = end;
        Ok(())
    }
}

/// How the elements of a list or the entries of a map are written.
trait Elements<T> {
    fn write<S: Sink>(&self, output: &mut Output<S>, element: &T) -> Result<(), CodecError>;
}

struct OfList;

impl<T: Serialize> Elements<T> for OfList {
    #[inline]
    fn write<S: Sink>(&self, output: &mut Output<S>, element: &T) -> Result<(), CodecError> {
        output.value(element)
    }
}

struct OfMap;

impl<K: Serialize, V: Serialize> Elements<(K, V)> for OfMap {
    #[inline]
    fn write<S: Sink>(
        &self,
        output: &mut Output<S>,
        (key, value): &(K, V),
    ) -> Result<(), CodecError> {
        output.value(key)?;
        output.value(value)
    }
}

/// Minimum number of elements that are worth a [`Stage`].
const MANY: usize = 64;
/// Size of a [`Stage`] in bytes.
const STAGE: usize = 4096;

macro_rules! numbers {
    ($($method:ident: $number:ty,)*) => {
        $(#[inline]
        fn $method(self, value: $number) -> Result<(), CodecError> {
            self.put(&value.to_le_bytes())
        })*
    };
}

impl<S: Sink> Serializer for &mut Output<S> {
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
        self.elements(elements.into_iter(), OfList)
    }

    fn collect_map<K, V, I>(self, entries: I) -> Result<(), CodecError>
    where
        K: Serialize,
        V: Serialize,
        I: IntoIterator<Item = (K, V)>,
    {
        self.elements(entries.into_iter(), OfMap)
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
        $(impl<S: Sink> ser::$parts for &mut Output<S> {
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

impl<S: Sink> ser::SerializeMap for &mut Output<S> {
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
