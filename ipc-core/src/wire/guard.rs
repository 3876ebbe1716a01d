//! Limits for any serde deserialiser: nesting, number of elements, memory.
//!
//! In a compact format, a few bytes can announce a deep, long or large value. A recursive type would then overflow the
//! stack, a list of zero-sized elements would loop for ever, and a list of options of large arrays would take hundreds
//! of times its encoded size in memory. None of this can be caught afterwards. Before a value is decoded, it is
//! therefore charged: each container against the depth, each element against the number that the payload can hold, and
//! each value against a memory budget.
//!
//! # What counts as memory
//!
//! The size of a value's type, once. The fields of a struct and the content of an option are part of a value that was
//! charged already; the elements of a list or map and the content of a box are not. Texts and bytes are charged their
//! length on the wire in addition. The first element of a list or map counts as eleven, because a B-tree allocates a
//! node for that many. A growing collection allocates up to twice the memory that it needs, and three times while its
//! elements move: allocations can exceed the budget by that factor.
//!
//! Not counted: the allocator's overhead for many small boxes and texts; a list that its type reads as a tuple; and the
//! result of a value that serde buffers first (`untagged`, `flatten`), which is charged as buffered.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Visitor,
};

mod access;
pub(crate) mod block;
mod budget;
mod parts;

use block::BlockVisitor;
pub(crate) use budget::Budget;
use parts::{Beside, InNodes, InPlace, NODE, PartStorage};

/// Decodes a `T` within a budget.
pub(crate) struct GuardedSeed<'b, T> {
    guard: Guard<'b>,
    value: PhantomData<T>,
}

impl<'b, T> GuardedSeed<'b, T> {
    pub(crate) fn new(budget: &'b Budget, levels: u32) -> Self {
        Self {
            guard: Guard {
                budget,
                levels,
                room: 0,
            },
            value: PhantomData,
        }
    }
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for GuardedSeed<'_, T> {
    type Value = T;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::deserialize(self.guard.wrap::<D, InPlace>(deserializer))
    }
}

#[derive(Clone, Copy)]
struct Guard<'b> {
    budget: &'b Budget,
    levels: u32,
    /// Bytes of memory already charged for the next value. 32 bits, because this struct is passed around very often.
    room: u32,
}

/// The size of a `T`, as a value of `room`.
#[inline]
fn room_of<T>() -> u32 {
    u32::try_from(size_of::<T>()).unwrap_or(u32::MAX)
}

impl<'b> Guard<'b> {
    #[inline]
    fn wrap<T, P: PartStorage>(self, inner: T) -> Guarded<'b, T, P> {
        Guarded {
            inner,
            guard: self,
            parts: P::default(),
        }
    }

    /// Charges a value of type `T`, unless it fits into the memory already charged.
    #[inline]
    fn charge<T>(self) -> Option<()> {
        match room_of::<T>() > self.room {
            true => self.budget.charge(size_of::<T>()),
            false => Some(()),
        }
    }

    /// Enters a value of type `T`, whose parts are stored as `P` says.
    #[inline]
    fn enter<T, P: PartStorage>(self) -> Option<Self> {
        self.charge::<T>()?;
        Some(Self {
            levels: self.budget.descend(self.levels)?,
            room: if P::ARE_IN_PLACE { room_of::<T>() } else { 0 },
            ..self
        })
    }

    /// Charges a list of `count` elements of type `T`, which is not empty.
    fn charge_list<T>(self, count: usize) -> Option<()> {
        self.budget.take_elements(count)?;
        let charged = count.saturating_add(NODE - 1);
        self.budget.charge(size_of::<T>().saturating_mul(charged))
    }
}

/// Wraps `inner` (a deserialiser, visitor, access or seed) and charges `guard` for what passes.
struct Guarded<'b, T, P = InPlace> {
    inner: T,
    guard: Guard<'b>,
    parts: P,
}

impl<'b, A, P: PartStorage> Guarded<'b, A, P> {
    /// Charges the next part, of type `T`, and returns its guard. `ends` is false for a key: its value belongs to the
    /// same element.
    #[inline]
    fn part<T>(&mut self, ends: bool) -> Option<Guard<'b>> {
        let is_in_place = P::ARE_IN_PLACE && room_of::<T>() <= self.guard.room;
        if !is_in_place {
            let count = self.parts.charged_by_next(ends);
            let bytes = size_of::<T>().saturating_mul(count);
            self.guard.budget.charge(bytes)?;
        }
        Some(Guard {
            room: room_of::<T>(),
            ..self.guard
        })
    }

    /// Charges the next element of a list, of type `T`. With the first of several, all of them are charged, which costs
    /// each of them less.
    #[inline]
    fn element<T>(&mut self, left: Option<usize>) -> Option<Guard<'b>> {
        if self.parts.is_prepaid::<T>() {
            return Some(Guard {
                room: room_of::<T>(),
                ..self.guard
            });
        }
        match left.filter(|_| self.parts.prepay::<T>()) {
            Some(count) => self.guard.charge_list::<T>(count)?,
            None => {
                self.count()?;
                return self.part::<T>(true);
            }
        }
        self.element::<T>(None)
    }

    /// Charges an element or entry.
    #[inline]
    fn count(&self) -> Option<()> {
        match P::ARE_IN_PLACE {
            true => Some(()),
            false => self.guard.budget.take_elements(1),
        }
    }
}

/// Creates the error for an exceeded limit. The budget records which limit it was.
#[cold]
pub(crate) fn refused<E: Error>() -> E {
    E::custom("beyond a limit")
}

macro_rules! forward {
    (
        scalars: $($method:ident)*;
        inside: $($name:ident($($arg:ident: $ty:ty),*))*;
        beside: $($list:ident($parts:ident))*
    ) => {
        $(#[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.guard.charge::<V::Value>().ok_or_else(refused)?;
            self.inner.$method(visitor)
        })*
        $(#[inline]
        fn $name<V: Visitor<'de>>(self, $($arg: $ty,)* visitor: V) -> Result<V::Value, D::Error> {
            let guard = self.guard.enter::<V::Value, InPlace>().ok_or_else(refused)?;
            self.inner.$name($($arg,)* guard.wrap::<V, InPlace>(visitor))
        })*
        $(#[inline]
        fn $list<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            let guard = self.guard.enter::<V::Value, $parts>().ok_or_else(refused)?;
            self.inner.$list(guard.wrap::<V, $parts>(visitor))
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Guarded<'_, D> {
    type Error = D::Error;

    forward! {
        scalars: deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
            deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
            deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char deserialize_str
            deserialize_string deserialize_bytes deserialize_byte_buf deserialize_unit
            deserialize_identifier;
        inside: deserialize_option() deserialize_unit_struct(name: &'static str)
            deserialize_newtype_struct(name: &'static str) deserialize_tuple(len: usize)
            deserialize_tuple_struct(name: &'static str, len: usize)
            deserialize_struct(name: &'static str, fields: &'static [&'static str]);
        // Self-describing values have lists and maps without B-tree nodes.
        beside: deserialize_map(InNodes) deserialize_any(InNodes) deserialize_ignored_any(Beside)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let guard = self
            .guard
            .enter::<V::Value, InNodes>()
            .ok_or_else(refused)?;
        let visitor = guard.wrap::<V, InNodes>(visitor);
        match block::request::<V>() {
            None => self.inner.deserialize_seq(visitor),
            Some(name) => {
                let otherwise = visitor;
                self.inner
                    .deserialize_newtype_struct(name, BlockVisitor { guard, otherwise })
            }
        }
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let guard = self
            .guard
            .enter::<V::Value, InPlace>()
            .ok_or_else(refused)?;
        guard.budget.reads_variant_of(Some(name));
        self.inner
            .deserialize_enum(name, variants, guard.wrap::<V, InPlace>(visitor))
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! visit_scalars {
    ($($method:ident: $ty:ty,)*) => {
        $(#[inline]
        fn $method<E: Error>(self, value: $ty) -> Result<V::Value, E> {
            self.inner.$method(value)
        })*
    };
}

impl<'de, V: Visitor<'de>, P: PartStorage> Visitor<'de> for Guarded<'_, V, P> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    visit_scalars! {
        visit_bool: bool, visit_i8: i8, visit_i16: i16, visit_i32: i32, visit_i64: i64,
        visit_i128: i128, visit_u8: u8, visit_u16: u16, visit_u32: u32, visit_u64: u64,
        visit_u128: u128, visit_f32: f32, visit_f64: f64, visit_char: char, visit_str: &str,
        visit_borrowed_str: &'de str, visit_string: String, visit_bytes: &[u8],
        visit_borrowed_bytes: &'de [u8], visit_byte_buf: Vec<u8>,
    }

    #[inline]
    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    #[inline]
    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    #[inline]
    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(self.guard.wrap::<D, InPlace>(value))
    }

    #[inline]
    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.inner
            .visit_newtype_struct(self.guard.wrap::<D, InPlace>(value))
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.inner.visit_seq(self.guard.wrap::<A, P>(access))
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.inner.visit_map(self.guard.wrap::<A, P>(access))
    }

    #[inline]
    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(self.guard.wrap::<A, InPlace>(access))
    }
}
