//! A fence around any serde deserialiser: bounded nesting, bounded number of elements, bounded memory.
//!
//! A compact format lets a few bytes claim a deep, a long or a large value. A recursive type would then overflow the
//! stack, a list of zero-sized elements would spin for ever, and a list of options of large arrays would take hundreds
//! of times its bytes in memory; none of this can be caught afterwards. So every container that is entered counts
//! against a depth, every element against what the payload can hold, and every value against a budget of memory, before
//! it is decoded.
//!
//! # What counts as memory
//!
//! The size of a value's type, and once only: the fields of a struct and the content of an option lie inside of what is
//! paid for already, the elements of a list or map, and the content of a box, do not. Texts and bytes beyond that are
//! as long as on the wire. Of a list or map, the first element counts as [`NODE`] ones, since a collection may reserve
//! room for that many with it. A collection that grows has up to twice the room that it needs, and while its elements
//! move, three times: so that is what the budget may take in bytes of the allocator.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

mod budget;

pub(crate) use budget::Budget;

/// Decodes a `T` under a budget.
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
                first: 1,
            },
            value: PhantomData,
        }
    }
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for GuardedSeed<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::deserialize(self.guard.wrap(deserializer))
    }
}

#[derive(Clone, Copy)]
struct Guard<'b> {
    budget: &'b Budget,
    levels: u32,
    /// Bytes of memory that are paid for already, for the value or the elements to come.
    room: usize,
    /// How many elements the next one counts as.
    first: usize,
}

/// Elements for which a collection may reserve room with its first: as many as a node of a B-tree holds.
const NODE: usize = 11;

impl<'b> Guard<'b> {
    fn wrap<T>(self, inner: T) -> Guarded<'b, T> {
        Guarded { inner, guard: self }
    }

    /// Pays for a value of type `T`, unless there is room for it.
    fn pay<T, E: Error>(self) -> Result<(), E> {
        match size_of::<T>() > self.room {
            true => self.budget.charge(size_of::<T>()),
            false => Ok(()),
        }
    }

    /// Enters a value of type `T` whose parts lie inside of it.
    fn inside<T, E: Error>(self) -> Result<Self, E> {
        self.pay::<T, E>()?;
        Ok(Self {
            levels: self.budget.descend(self.levels)?,
            room: size_of::<T>(),
            first: 1,
            ..self
        })
    }

    /// Enters a value of type `T` whose parts lie elsewhere; the first of them counts as `first`.
    fn beside<T, E: Error>(self, first: usize) -> Result<Self, E> {
        Ok(Self {
            room: 0,
            first,
            ..self.inside::<T, E>()?
        })
    }

    /// Pays for the next element of type `T`, and gives the guard of it.
    fn element<T, E: Error>(&mut self) -> Result<Self, E> {
        let size = size_of::<T>();
        if size > self.room {
            self.budget.charge(size.saturating_mul(self.first))?;
        } else {
            self.room -= size;
        }
        Ok(Self {
            room: size,
            ..*self
        })
    }
}

/// `inner` (a deserialiser, visitor, access or seed), watched by `guard`.
struct Guarded<'b, T> {
    inner: T,
    guard: Guard<'b>,
}

macro_rules! forward {
    (
        scalars: $($method:ident)*;
        inside: $($name:ident($($arg:ident: $ty:ty),*))*;
        beside: $($list:ident($first:expr))*
    ) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.guard.pay::<V::Value, D::Error>()?;
            self.inner.$method(visitor)
        })*
        $(fn $name<V: Visitor<'de>>(self, $($arg: $ty,)* visitor: V) -> Result<V::Value, D::Error> {
            let guard = self.guard.inside::<V::Value, D::Error>()?;
            self.inner.$name($($arg,)* guard.wrap(visitor))
        })*
        $(fn $list<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            let guard = self.guard.beside::<V::Value, D::Error>($first)?;
            self.inner.$list(guard.wrap(visitor))
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
        // What finds out by itself what it reads has lists and maps without nodes.
        beside: deserialize_seq(NODE) deserialize_map(NODE) deserialize_any(1)
            deserialize_ignored_any(1)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let guard = self.guard.inside::<V::Value, D::Error>()?;
        guard.budget.reads_variant_of(Some(name));
        self.inner
            .deserialize_enum(name, variants, guard.wrap(visitor))
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! visit_scalars {
    ($($method:ident: $ty:ty,)*) => {
        $(fn $method<E: Error>(self, value: $ty) -> Result<V::Value, E> {
            self.inner.$method(value)
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Guarded<'_, V> {
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

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(self.guard.wrap(value))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.inner.visit_newtype_struct(self.guard.wrap(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.inner.visit_seq(self.guard.wrap(access))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.inner.visit_map(self.guard.wrap(access))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(self.guard.wrap(access))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Guarded<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        if self.inner.size_hint() == Some(0) {
            return self.inner.next_element_seed(seed);
        }
        self.guard.budget.take_element()?;
        let guard = self.guard.element::<S::Value, A::Error>()?;
        self.guard.first = 1;
        self.inner.next_element_seed(guard.wrap(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Guarded<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        if self.inner.size_hint() == Some(0) {
            return self.inner.next_key_seed(seed);
        }
        self.guard.budget.take_element()?;
        let guard = self.guard.element::<S::Value, A::Error>()?;
        self.inner.next_key_seed(guard.wrap(seed))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let guard = self.guard.element::<S::Value, A::Error>()?;
        self.guard.first = 1;
        self.inner.next_value_seed(guard.wrap(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, 'b, A: EnumAccess<'de>> EnumAccess<'de> for Guarded<'b, A> {
    type Error = A::Error;
    type Variant = Guarded<'b, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let (value, variant) = self.inner.variant_seed(self.guard.wrap(seed))?;
        self.guard.budget.reads_variant_of(None);
        Ok((value, self.guard.wrap(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Guarded<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.newtype_variant_seed(self.guard.wrap(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.inner.tuple_variant(len, self.guard.wrap(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.inner.struct_variant(fields, self.guard.wrap(visitor))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Guarded<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(self.guard.wrap(deserializer))
    }
}
