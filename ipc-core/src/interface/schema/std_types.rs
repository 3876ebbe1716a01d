//! What the types of the standard library look like.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use super::{Describe, Field, Schema, Variant};

macro_rules! describe {
    ($($schema:expr => $($ty:ty)+;)*) => {
        $($(impl Describe for $ty {
            fn schema() -> Schema {
                $schema
            }
        })+)*
    };
}

describe! {
    Schema::Unit => ();
    Schema::Bool => bool;
    Schema::Unsigned(8) => u8;
    Schema::Unsigned(16) => u16;
    Schema::Unsigned(32) => u32;
    Schema::Unsigned(64) => u64 usize;
    Schema::Unsigned(128) => u128;
    Schema::Signed(8) => i8;
    Schema::Signed(16) => i16;
    Schema::Signed(32) => i32;
    Schema::Signed(64) => i64 isize;
    Schema::Signed(128) => i128;
    Schema::Float(32) => f32;
    Schema::Float(64) => f64;
    Schema::Char => char;
    Schema::String => str String;
    Schema::by_name::<Duration>() => Duration;
}

macro_rules! describe_generic {
    ($($schema:expr => [$($param:ident),*] $ty:ty;)*) => {
        $(impl<$($param),*> Describe for $ty
        where
            $($param: Describe),*
        {
            fn schema() -> Schema {
                $schema
            }
        })*
    };
}

describe_generic! {
    Schema::List(Box::new(T::schema())) => [T] [T];
    Schema::List(Box::new(T::schema())) => [T] Vec<T>;
    Schema::List(Box::new(T::schema())) => [T] VecDeque<T>;
    Schema::List(Box::new(T::schema())) => [T] BTreeSet<T>;
    Schema::Option(Box::new(T::schema())) => [T] Option<T>;
    Schema::Map(Box::new(K::schema()), Box::new(V::schema())) => [K, V] BTreeMap<K, V>;
    Schema::Tuple(vec![A::schema()]) => [A] (A,);
    Schema::Tuple(vec![A::schema(), B::schema()]) => [A, B] (A, B);
    Schema::Tuple(vec![A::schema(), B::schema(), C::schema()]) => [A, B, C] (A, B, C);
    Schema::Tuple(vec![A::schema(), B::schema(), C::schema(), D::schema()]) => [A, B, C, D] (A, B, C, D);
    Schema::Tuple(vec![A::schema(), B::schema(), C::schema(), D::schema(), E::schema()])
        => [A, B, C, D, E] (A, B, C, D, E);
    Schema::Tuple(vec![A::schema(), B::schema(), C::schema(), D::schema(), E::schema(), F::schema()])
        => [A, B, C, D, E, F] (A, B, C, D, E, F);
}

impl<T: Describe, S> Describe for HashSet<T, S> {
    fn schema() -> Schema {
        Schema::List(Box::new(T::schema()))
    }
}

impl<K: Describe, V: Describe, S> Describe for HashMap<K, V, S> {
    fn schema() -> Schema {
        Schema::Map(Box::new(K::schema()), Box::new(V::schema()))
    }
}

impl<T: Describe, const N: usize> Describe for [T; N] {
    fn schema() -> Schema {
        Schema::Array(Box::new(T::schema()), N as u64)
    }
}

impl<T: Describe + ?Sized> Describe for Box<T> {
    fn schema() -> Schema {
        T::schema()
    }
}

impl<T: Describe + ?Sized> Describe for &T {
    fn schema() -> Schema {
        T::schema()
    }
}

impl<T: Describe, E: Describe> Describe for Result<T, E> {
    fn schema() -> Schema {
        let variant = |name: &str, schema| Variant {
            name: name.into(),
            doc: String::new(),
            fields: vec![Field {
                name: "0".into(),
                doc: String::new(),
                unit: None,
                schema,
            }],
        };
        let variants = vec![variant("Ok", T::schema()), variant("Err", E::schema())];
        let name = format!("Result<{}, {}>", T::schema(), E::schema());
        Schema::Enum {
            name,
            doc: String::new(),
            variants,
        }
    }
}
