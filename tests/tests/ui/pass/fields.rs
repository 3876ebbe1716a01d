//! Fields of all kinds, and all that serde may be told about them.
#![deny(warnings, private_bounds, private_interfaces)]
#![allow(dead_code)]

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;
use std::marker::PhantomData;
use std::net::IpAddr;

use ipc_core::remote;

type Alias = Option<u8>;

#[remote]
#[derive(Debug, Default, PartialEq)]
pub struct Everything {
    children: Vec<Everything>,
    parent: Option<Box<Self>>,
    boxed: Box<[Everything]>,
    text: Box<str>,
    cow: Cow<'static, str>,
    phantom: PhantomData<NotSerde>,
    missing: Alias,
    thin: Thin,
    thin_again: Thin,
    private: [Private; 2],
    tuple: (Private, Option<Private>, u8),
    map: HashMap<String, Private>,
    set: BTreeSet<u8>,
    #[serde(default)]
    defaulted: Private,
    #[serde(bound = "")]
    bound: Private,
    #[serde(with = "way")]
    with: NotSerde,
    #[serde(serialize_with = "way::serialize", deserialize_with = "way::deserialize")]
    both_ways: NotSerde,
    #[serde(skip)]
    skipped: NotSerde,
    #[cfg(any())]
    absent: Nowhere,
    #[cfg_attr(all(), serde(with = "way"))]
    conditional: NotSerde,
}

#[derive(Debug, Default, PartialEq)]
pub struct NotSerde;

mod way {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::NotSerde;

    pub(super) fn serialize<S: Serializer>(_: &NotSerde, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u8(1)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<NotSerde, D::Error> {
        u8::deserialize(from).map(|_| NotSerde)
    }
}

#[remote]
#[derive(Debug, Default, PartialEq)]
#[serde(transparent)]
pub struct Thin(Private);

#[remote]
#[derive(Debug, Default, PartialEq)]
struct Private {
    addresses: Vec<IpAddr>,
}

#[remote]
#[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
#[serde(from = "u8", into = "u8")]
#[derive(Clone)]
pub struct Like(NotSerdeButClone);

#[derive(Clone, Debug, PartialEq)]
struct NotSerdeButClone;

impl From<u8> for Like {
    fn from(_: u8) -> Self {
        Self(NotSerdeButClone)
    }
}

impl From<Like> for u8 {
    fn from(_: Like) -> Self {
        7
    }
}

#[remote]
#[serde(bound(serialize = "T: serde::Serialize", deserialize = "T: serde::de::DeserializeOwned"))]
pub struct Bound<T: Debug, const N: usize = 3>
where
    T: PartialEq,
{
    value: T,
    others: Vec<Bound<T, N>>,
    addresses: [IpAddr; 2],
    private: Private,
}

#[remote]
enum Either<T> {
    #[cfg(any())]
    Absent(Nowhere),
    Left(Private, T),
    Right {
        #[cfg(all())]
        private: Private,
    },
    #[serde(skip)]
    Skipped(NotSerde),
}

macro_rules! record {
    ($name:ident, $($field:ident: $ty:ty),*) => {
        #[remote]
        pub struct $name {
            $(pub $field: $ty,)*
            pub of_this_crate: $crate::Everything,
        }
    };
}

record!(Made, private: Vec<Everything>, next: Option<Box<Self>>);

fn travels<T: ipc_core::Wire>() {}

fn main() {
    travels::<(Everything, Like, Bound<u8>, Either<u8>, Made)>();
}
