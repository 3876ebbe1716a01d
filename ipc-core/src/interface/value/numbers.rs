//! Arrays of numbers as the bytes that they have on the wire.

use std::fmt;

use bytemuck::{AnyBitPattern, NoUninit};
use bytes::Bytes;
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use super::{ElementType, Value};
use crate::wire::block::BlockMemory;
use crate::wire::codec::CodecError;

/// A Rust type that an array can consist of.
pub trait Element: NoUninit + sealed::Number {
    /// Its name here.
    const TYPE: ElementType;
}

mod sealed {
    /// Reads and writes the bytes of the wire.
    pub trait Number: Sized {
        fn from_wire(bytes: &[u8]) -> Vec<Self>;
        fn to_wire(list: Vec<Self>) -> bytes::Bytes;
    }
}

macro_rules! elements {
    ($($number:ty => $element:ident;)*) => {
        $(impl Element for $number {
            const TYPE: ElementType = ElementType::$element;
        }

        impl sealed::Number for $number {
            fn from_wire(bytes: &[u8]) -> Vec<Self> {
                if cfg!(target_endian = "little") {
                    return collected(bytes);
                }
                let chunks = bytes.as_chunks::<{ size_of::<Self>() }>().0;
                chunks.iter().map(|chunk| Self::from_le_bytes(*chunk)).collect()
            }

            fn to_wire(list: Vec<Self>) -> Bytes {
                if cfg!(target_endian = "little") {
                    return Bytes::from_owner(BlockMemory::of_list(list));
                }
                list.into_iter().flat_map(Self::to_le_bytes).collect()
            }
        })*
    };
}

elements! {
    u8 => U8; u16 => U16; u32 => U32; u64 => U64; u128 => U128;
    i8 => I8; i16 => I16; i32 => I32; i64 => I64; i128 => I128;
    f32 => F32; f64 => F64;
}

impl Element for bool {
    const TYPE: ElementType = ElementType::Bool;
}

impl sealed::Number for bool {
    fn from_wire(bytes: &[u8]) -> Vec<Self> {
        bytes.iter().map(|byte| *byte != 0).collect()
    }

    fn to_wire(list: Vec<Self>) -> Bytes {
        Bytes::from_owner(BlockMemory::of_list(list))
    }
}

fn collected<T: NoUninit + AnyBitPattern>(bytes: &[u8]) -> Vec<T> {
    bytemuck::pod_collect_to_vec(bytes)
}

/// An array of numbers: their type, the shape, and the bytes, which are little-endian. Cheap to clone.
///
/// The last index of the shape runs fastest. `Vec<f64>` has the shape `[n]`, `Vec<[f64; 2]>` and `Vec<(f64, f64)>` have
/// `[n, 2]`. A `Vec<Vec<f64>>` is a list of arrays, since its rows can differ in length.
#[derive(Clone, PartialEq, Eq)]
pub struct Numbers(Box<Parts>);

#[derive(Clone, PartialEq, Eq)]
struct Parts {
    element: ElementType,
    shape: Vec<usize>,
    bytes: Bytes,
}

impl Numbers {
    /// An array of these bytes.
    ///
    /// # Errors
    ///
    /// There are not as many bytes as numbers of this type and shape have, or a `bool` is neither 0 nor 1.
    pub fn new(
        element: ElementType,
        shape: Vec<usize>,
        bytes: impl Into<Bytes>,
    ) -> Result<Self, CodecError> {
        let bytes = bytes.into();
        if shape.len() > MAX_DIMENSIONS {
            let problem = format!(
                "an array has at most {MAX_DIMENSIONS} dimensions, not {}",
                shape.len()
            );
            return Err(CodecError::Invalid(problem));
        }
        let size = shape
            .iter()
            .try_fold(element.size(), |size, count| size.checked_mul(*count));
        if size != Some(bytes.len()) {
            let problem = format!(
                "an array of {element} with the shape {shape:?} does not have {} bytes",
                bytes.len()
            );
            return Err(CodecError::Invalid(problem));
        }
        if element == ElementType::Bool
            && let Some(other) = bytes.iter().find(|byte| **byte > 1)
        {
            let problem = format!("a bool is the byte 0 or 1, not {other}");
            return Err(CodecError::Invalid(problem));
        }
        Ok(Self::of_parts(element, shape, bytes))
    }

    pub(crate) fn of_parts(element: ElementType, shape: Vec<usize>, bytes: Bytes) -> Self {
        Self(Box::new(Parts {
            element,
            shape,
            bytes,
        }))
    }

    /// The same numbers in another shape.
    ///
    /// # Errors
    ///
    /// The shape has another number of numbers.
    pub fn reshaped(self, shape: Vec<usize>) -> Result<Self, CodecError> {
        let Parts { element, bytes, .. } = *self.0;
        Self::new(element, shape, bytes)
    }

    /// What the numbers are.
    pub fn element(&self) -> ElementType {
        self.0.element
    }

    /// How many there are in each direction.
    pub fn shape(&self) -> &[usize] {
        &self.0.shape
    }

    /// The numbers, one after the other and little-endian.
    pub fn bytes(&self) -> &Bytes {
        &self.0.bytes
    }

    /// How many numbers there are in all.
    pub fn len(&self) -> usize {
        self.0.bytes.len() / self.element().size()
    }

    /// Returns true if there are no numbers.
    pub fn is_empty(&self) -> bool {
        self.0.bytes.is_empty()
    }

    /// The numbers in one row, if they are of this type. Copies them.
    pub fn to_vec<T: Element>(&self) -> Option<Vec<T>> {
        (self.element() == T::TYPE).then(|| T::from_wire(self.bytes()))
    }

    /// The numbers in one row as floating-point numbers, whatever they are. Integers of more than 53 bits are rounded.
    pub fn to_f64(&self) -> Vec<f64> {
        match self.to_vec() {
            Some(list) => list,
            None => self.scalars().filter_map(|it| it.to_f64()).collect(),
        }
    }

    /// The numbers in one row.
    pub fn scalars(&self) -> impl ExactSizeIterator<Item = Value> {
        let element = self.element();
        let chunks = self.bytes().chunks_exact(element.size());
        chunks.map(move |bytes| element.read(bytes).unwrap_or_default())
    }

    /// What is at each first index: a number, or an array of one dimension less.
    pub fn items(&self) -> impl ExactSizeIterator<Item = Value> {
        let (count, inner) = match self.shape() {
            [] => (0, &[][..]),
            [count, inner @ ..] => (*count, inner),
        };
        let size = self.bytes().len().checked_div(count).unwrap_or_default();
        (0..count).map(move |index| {
            let range = index * size..(index + 1) * size;
            match inner {
                [] => {
                    let bytes = self.bytes().get(range).unwrap_or_default();
                    self.element().read(bytes).unwrap_or_default()
                }
                inner => Value::Numbers(Self::of_parts(
                    self.element(),
                    inner.to_vec(),
                    self.bytes().slice(range),
                )),
            }
        })
    }
}

impl<T: Element> From<Vec<T>> for Numbers {
    fn from(list: Vec<T>) -> Self {
        let shape = vec![list.len()];
        Self::of_parts(T::TYPE, shape, T::to_wire(list))
    }
}

impl Serialize for Numbers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let items = self.items();
        let mut list = serializer.serialize_seq(Some(items.len()))?;
        for item in items {
            list.serialize_element(&item)?;
        }
        list.end()
    }
}

/// All of the numbers: `[[0.5, 1.0], [1.5, 2.0]]`.
impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (i, item) in self.items().enumerate() {
            let separator = if i == 0 { "" } else { ", " };
            write!(f, "{separator}{item}")?;
        }
        f.write_str("]")
    }
}

/// Type, shape and the first numbers.
impl fmt::Debug for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:?} [", self.element(), self.shape())?;
        for (i, number) in self.scalars().take(SHOWN).enumerate() {
            let separator = if i == 0 { "" } else { ", " };
            write!(f, "{separator}{number}")?;
        }
        f.write_str(if self.len() > SHOWN { ", ..]" } else { "]" })
    }
}

/// Maximum number of dimensions of an array, twice as many as NumPy has.
const MAX_DIMENSIONS: usize = 128;

/// Number of numbers that `Debug` shows.
const SHOWN: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_bytes_and_their_shape() {
        let numbers = Numbers::from(vec![0.5, 1.0, 1.5, 2.0]);
        assert_eq!((numbers.len(), numbers.shape()), (4, &[4][..]));
        assert_eq!(numbers.to_vec(), Some(vec![0.5, 1.0, 1.5, 2.0]));
        assert_eq!(numbers.to_vec::<f32>(), None);
        let signed = Numbers::from(vec![i64::MIN, -1, 7]);
        assert_eq!(signed.to_f64(), [i64::MIN as f64, -1.0, 7.0]);
        let square = numbers.reshaped(vec![2, 2]).unwrap();
        assert_eq!(square.to_string(), "[[0.5, 1.0], [1.5, 2.0]]");
        assert_eq!(format!("{square:?}"), "f64[2, 2] [0.5, 1.0, 1.5, 2.0]");
        assert!(square.clone().reshaped(vec![3]).is_err());
        let row = square.items().nth(1).unwrap();
        assert_eq!(row, Value::Numbers(Numbers::from(vec![1.5, 2.0])));
    }

    #[test]
    fn bytes_that_are_no_such_array_are_refused() {
        let of = |element, shape, bytes: &'static [u8]| Numbers::new(element, shape, bytes);
        assert!(of(ElementType::Bool, vec![2], &[0, 1]).is_ok());
        assert!(of(ElementType::Bool, vec![2], &[0, 2]).is_err());
        assert!(of(ElementType::U16, vec![2], &[0, 1]).is_err());
        assert!(of(ElementType::U16, vec![usize::MAX, 2], &[]).is_err());
        assert_eq!(of(ElementType::U8, vec![0], &[]).map(|it| it.len()), Ok(0));
    }
}
