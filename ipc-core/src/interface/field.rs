//! Fields of `#[remote]` structs and enums: one mistake is one error.
//!
//! What serde derives says several times, and in its own words, that the type of a field cannot travel. So it is not
//! asked: generated code claims `Foreign: FieldOf<Settings, 0>`, which the compiler refuses once and in our words, and
//! takes as given afterwards. That is how serde's `Deserialize` comes to accept the field. Its `Serialize` calls
//! [`SerialisesField`], which finds out by itself. Whoever uses the struct hears nothing more of it.

use serde::{Deserialize, Serialize, Serializer};

use super::autoref::{Probe, never};

/// A type that can be a field: everything that serde can serialise and deserialise.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel over the wire",
    label = "used in a field of a `#[remote]` struct or enum",
    note = "put `#[remote]` (or `#[derive(serde::Serialize, serde::Deserialize)]`) on `{Self}`, or on the type inside of it that lacks it, say how it travels with `#[serde(with = \"module\")]`, or leave the field out with `#[serde(skip)]`",
    note = "a type of another crate travels if that crate has a feature `serde` that is switched on (for `Arc` and `Rc` it is the feature `rc` of serde itself)",
    note = "is this struct the driver? Then take `#[remote]` off it: only its `impl` block takes it"
)]
pub trait Field<'de>: Deserialize<'de> {}

#[diagnostic::do_not_recommend]
impl<'de, T: Serialize + Deserialize<'de> + Send + 'static> Field<'de> for T {}

/// Never applies. Where one implementation is possible, the compiler says what that one lacks; where there are two, it
/// says what was asked for, in the words above.
#[diagnostic::do_not_recommend]
impl<'de, T: Deserialize<'de>> Field<'de> for T where Probe<T>: Impossible {}

/// Implemented by nothing.
trait Impossible {}

/// The claim that the type can be in a field of `S`, made by generated code once for each of its types.
pub trait FieldOf<S, const NUMBER: usize>: for<'de> Field<'de> {}

/// How fields of type `T` are serialised, for serde's `serialize_with`.
pub trait SerialisesField<T, const NUMBER: usize> {
    /// Serialises a field of this type.
    fn serialise<S: Serializer>(field: &T, serializer: S) -> Result<S::Ok, S::Error>;
}

/// The field can be serialised.
pub trait Serialises<T: ?Sized> {
    /// Serialises it.
    fn serialise<S: Serializer>(&self, field: &T, serializer: S) -> Result<S::Ok, S::Error>;
}

/// The field cannot be serialised, and [`FieldOf`] has said so.
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
