//! Limits of arguments: `range` and `one_of`.

use std::fmt::Debug;
use std::ops::RangeBounds;

/// The values of type `T` that an argument accepts.
pub trait Limit<T> {
    /// Passes to `then` whether `value` is accepted, and `value` for a message.
    fn check<R>(&self, value: &T, then: impl FnOnce(bool, &dyn Debug) -> R) -> R;

    /// The limit as a description shows it: `1..=5`, `["low", "high"]`.
    fn text(&self) -> String;
}

// The functions return opaque types: a type without order or equality violates only their bounds, which is one error.

/// The limit to the values in a range.
pub fn range<T: Ordered, R: RangeBounds<T> + Debug>(range: &R) -> impl Limit<T> {
    InRange(range)
}

/// The limit to the values in a list.
pub fn list<T: Listed<V>, V>(values: &[V]) -> impl Limit<T> {
    InList(values)
}

/// A type with ranges of values. Implemented for all types that qualify.
#[diagnostic::on_unimplemented(
    message = "there is no order among the values of `{Self}`, so there are no ranges of them",
    label = "the `range` of an argument",
    note = "put `#[derive(PartialEq, PartialOrd, Debug)]` on `{Self}`, or list the values with `one_of = [..]`"
)]
pub trait Ordered: PartialOrd + Debug {}

#[diagnostic::do_not_recommend]
impl<T: PartialOrd + Debug> Ordered for T {}

/// A type whose values can be found in a list of `V`. Implemented for all types that qualify.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` cannot be looked up in this list",
    label = "the `one_of` of an argument",
    note = "list values of the type `{Self}`, and put `#[derive(PartialEq, Debug)]` on it"
)]
pub trait Listed<V>: Debug {
    /// Whether `values` contains this value.
    fn is_in(&self, values: &[V]) -> bool;

    /// The list as text.
    fn text_of(values: &[V]) -> String;
}

#[diagnostic::do_not_recommend]
impl<T: PartialEq<V> + Debug, V: Debug> Listed<V> for T {
    fn is_in(&self, values: &[V]) -> bool {
        values.iter().any(|value| self == value)
    }

    fn text_of(values: &[V]) -> String {
        format!("{values:?}")
    }
}

struct InRange<'a, R>(&'a R);

impl<T: Ordered, R: RangeBounds<T> + Debug> Limit<T> for InRange<'_, R> {
    fn check<O>(&self, value: &T, then: impl FnOnce(bool, &dyn Debug) -> O) -> O {
        then(self.0.contains(value), value)
    }

    fn text(&self) -> String {
        format!("{:?}", self.0)
    }
}

struct InList<'a, V>(&'a [V]);

impl<T: Listed<V>, V> Limit<T> for InList<'_, V> {
    fn check<O>(&self, value: &T, then: impl FnOnce(bool, &dyn Debug) -> O) -> O {
        then(value.is_in(self.0), value)
    }

    fn text(&self) -> String {
        T::text_of(self.0)
    }
}
