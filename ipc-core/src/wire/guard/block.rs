//! Lists of plain numbers, and of groups of them, read as one block.
//!
//! A list is read by a visitor, which is given one element at a time. If the visitor is serde's own for `Vec<f64>`, its
//! result is known to be the list of these elements, and the bytes of the list can be taken at once. A deserialiser that
//! can do so recognises the request by the name of a newtype; to any other it is a newtype around a list.

use std::any::type_name;
use std::fmt;

use bytemuck::Pod;
use castaway::cast;
use serde::de::{Deserializer, Error, Visitor};

use super::Guard;
use super::refused;
use crate::wire::block::BlockMemory;
use crate::wire::codec::{for_each_plain, not_a_bool};

/// What the elements of a list consist of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wire) struct Element {
    /// Size of a number in bytes: 1, 2, 4, 8 or 16.
    pub(in crate::wire) number: usize,
    /// How many numbers there are in an element, all of one type.
    numbers: usize,
}

impl Element {
    /// An element of bytes and texts.
    pub(in crate::wire) const BYTE: Self = Self {
        number: 1,
        numbers: 1,
    };

    /// Returns the elements of the list if a newtype of this name is a request for a block.
    #[inline]
    pub(in crate::wire) fn requested_by(name: &str) -> Option<Self> {
        match name.strip_prefix("\0block")?.as_bytes() {
            &[number, numbers] => Some(Self {
                number: number.into(),
                numbers: numbers.into(),
            }),
            _ => None,
        }
    }

    /// Size of an element on the wire in bytes.
    pub(in crate::wire) fn size(self) -> usize {
        self.number * self.numbers
    }
}

/// The name with which to request a block of such elements.
macro_rules! name {
    ($number:ty, $numbers:literal) => {
        match size_of::<$number>() {
            1 => concat!("\0block\x01", $numbers),
            2 => concat!("\0block\x02", $numbers),
            4 => concat!("\0block\x04", $numbers),
            8 => concat!("\0block\x08", $numbers),
            _ => concat!("\0block\x10", $numbers),
        }
    };
}

/// Runs a macro for each type that consists of several numbers of one type, for those numbers of which there are often
/// several: samples of two channels, complex numbers, points, pixels. The third argument names them in a request, the last one
/// makes an element of an array.
macro_rules! for_each_group {
    ($run:ident) => {
        for_each_group!($run f64 f32 i32 i16 u16 u8);
    };
    ($run:ident $($number:ident)*) => {
        $(
            $run!(($number, $number), [$number; 2], "\x02", <($number, $number)>::from);
            $run!(($number, $number, $number), [$number; 3], "\x03", <($number, $number, $number)>::from);
            $run!([$number; 2], [$number; 2], "\x02", |it| it);
            $run!([$number; 3], [$number; 3], "\x03", |it| it);
            $run!([$number; 4], [$number; 4], "\x04", |it| it);
        )*
    };
}

/// Returns the name with which to request a block, if this visitor makes a list of plain numbers.
#[inline]
pub(in crate::wire) fn request<'de, V: Visitor<'de>>() -> Option<&'static str> {
    // Most values are ruled out by their size.
    if cfg!(target_endian = "big") || size_of::<V::Value>() != size_of::<Vec<u8>>() {
        return None;
    }
    let mut value: Option<V::Value> = None;
    macro_rules! try_vec {
        ($number:ty) => {
            if cast!(&mut value, &mut Option<Vec<$number>>).is_ok() && is_of_serde::<V>() {
                return Some(name!($number, "\x01"));
            }
        };
    }
    macro_rules! try_group {
        ($element:ty, [$number:ty; $count:literal], $numbers:literal, $make:expr) => {
            if cast!(&mut value, &mut Option<Vec<$element>>).is_ok() && is_of_serde::<V>() {
                return Some(name!($number, $numbers));
            }
        };
    }
    for_each_plain!(try_vec);
    for_each_group!(try_group);
    None
}

/// True for the visitors of serde's implementations for the types of std. Any other visitor may do with the elements what
/// it wants. If serde moves them, lists are read element by element, to the same result.
fn is_of_serde<V>() -> bool {
    let name = type_name::<V>();
    name.starts_with("serde::de::impls::") || name.starts_with("serde_core::de::impls::")
}

/// Makes a list of plain numbers of its bytes.
pub(super) struct BlockVisitor<'b, V> {
    /// That of the list.
    pub(super) guard: Guard<'b>,
    /// Reads the list element by element.
    pub(super) otherwise: V,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for BlockVisitor<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.otherwise.expecting(f)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, list: D) -> Result<V::Value, D::Error> {
        list.deserialize_seq(self.otherwise)
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<V::Value, E> {
        self.list(Block::Among(bytes))
    }

    /// The list is apart from the bytes of the value.
    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        let memory = self.guard.budget.aside().take();
        self.list(Block::Apart(memory.unwrap_or_else(|| BlockMemory::new(1))))
    }
}

impl<'de, V: Visitor<'de>> BlockVisitor<'_, V> {
    fn list<E: Error>(&self, block: Block<'_>) -> Result<V::Value, E> {
        let mut block = Some(block);
        let mut value: Option<V::Value> = None;
        macro_rules! try_vec {
            ($number:ident) => {
                if let Ok(value) = cast!(&mut value, &mut Option<Vec<$number>>)
                    && let Some(block) = block.take()
                {
                    self.charge::<$number, E>(block.bytes())?;
                    *value = list_of!($number, block);
                }
            };
        }
        macro_rules! list_of {
            (bool, $block:ident) => {
                Some($block.into_bools()?)
            };
            ($number:ty, $block:ident) => {
                $block.into_numbers::<$number>()
            };
        }
        for_each_plain!(try_vec);
        macro_rules! try_group {
            ($element:ty, $array:ty, $numbers:literal, $make:expr) => {
                if let Ok(value) = cast!(&mut value, &mut Option<Vec<$element>>)
                    && let Some(block) = block.take()
                {
                    // The elements are a level of their own.
                    let budget = self.guard.budget;
                    budget.descend(self.guard.levels).ok_or_else(refused)?;
                    self.charge::<$element, E>(block.bytes())?;
                    *value = block.into_groups::<$array, $element>($make);
                }
            };
        }
        for_each_group!(try_group);
        value.ok_or_else(|| E::custom("a list of another type"))
    }

    /// Charges what the elements would have been charged one by one.
    fn charge<T, E: Error>(&self, bytes: &[u8]) -> Result<(), E> {
        let count = bytes.len() / size_of::<T>();
        self.guard.charge_list::<T>(count).ok_or_else(refused)
    }
}

/// The elements of a list.
enum Block<'de> {
    /// Among the bytes of the value.
    Among(&'de [u8]),
    /// In memory of its own, which becomes that of the list.
    Apart(BlockMemory),
}

impl Block<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Among(bytes) => bytes,
            Self::Apart(memory) => memory.bytes(),
        }
    }

    fn into_numbers<T: Pod>(self) -> Option<Vec<T>> {
        match self {
            Self::Among(bytes) => {
                let numbers = bytes.chunks_exact(size_of::<T>());
                Some(numbers.map(bytemuck::pod_read_unaligned).collect())
            }
            Self::Apart(memory) => memory.into_list(),
        }
    }

    /// The list of what `make` makes of each array of numbers.
    fn into_groups<A: Pod, T>(self, make: impl Fn(A) -> T) -> Option<Vec<T>> {
        match self {
            // If both have one size and alignment, the memory stays the same.
            Self::Apart(memory) if memory.capacity().is_multiple_of(size_of::<A>()) => {
                let arrays = memory.into_list::<A>()?;
                Some(arrays.into_iter().map(make).collect())
            }
            other => {
                let arrays = other.bytes().chunks_exact(size_of::<A>());
                Some(arrays.map(bytemuck::pod_read_unaligned).map(make).collect())
            }
        }
    }

    fn into_bools<E: Error>(self) -> Result<Vec<bool>, E> {
        let bytes = self.bytes();
        // Quicker than a look at each.
        if bytes.iter().fold(0, |all, byte| all | byte) > 1 {
            let wrong = bytes.iter().find(|byte| **byte > 1);
            return Err(E::custom(not_a_bool(wrong.copied().unwrap_or_default())));
        }
        Ok(match self {
            Self::Among(bytes) => bytes.iter().map(|byte| *byte != 0).collect(),
            Self::Apart(memory) => {
                let bytes = memory.into_list::<u8>().unwrap_or_default();
                bytes.into_iter().map(|byte| byte != 0).collect()
            }
        })
    }
}
