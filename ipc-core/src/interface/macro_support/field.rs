//! Fields of `#[remote]` structs and enums: one mistake is one error.
//!
//! Generated code claims `Foreign: FieldOf<Settings, 0>`. If `Foreign` cannot travel, the compiler refuses the claim with
//! one error in our words, and takes it as given afterwards. serde's `Deserialize` relies on the claim, and its `Serialize`
//! calls [`SerialisesField`], which compiles for any type. Code that uses the struct compiles without further errors.
//!
//! Measured with `field_not_serde.rs` of the UI tests: 1 error with the claim, 4 without; `fields_not_serde.rs`: 9 and 27.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::probe::{Probe, never};

/// A type that can be a field: any type that serde can serialise and deserialise.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel over the wire",
    label = "used in a field of a `#[remote]` struct or enum",
    note = "put `#[remote]` (or `#[derive(serde::Serialize, serde::Deserialize)]`) on `{Self}`, or on the type inside of it that lacks it, say how it travels with `#[serde(with = \"module\")]`, or leave the field out with `#[serde(skip)]`",
    note = "a type of another crate travels if that crate has a feature `serde` that is switched on (for `Arc` it is the feature `rc` of serde itself); an array of more than 32 elements travels as a `Vec`",
    note = "is this struct the driver? Then take `#[remote]` off it: only its `impl` block takes it"
)]
#[doc(hidden)]
pub trait Field<'de>: Deserialize<'de> {}

/// The claim that the type can be a field of `S`. Generated code makes it once for each type.
#[doc(hidden)]
pub trait FieldOf<S, const NUMBER: usize>: for<'de> Field<'de> {}

/// The same for points in time, with their own advice.
#[diagnostic::on_unimplemented(
    message = "an `{Self}` cannot travel over the wire: a point in time of one computer means nothing on another",
    label = "used in a field of a `#[remote]` struct or enum",
    note = "send a `Duration`, such as the time since then, or a `SystemTime`; or leave the field out with `#[serde(skip)]`"
)]
#[doc(hidden)]
pub trait InstantField<'de>: Deserialize<'de> {}

/// The claim that the type can be a field of `S`. Generated code makes it once for each type.
#[doc(hidden)]
pub trait InstantFieldOf<S, const NUMBER: usize>: for<'de> InstantField<'de> {}

/// The same for files, sockets, threads and ends of channels, with their own advice.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` belongs to one process: it cannot travel over the wire",
    label = "used in a field of a `#[remote]` struct or enum",
    note = "send what is in it, or what callers need to know of it, or leave the field out with `#[serde(skip)]`",
    note = "is this struct the driver? Then take `#[remote]` off it: only its `impl` block takes it"
)]
#[doc(hidden)]
pub trait HandleField<'de>: Deserialize<'de> {}

/// The claim that the type can be a field of `S`. Generated code makes it once for each type.
#[doc(hidden)]
pub trait HandleFieldOf<S, const NUMBER: usize>: for<'de> HandleField<'de> {}

/// The same for arrays, with their own advice. Their length may be a constant that only the compiler knows.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel over the wire",
    label = "used in a field of a `#[remote]` struct or enum",
    note = "an array travels if its elements do, and if it has at most 32 of them, where serde stops: use a `Vec`, or say how it travels with `#[serde(with = \"module\")]`"
)]
#[doc(hidden)]
pub trait ArrayField<'de>: Deserialize<'de> {}

/// The claim that the type can be a field of `S`. Generated code makes it once for each type.
#[doc(hidden)]
pub trait ArrayFieldOf<S, const NUMBER: usize>: for<'de> ArrayField<'de> {}

macro_rules! for_all_that_travel {
    ($($field:ident)*) => {
        $(
            #[diagnostic::do_not_recommend]
            impl<'de, T: Serialize + Deserialize<'de> + Send + 'static> $field<'de> for T {}

            /// Never applies. With a single possible implementation, the compiler would report what that one lacks; with
            /// two, it reports the trait itself, in the words above.
            #[diagnostic::do_not_recommend]
            impl<'de, T: Deserialize<'de>> $field<'de> for T where Probe<T>: Impossible {}
        )*
    };
}

for_all_that_travel!(Field InstantField HandleField ArrayField);

/// Implemented by nothing.
trait Impossible {}

/// How fields of type `T` are serialised, for serde's `serialize_with`.
#[doc(hidden)]
pub trait SerialisesField<T, const NUMBER: usize> {
    /// Serialises a field of this type.
    fn serialise<S: Serializer>(field: &T, serializer: S) -> Result<S::Ok, S::Error>;
}

/// For fields that can be serialised.
#[doc(hidden)]
pub trait Serialises<T: ?Sized> {
    /// Serialises the field.
    fn serialise<S: Serializer>(&self, field: &T, serializer: S) -> Result<S::Ok, S::Error>;
}

/// For fields that cannot be serialised, which the claim has reported.
#[doc(hidden)]
pub trait CannotSerialise<T: ?Sized> {
    /// Never runs.
    fn serialise<S: Serializer>(&self, _field: &T, _serializer: S) -> Result<S::Ok, S::Error> {
        never::<Probe<T>, _>()
    }
}

impl<T: Serialize + ?Sized> Serialises<T> for &Probe<T> {
    fn serialise<S: Serializer>(&self, field: &T, serializer: S) -> Result<S::Ok, S::Error> {
        field.serialize(serializer)
    }
}

impl<T: ?Sized> CannotSerialise<T> for Probe<T> {}

/// The serialisation of a field that `#[remote]` has refused.
pub fn refused_serialise<T, S: Serializer>(_field: &T, _: S) -> Result<S::Ok, S::Error> {
    never::<T, _>()
}

/// The deserialisation of a field that `#[remote]` has refused.
pub fn refused_deserialise<'de, T, D: Deserializer<'de>>(_: D) -> Result<T, D::Error> {
    never::<T, _>()
}
