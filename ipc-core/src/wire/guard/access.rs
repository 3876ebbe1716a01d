//! The parts of a value, each charged before it is read.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::parts::{InPlace, PartStorage};
use super::{Guarded, refused};

impl<'de, A: SeqAccess<'de>, P: PartStorage> SeqAccess<'de> for Guarded<'_, A, P> {
    type Error = A::Error;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let left = self.inner.size_hint();
        if left == Some(0) {
            return self.inner.next_element_seed(seed);
        }
        let guard = self.element::<S::Value>(left).ok_or_else(refused)?;
        self.inner.next_element_seed(guard.wrap::<S, InPlace>(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>, P: PartStorage> MapAccess<'de> for Guarded<'_, A, P> {
    type Error = A::Error;

    #[inline]
    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        if self.inner.size_hint() == Some(0) {
            return self.inner.next_key_seed(seed);
        }
        self.count().ok_or_else(refused)?;
        let guard = self.part::<S::Value>(false).ok_or_else(refused)?;
        self.inner.next_key_seed(guard.wrap::<S, InPlace>(seed))
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let guard = self.part::<S::Value>(true).ok_or_else(refused)?;
        self.inner.next_value_seed(guard.wrap::<S, InPlace>(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, 'b, A: EnumAccess<'de>> EnumAccess<'de> for Guarded<'b, A> {
    type Error = A::Error;
    type Variant = Guarded<'b, A::Variant>;

    #[inline]
    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let (value, variant) = self
            .inner
            .variant_seed(self.guard.wrap::<S, InPlace>(seed))?;
        self.guard.budget.reads_variant_of(None);
        Ok((value, self.guard.wrap(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Guarded<'_, A> {
    type Error = A::Error;

    #[inline]
    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    #[inline]
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.inner
            .newtype_variant_seed(self.guard.wrap::<S, InPlace>(seed))
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.inner
            .tuple_variant(len, self.guard.wrap::<V, InPlace>(visitor))
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.inner
            .struct_variant(fields, self.guard.wrap::<V, InPlace>(visitor))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Guarded<'_, S> {
    type Value = S::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.inner
            .deserialize(self.guard.wrap::<D, InPlace>(deserializer))
    }
}
