//! Which values of an argument are accepted, for types that only the compiler knows.

use std::fmt::Debug;

use super::autoref::Probe;

/// A type whose values can be looked up in a list.
///
/// Implemented by itself; there is nothing to write.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` cannot be looked up in this list",
    label = "the `one_of` of an argument",
    note = "list values of the type `{Self}`, and put `#[derive(PartialEq, Debug)]` on it"
)]
#[doc(hidden)]
pub trait Listed<V: ?Sized> {
    /// Whether this is the value in the list.
    fn is(&self, listed: &V) -> bool;
}

#[diagnostic::do_not_recommend]
impl<T: PartialEq<V> + Debug + ?Sized, V: ?Sized> Listed<V> for T {
    fn is(&self, listed: &V) -> bool {
        self == listed
    }
}

/// A type whose values can be compared with the bounds of a range.
///
/// Implemented by itself; there is nothing to write.
#[diagnostic::on_unimplemented(
    message = "there is no order among the values of `{Self}`, so there are no ranges of them",
    label = "the `range` of an argument",
    note = "put `#[derive(PartialEq, PartialOrd, Debug)]` on `{Self}`, or list the values with `one_of = [..]`"
)]
#[doc(hidden)]
pub trait Ordered: Sized {
    /// Whether this is not below `low`.
    fn is_at_least(&self, low: &Self) -> bool;
    /// Whether this is not above `high`.
    fn is_at_most(&self, high: &Self) -> bool;
    /// Whether this is below `high`.
    fn is_below(&self, high: &Self) -> bool;
}

#[diagnostic::do_not_recommend]
impl<T: PartialOrd + Debug> Ordered for T {
    fn is_at_least(&self, low: &Self) -> bool {
        self >= low
    }

    fn is_at_most(&self, high: &Self) -> bool {
        self <= high
    }

    fn is_below(&self, high: &Self) -> bool {
        self < high
    }
}

/// Whether `value` is the one in the list.
pub fn is_listed<T: Listed<V> + ?Sized, V: ?Sized>(value: &T, listed: &V) -> bool {
    value.is(listed)
}

/// Whether `value` is not below `low`.
pub fn is_at_least<T: Ordered>(value: &T, low: &T) -> bool {
    value.is_at_least(low)
}

/// Whether `value` is not above `high`.
pub fn is_at_most<T: Ordered>(value: &T, high: &T) -> bool {
    value.is_at_most(high)
}

/// Whether `value` is below `high`.
pub fn is_below<T: Ordered>(value: &T, high: &T) -> bool {
    value.is_below(high)
}

/// The value can be shown.
#[doc(hidden)]
pub trait Shows<T> {
    /// The value, to be shown.
    fn shown<'a>(&self, value: &'a T) -> &'a dyn Debug;
    /// The value as a text.
    fn text(&self, value: &T) -> String;
}

/// The value cannot be shown, which has been said: neither [`Listed`] nor [`Ordered`] takes it.
#[doc(hidden)]
pub trait CannotShow<T> {
    /// Something else.
    fn shown<'a>(&self, _value: &'a T) -> &'a dyn Debug {
        &"?"
    }
    /// Something else.
    fn text(&self, _value: &T) -> String {
        "?".into()
    }
}

impl<T: Debug> Shows<T> for &Probe<T> {
    fn shown<'a>(&self, value: &'a T) -> &'a dyn Debug {
        value
    }

    fn text(&self, value: &T) -> String {
        format!("{value:?}")
    }
}

impl<T> CannotShow<T> for Probe<T> {}
