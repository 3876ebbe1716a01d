//! Encodes values as MessagePack, structs with their field names.

use std::fmt::Display;

use rmp::encode;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};
use serde::{Serialize, Serializer};

use crate::wire::codec::CodecError;

/// Encodes `value` as MessagePack, structs with their field names.
///
/// # Errors
///
/// The type cannot be serialised, or does not write as many elements as it announces.
pub fn pack<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CodecError> {
    let mut out = Vec::new();
    value.serialize(Packer(&mut out))?;
    Ok(out)
}

/// Extension type for `Some` around nil. Its one byte of data is the number of nested `Some`s.
pub(super) const SOME: i8 = 1;

const NIL: u8 = 0xc0;
const FIXEXT_1: u8 = 0xd4;

/// Appends one value.
struct Packer<'a>(&'a mut Vec<u8>);

/// Appends the elements of one list or map.
struct Compound<'a> {
    out: &'a mut Vec<u8>,
    length: Length,
    written: usize,
}

/// How the length of a list or map is written into its header.
enum Length {
    /// The length was announced, and the header has been written.
    Announced(usize),
    /// The length is known at the end. The header is then inserted before the elements.
    Counted { begin: usize, header: Header },
}

type Header = fn(&mut Vec<u8>, usize) -> Result<(), CodecError>;

fn array_header(out: &mut Vec<u8>, length: usize) -> Result<(), CodecError> {
    done(encode::write_array_len(out, narrow(length)?))
}

fn map_header(out: &mut Vec<u8>, length: usize) -> Result<(), CodecError> {
    done(encode::write_map_len(out, narrow(length)?))
}

fn narrow(length: usize) -> Result<u32, CodecError> {
    let too_long = "MessagePack has no form for more than 4,294,967,295 elements or bytes";
    u32::try_from(length).map_err(|_| CodecError::Invalid(too_long.into()))
}

fn done<T, E: Display>(written: Result<T, E>) -> Result<(), CodecError> {
    match written {
        Ok(_) => Ok(()),
        Err(error) => Err(CodecError::Invalid(error.to_string())),
    }
}

impl<'a> Packer<'a> {
    fn elements(self, length: Option<usize>, header: Header) -> Result<Compound<'a>, CodecError> {
        let length = match length {
            Some(length) => {
                header(self.0, length)?;
                Length::Announced(length)
            }
            None => Length::Counted {
                begin: self.0.len(),
                header,
            },
        };
        Ok(Compound {
            out: self.0,
            length,
            written: 0,
        })
    }

    /// Begins a variant with data: a map with one entry, from the variant's name to its data.
    fn variant(self, name: &str) -> Result<Self, CodecError> {
        map_header(self.0, 1)?;
        Packer(self.0).serialize_str(name)?;
        Ok(self)
    }
}

/// Counts one more `Some` around the nil written since `begin`. Any other value stays as it is.
fn count_some(out: &mut Vec<u8>, begin: usize) -> Result<(), CodecError> {
    let count = match out.get(begin..) {
        Some([NIL]) => 1,
        Some([FIXEXT_1, kind, count]) if *kind == SOME.to_be_bytes()[0] => {
            count.checked_add(1).ok_or(CodecError::TooDeep)?
        }
        _ => return Ok(()),
    };
    out.truncate(begin);
    done(encode::write_ext_meta(out, 1, SOME))?;
    out.push(count);
    Ok(())
}

impl Compound<'_> {
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CodecError> {
        self.written += 1;
        value.serialize(Packer(self.out))
    }

    /// Appends a part of an element.
    fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CodecError> {
        value.serialize(Packer(self.out))
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), CodecError> {
        Packer(self.out).serialize_str(name)?;
        self.element(value)
    }

    fn finish(self) -> Result<(), CodecError> {
        match self.length {
            Length::Announced(length) if length == self.written => Ok(()),
            Length::Announced(length) => Err(CodecError::Invalid(format!(
                "its type announces {length} elements and writes {}",
                self.written
            ))),
            Length::Counted { begin, header } => {
                let elements = self.out.split_off(begin);
                header(self.out, self.written)?;
                self.out.extend(elements);
                Ok(())
            }
        }
    }
}

impl<'a> Serializer for Packer<'a> {
    type Ok = ();
    type Error = CodecError;
    type SerializeSeq = Compound<'a>;
    type SerializeTuple = Compound<'a>;
    type SerializeTupleStruct = Compound<'a>;
    type SerializeTupleVariant = Compound<'a>;
    type SerializeMap = Compound<'a>;
    type SerializeStruct = Compound<'a>;
    type SerializeStructVariant = Compound<'a>;

    fn serialize_bool(self, value: bool) -> Result<(), CodecError> {
        done(encode::write_bool(self.0, value))
    }

    fn serialize_i8(self, value: i8) -> Result<(), CodecError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), CodecError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), CodecError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), CodecError> {
        done(encode::write_sint(self.0, value))
    }

    /// MessagePack has no 128-bit integers; they are written as 16 bytes, big-endian.
    fn serialize_i128(self, value: i128) -> Result<(), CodecError> {
        self.serialize_bytes(&value.to_be_bytes())
    }

    fn serialize_u8(self, value: u8) -> Result<(), CodecError> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), CodecError> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), CodecError> {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), CodecError> {
        done(encode::write_uint(self.0, value))
    }

    fn serialize_u128(self, value: u128) -> Result<(), CodecError> {
        self.serialize_bytes(&value.to_be_bytes())
    }

    fn serialize_f32(self, value: f32) -> Result<(), CodecError> {
        done(encode::write_f32(self.0, value))
    }

    fn serialize_f64(self, value: f64) -> Result<(), CodecError> {
        done(encode::write_f64(self.0, value))
    }

    fn serialize_char(self, value: char) -> Result<(), CodecError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), CodecError> {
        narrow(value.len())?;
        done(encode::write_str(self.0, value))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), CodecError> {
        narrow(value.len())?;
        done(encode::write_bin(self.0, value))
    }

    fn serialize_none(self) -> Result<(), CodecError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), CodecError> {
        let begin = self.0.len();
        value.serialize(Packer(self.0))?;
        count_some(self.0, begin)
    }

    fn serialize_unit(self) -> Result<(), CodecError> {
        done(encode::write_nil(self.0))
    }

    /// Writes an empty list, which `Some` around it does not change.
    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), CodecError> {
        array_header(self.0, 0)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), CodecError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), CodecError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), CodecError> {
        value.serialize(self.variant(variant)?)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Compound<'a>, CodecError> {
        self.elements(length, array_header)
    }

    fn serialize_tuple(self, length: usize) -> Result<Compound<'a>, CodecError> {
        self.elements(Some(length), array_header)
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        length: usize,
    ) -> Result<Compound<'a>, CodecError> {
        self.elements(Some(length), array_header)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Compound<'a>, CodecError> {
        self.variant(variant)?.elements(Some(length), array_header)
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Compound<'a>, CodecError> {
        self.elements(length, map_header)
    }

    fn serialize_struct(
        self,
        _name: &'static str,
        length: usize,
    ) -> Result<Compound<'a>, CodecError> {
        self.elements(Some(length), map_header)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Compound<'a>, CodecError> {
        self.variant(variant)?.elements(Some(length), map_header)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

macro_rules! elements {
    ($($kind:ident: $method:ident($($name:ident: $ty:ty)?) => $how:ident;)*) => {
        $(impl $kind for Compound<'_> {
            type Ok = ();
            type Error = CodecError;

            fn $method<T: Serialize + ?Sized>(
                &mut self,
                $($name: $ty,)?
                value: &T,
            ) -> Result<(), CodecError> {
                self.$how($($name,)? value)
            }

            fn end(self) -> Result<(), CodecError> {
                self.finish()
            }
        })*
    };
}

elements! {
    SerializeSeq: serialize_element() => element;
    SerializeTuple: serialize_element() => element;
    SerializeTupleStruct: serialize_field() => element;
    SerializeTupleVariant: serialize_field() => element;
    SerializeStruct: serialize_field(name: &'static str) => field;
    SerializeStructVariant: serialize_field(name: &'static str) => field;
}

impl SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = CodecError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), CodecError> {
        self.part(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CodecError> {
        self.element(value)
    }

    fn end(self) -> Result<(), CodecError> {
        self.finish()
    }
}
