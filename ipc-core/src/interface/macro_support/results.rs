//! Results of methods: telling a `Result` from a plain value, and errors that a trait's proxy returns.

use std::fmt::{self, Display};
use std::marker::PhantomData;

use crate::error::CallError;

/// What a method returned.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs)]
pub struct Returned<R>(pub R);

impl<T, E> Returned<Result<T, E>> {
    /// The result itself.
    pub fn into_result(self) -> Result<T, E> {
        self.0
    }
}

/// Treats every other type as a success.
#[doc(hidden)]
pub trait ReturnedPlain<R> {
    /// The value as a result.
    fn into_result(self) -> Result<R, Never>;
}

impl<R> ReturnedPlain<R> for Returned<R> {
    fn into_result(self) -> Result<R, Never> {
        Ok(self.0)
    }
}

/// The error type of methods that cannot fail.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_enums)]
pub enum Never {}

impl Display for Never {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

/// Whether the type `R`, however it is called, is a `Result`.
#[derive(Debug)]
pub struct IsResult<R>(PhantomData<R>);

impl<T, E> IsResult<Result<T, E>> {
    /// `true`: the type is a `Result`.
    pub const VALUE: bool = true;

    /// The name of its error type.
    pub fn error_name() -> Option<String> {
        super::spec::name_of::<E>()
    }
}

/// The answer for every other type.
#[doc(hidden)]
pub trait IsNoResult {
    /// `false`: the type is not a `Result`.
    const VALUE: bool = false;

    /// `None`: the type has no error type.
    fn error_name() -> Option<String> {
        None
    }
}

impl<R> IsNoResult for IsResult<R> {}

/// What the caller of a method gets: the value in a `Result`, or the type itself.
#[doc(hidden)]
pub trait Output<const IS_RESULT: bool> {
    /// The value.
    type Value;
}

impl<T, E> Output<true> for Result<T, E> {
    type Value = T;
}

impl<R> Output<false> for R {
    type Value = R;
}

/// A return type of a trait's method that can hold the error of a failed call.
#[diagnostic::on_unimplemented(
    message = "a remote call can fail, and `{Self}` cannot report that",
    label = "returned by a method of a `#[remote]` trait",
    note = "return `Result<{Self}, Self::Error>`, with `type Error: std::error::Error;` in the trait"
)]
#[doc(hidden)]
pub trait MayFail<T> {
    /// Converts the outcome of a call to the return type.
    fn from_call(outcome: Result<T, CallError>) -> Self;
}

impl<T, E: HoldsCallError> MayFail<T> for Result<T, E> {
    fn from_call(outcome: Result<T, CallError>) -> Self {
        outcome.map_err(E::hold)
    }
}

/// An error type of a trait's method that can hold the error of a failed call.
#[diagnostic::on_unimplemented(
    message = "a remote call can fail, and `{Self}` cannot hold its error",
    label = "returned as an error by a method of a `#[remote]` trait",
    note = "return `Self::Error` instead, or implement `From<ipc_core::CallError>` for `{Self}`"
)]
#[doc(hidden)]
pub trait HoldsCallError {
    /// Converts the error of a call.
    fn hold(error: CallError) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: From<CallError>> HoldsCallError for E {
    fn hold(error: CallError) -> Self {
        error.into()
    }
}
