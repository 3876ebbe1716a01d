//! A fence around any serde deserialiser: bounded nesting, bounded number of elements.
//!
//! A compact format lets a few bytes claim a deep or a long value. A recursive type would then overflow the stack, and
//! a list of zero-sized elements would spin for ever; neither can be caught afterwards. So every container that is
//! entered counts against a depth, and every element against what the payload can hold.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

/// What decoding one payload may use up.
#[derive(Debug)]
pub(crate) struct Budget {
    elements: Cell<usize>,
    too_deep: Cell<bool>,
    overdrawn: Cell<bool>,
}

impl Budget {
    /// Elements that take no bytes are allowed this often, beyond one element per byte.
    const FREE_ELEMENTS: usize = 65_536;

    pub(crate) fn for_payload(bytes: usize) -> Self {
        Self {
            elements: Cell::new(bytes.saturating_add(Self::FREE_ELEMENTS)),
            too_deep: Cell::new(false),
            overdrawn: Cell::new(false),
        }
    }

    pub(crate) fn was_too_deep(&self) -> bool {
        self.too_deep.get()
    }

    pub(crate) fn was_overdrawn(&self) -> bool {
        self.overdrawn.get()
    }

    fn take_element<E: Error>(&self) -> Result<(), E> {
        match self.elements.get().checked_sub(1) {
            Some(left) => {
                self.elements.set(left);
                Ok(())
            }
            None => {
                self.overdrawn.set(true);
                Err(E::custom("too many elements"))
            }
        }
    }

    fn descend<E: Error>(&self, levels: u32) -> Result<u32, E> {
        levels.checked_sub(1).ok_or_else(|| {
            self.too_deep.set(true);
            E::custom("nested too deep")
        })
    }
}

/// Decodes a `T` under a budget.
pub(crate) struct GuardedSeed<'b, T> {
    guard: Guard<'b>,
    value: PhantomData<T>,
}

impl<'b, T> GuardedSeed<'b, T> {
    pub(crate) fn new(budget: &'b Budget, levels: u32) -> Self {
        Self {
            guard: Guard { budget, levels },
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
}

impl<'b> Guard<'b> {
    fn wrap<T>(self, inner: T) -> Guarded<'b, T> {
        Guarded { inner, guard: self }
    }

    fn inside<E: Error>(self) -> Result<Self, E> {
        Ok(Self {
            levels: self.budget.descend(self.levels)?,
            ..self
        })
    }
}

/// `inner` (a deserialiser, visitor, access or seed), watched by `guard`.
struct Guarded<'b, T> {
    inner: T,
    guard: Guard<'b>,
}

macro_rules! forward {
    (scalars: $($method:ident)*; containers: $($name:ident($($arg:ident: $ty:ty),*))*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method(visitor)
        })*
        $(fn $name<V: Visitor<'de>>(self, $($arg: $ty,)* visitor: V) -> Result<V::Value, D::Error> {
            let guard = self.guard.inside()?;
            self.inner.$name($($arg,)* guard.wrap(visitor))
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
        containers: deserialize_any() deserialize_option() deserialize_seq() deserialize_map()
            deserialize_ignored_any() deserialize_unit_struct(name: &'static str)
            deserialize_newtype_struct(name: &'static str) deserialize_tuple(len: usize)
            deserialize_tuple_struct(name: &'static str, len: usize)
            deserialize_struct(name: &'static str, fields: &'static [&'static str])
            deserialize_enum(name: &'static str, variants: &'static [&'static str])
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
        self.guard.budget.take_element()?;
        self.inner.next_element_seed(self.guard.wrap(seed))
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
        self.guard.budget.take_element()?;
        self.inner.next_key_seed(self.guard.wrap(seed))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.next_value_seed(self.guard.wrap(seed))
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
