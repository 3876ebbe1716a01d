//! Lists of plain numbers, read as one block.
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

/// Returns the size of the elements in bytes if a newtype of this name is a request for a block.
#[inline]
pub(crate) fn element_size(name: &str) -> Option<usize> {
    match name {
        "\0block of 1" => Some(1),
        "\0block of 2" => Some(2),
        "\0block of 4" => Some(4),
        "\0block of 8" => Some(8),
        "\0block of 16" => Some(16),
        _ => None,
    }
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
                return Some(match size_of::<$number>() {
                    1 => "\0block of 1",
                    2 => "\0block of 2",
                    4 => "\0block of 4",
                    8 => "\0block of 8",
                    _ => "\0block of 16",
                });
            }
        };
    }
    for_each_plain!(try_vec);
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
