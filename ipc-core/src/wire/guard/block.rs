//! Lists of plain numbers, read as one block.
//!
//! A list is read by a visitor, which is given one element at a time. If the visitor is serde's own for `Vec<f64>`, its
//! result is known to be the list of these elements, and the bytes of the list can be taken at once. A deserialiser that
//! can do so recognises the request by the name of a newtype; to any other it is a newtype around a list.

use std::any::type_name;
use std::fmt;

use castaway::cast;
use serde::de::{Deserializer, Error, Visitor};

use super::Guard;
use super::refused;
use crate::wire::codec::{for_each_plain, not_a_bool};

/// Returns the size of the elements in bytes if a newtype of this name is a request for a block.
#[inline]
pub(crate) fn element_size(name: &str) -> Option<usize> {
    match name {
        "\0block of 1" => Some(1),
        "\0block of 2" => Some(2),
        "\0block of 4" => Some(4),
        "\0block of 8" => Some(8),
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
                    _ => "\0block of 8",
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
        let mut value: Option<V::Value> = None;
        macro_rules! try_vec {
            (bool) => {
                if let Ok(value) = cast!(&mut value, &mut Option<Vec<bool>>) {
                    self.charge::<bool, E>(bytes)?;
                    // Quicker than a look at each.
                    if bytes.iter().fold(0, |all, byte| all | byte) > 1 {
                        let wrong = bytes.iter().find(|byte| **byte > 1);
                        return Err(E::custom(not_a_bool(wrong.copied().unwrap_or_default())));
                    }
                    *value = Some(bytes.iter().map(|byte| *byte != 0).collect());
                }
            };
            ($number:ty) => {
                if let Ok(value) = cast!(&mut value, &mut Option<Vec<$number>>) {
                    self.charge::<$number, E>(bytes)?;
                    let numbers = bytes.chunks_exact(size_of::<$number>());
                    *value = Some(numbers.map(bytemuck::pod_read_unaligned).collect());
                }
            };
        }
        for_each_plain!(try_vec);
        value.ok_or_else(|| E::custom("a list of another type"))
    }
}

impl<V> BlockVisitor<'_, V> {
    /// Charges what the elements would have been charged one by one.
    fn charge<T, E: Error>(&self, bytes: &[u8]) -> Result<(), E> {
        let count = bytes.len() / size_of::<T>();
        self.guard.charge_list::<T>(count).ok_or_else(refused)
    }
}
