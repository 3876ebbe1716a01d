//! How generated code asks what a type can do, and takes the best way that it allows.
//!
//! Generated code sees concrete types but does not know their traits. A method call on `&&Probe::<T>` is resolved to the
//! implementation with the most references whose bounds hold, so every question here is a ladder of traits with one
//! method name: the step with the most references is the best one.

use std::error::Error;
use std::fmt::{self, Display};
use std::marker::PhantomData;

use serde::Serialize;

use super::caller::{Caller, OutgoingCall, Stub};
use super::function::sources;
use super::invocation::{Invocation, serialised};
use super::schema::{Describe, Schema, short_name};
use super::wire_type::Wire;
use crate::error::CallError;
use crate::wire::failure::{Failure, Fault, FaultKind, FaultValue};

/// A question about the type `T`.
pub struct Probe<T: ?Sized>(PhantomData<fn() -> PhantomData<T>>);

impl<T: ?Sized> Probe<T> {
    /// The question.
    pub const NEW: Self = Self(PhantomData);

    /// The question about the type of `value`.
    pub fn of(_value: &T) -> Self {
        Self::NEW
    }
}

impl<T: ?Sized> fmt::Debug for Probe<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Probe")
    }
}

// The schema of a type.

/// The type describes itself.
#[doc(hidden)]
pub trait SchemaDescribed {
    /// Its schema.
    fn schema(&self) -> Schema;
}

/// The type has a JSON schema. Nothing does without the feature `schemars`.
#[doc(hidden)]
pub trait SchemaFromJson {
    /// Its schema.
    fn schema(&self) -> Schema;
}

/// The type is known by its name only.
#[doc(hidden)]
pub trait SchemaByName {
    /// Its name as a schema.
    fn schema(&self) -> Schema;
}

impl<T: Describe + ?Sized> SchemaDescribed for &&Probe<T> {
    fn schema(&self) -> Schema {
        T::schema()
    }
}

#[cfg(feature = "schemars")]
impl<T: schemars::JsonSchema + ?Sized> SchemaFromJson for &Probe<T> {
    fn schema(&self) -> Schema {
        super::json_schema::of::<T>()
    }
}

impl<T: ?Sized> SchemaByName for Probe<T> {
    fn schema(&self) -> Schema {
        Schema::by_name::<T>()
    }
}

// Arguments and results.

/// The type can travel.
#[doc(hidden)]
pub trait Travels<T> {
    /// Takes the next argument of a call.
    fn take(&self, call: &mut Invocation<'_>) -> Result<T, Failure>;
    /// Takes the next argument of a call, which has a default.
    fn take_or(&self, call: &mut Invocation<'_>, default: fn() -> T) -> Result<T, Failure>;
    /// Answers a call.
    fn answer(&self, call: &mut Invocation<'_>, result: T) -> Result<(), Failure>;
    /// Makes a call.
    fn send<C: Caller>(&self, stub: &Stub<C>, call: OutgoingCall) -> C::Reply<T>
    where
        T: Send + 'static;
}

/// The type cannot travel, and [`wire`](super::wire_type::wire) has said so.
#[doc(hidden)]
pub trait CannotTravel<T> {
    /// Never runs.
    fn take(&self, _call: &mut Invocation<'_>) -> Result<T, Failure> {
        never::<T, _>()
    }
    /// Never runs.
    fn take_or(&self, _call: &mut Invocation<'_>, _default: fn() -> T) -> Result<T, Failure> {
        never::<T, _>()
    }
    /// Never runs.
    fn answer(&self, _call: &mut Invocation<'_>, _result: T) -> Result<(), Failure> {
        never::<T, _>()
    }
    /// Never runs.
    fn send<C: Caller>(&self, _stub: &Stub<C>, _call: OutgoingCall) -> C::Reply<T>
    where
        T: Send + 'static,
    {
        never::<T, _>()
    }
}

impl<T: Wire> Travels<T> for &Probe<T> {
    fn take(&self, call: &mut Invocation<'_>) -> Result<T, Failure> {
        call.argument()
    }

    fn take_or(&self, call: &mut Invocation<'_>, default: fn() -> T) -> Result<T, Failure> {
        call.argument_or(default)
    }

    fn answer(&self, call: &mut Invocation<'_>, result: T) -> Result<(), Failure> {
        call.succeed(result)
    }

    fn send<C: Caller>(&self, stub: &Stub<C>, call: OutgoingCall) -> C::Reply<T>
    where
        T: Send + 'static,
    {
        stub.send(call)
    }
}

impl<T> CannotTravel<T> for Probe<T> {}

/// The value can be an argument.
#[doc(hidden)]
pub trait Puts<T: ?Sized> {
    /// Adds it to a call.
    fn put(&self, call: &mut OutgoingCall, value: &T);
}

/// The value cannot be an argument, and [`wire`](super::wire_type::wire) has said so.
#[doc(hidden)]
pub trait CannotPut<T: ?Sized> {
    /// Never runs.
    fn put(&self, _call: &mut OutgoingCall, _value: &T) {
        never::<PhantomData<T>, ()>()
    }
}

impl<T: Serialize + ?Sized> Puts<T> for &Probe<T> {
    fn put(&self, call: &mut OutgoingCall, value: &T) {
        call.argument(value);
    }
}

impl<T: ?Sized> CannotPut<T> for Probe<T> {}

/// Stands where the compiler has refused already. Should it ever not have, this does.
struct Refused<T>(PhantomData<T>);

impl<T> Refused<T> {
    #[allow(clippy::panic)] // At compile time, and only if `wire` was not asked.
    const CHECK: () = panic!("a type in this interface cannot travel over the wire");
}

pub(super) fn never<T, R>() -> R {
    let () = Refused::<T>::CHECK;
    std::process::abort()
}

// Results and plain values.

/// What a method returned.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs)]
pub struct Returned<R>(pub R);

impl<T, E> Returned<Result<T, E>> {
    /// A result is one already.
    pub fn into_result(self) -> Result<T, E> {
        self.0
    }
}

/// Everything else is a success.
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

/// The error of a method that has none.
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
    /// It is.
    pub const VALUE: bool = true;

    /// The name of its error type.
    pub fn error_name() -> Option<String> {
        super::spec::name_of::<E>()
    }
}

/// The answer for all other types.
#[doc(hidden)]
pub trait IsNoResult {
    /// It is not.
    const VALUE: bool = false;

    /// It has no error type.
    fn error_name() -> Option<String> {
        None
    }
}

impl<R> IsNoResult for IsResult<R> {}

/// What the caller of a method gets: the value in a `Result`, or the whole of anything else.
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

/// What a method of a trait may return when the compiler has to find out what it is.
#[diagnostic::on_unimplemented(
    message = "a call from elsewhere can fail on its way, and `{Self}` has no place to say so",
    label = "returned by a method of a `#[remote]` trait",
    note = "return `Result<{Self}, Self::Error>`, with `type Error: std::error::Error;` in the trait"
)]
#[doc(hidden)]
pub trait MayFail<T> {
    /// The outcome of a call as the trait wants it.
    fn from_call(outcome: Result<T, CallError>) -> Self;
}

impl<T, E: HoldsCallError> MayFail<T> for Result<T, E> {
    fn from_call(outcome: Result<T, CallError>) -> Self {
        outcome.map_err(E::hold)
    }
}

/// An error that a method of a trait may return when the call itself fails.
#[diagnostic::on_unimplemented(
    message = "a call from elsewhere can fail on its way, and `{Self}` cannot hold such an error",
    label = "returned as an error by a method of a `#[remote]` trait",
    note = "return `Self::Error` instead, or implement `From<ipc_core::CallError>` for `{Self}`"
)]
#[doc(hidden)]
pub trait HoldsCallError {
    /// Takes the error of the call in.
    fn hold(error: CallError) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: From<CallError>> HoldsCallError for E {
    fn hold(error: CallError) -> Self {
        error.into()
    }
}

// Errors of drivers.

/// An error that a driver may return: anything with a text.
#[diagnostic::on_unimplemented(
    message = "the error `{Self}` has no text to send to the caller",
    label = "returned as an error by a `#[remote]` method",
    note = "implement `std::error::Error` for `{Self}` (or `Display` at least), or hide the method with `#[remote(skip)]`"
)]
#[doc(hidden)]
pub trait ErrorText: Display {}

#[diagnostic::do_not_recommend]
impl<E: Display> ErrorText for E {}

macro_rules! error_ladder {
    ($($(#[$doc:meta])* $step:ident, $way:ident: [$($bound:tt)*] for [$($refs:tt)*] => $failure:expr;)*) => {
        $(
            $(#[$doc])*
            #[doc(hidden)]
            pub trait $step {
                /// How such an error is told.
                fn way(&self) -> $way {
                    $way
                }
            }

            impl<E: $($bound)*> $step for $($refs)* Probe<E> {}

            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub struct $way;

            impl $way {
                /// Tells the error.
                pub fn failure<E: $($bound)*>(self, error: E) -> Failure {
                    let told: fn(E) -> Failure = $failure;
                    told(error)
                }
            }
        )*
    };
}

error_ladder! {
    /// An error that can be serialised: text, sources and value.
    RaisesValue, TellValue: [Error + Serialize] for [&&&&&] =>
        |error| failure::<E>(error.to_string(), sources(error.source()), serialised(&error));
    /// An error: text and sources.
    RaisesError, TellError: [Error] for [&&&&] =>
        |error| failure::<E>(error.to_string(), sources(error.source()), None);
    /// A text that can be serialised: text and value.
    RaisesTextValue, TellTextValue: [Display + Serialize] for [&&&] =>
        |error| failure::<E>(error.to_string(), vec![], serialised(&error));
    /// Something that can be turned into an error.
    RaisesInto, TellInto: [Into<Box<dyn Error + Send + Sync>>] for [&&] => |error| {
        let error = error.into();
        failure::<E>(error.to_string(), sources(error.source()), None)
    };
    /// Something that can be turned into an error that stays on its thread.
    RaisesIntoLocal, TellIntoLocal: [Into<Box<dyn Error>>] for [&] => |error| {
        let error = error.into();
        failure::<E>(error.to_string(), sources(error.source()), None)
    };
}

/// A text, or nothing that could be told.
#[doc(hidden)]
pub trait RaisesText {
    /// How such an error is told.
    fn way(&self) -> TellText {
        TellText
    }
}

impl<E> RaisesText for Probe<E> {}

/// A text.
#[derive(Clone, Copy, Debug)]
pub struct TellText;

impl TellText {
    /// Tells the error.
    pub fn failure<E: ErrorText>(self, error: E) -> Failure {
        failure::<E>(error.to_string(), vec![], None)
    }
}

fn failure<E>(message: String, sources: Vec<String>, value: Option<FaultValue>) -> Failure {
    Failure::Fault(Box::new(Fault {
        kind: FaultKind::Error,
        type_name: short_name(std::any::type_name::<E>()),
        message,
        sources,
        value,
    }))
}
