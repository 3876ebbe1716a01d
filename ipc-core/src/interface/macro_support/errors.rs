//! Errors of drivers: how much of an error the caller gets.

use std::error::Error;
use std::fmt::Display;

use super::probe::Probe;
use crate::interface::function::sources;
use crate::interface::invocation::serialised;
use crate::interface::schema::short_name;
use crate::wire::failure::{Failure, Fault, FaultKind, FaultValue};
use serde::Serialize;

/// An error that a driver can return: anything with a text.
#[diagnostic::on_unimplemented(
    message = "the error `{Self}` has no text to send to the caller",
    label = "returned as an error by a `#[remote]` method",
    note = "implement `std::error::Error` for `{Self}` (or at least `Display`), or hide the method with `#[remote(skip)]`"
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
                /// How such an error is sent.
                fn way(&self) -> $way {
                    $way
                }
            }

            impl<E: $($bound)*> $step for $($refs)* Probe<E> {}

            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub struct $way;

            impl $way {
                /// The error as a failure.
                pub fn failure<E: $($bound)*>(self, error: E) -> Failure {
                    let told: fn(E) -> Failure = $failure;
                    told(error)
                }
            }
        )*
    };
}

error_ladder! {
    /// For errors that can be serialised: text, sources and value.
    RaisesValue, TellValue: [Error + Serialize] for [&&&&&] =>
        |error| failure::<E>(error.to_string(), sources(error.source()), serialised(&error));
    /// For errors: text and sources.
    RaisesError, TellError: [Error] for [&&&&] =>
        |error| failure::<E>(error.to_string(), sources(error.source()), None);
    /// For types with a text that can be serialised: text and value.
    RaisesTextValue, TellTextValue: [Display + Serialize] for [&&&] =>
        |error| failure::<E>(error.to_string(), vec![], serialised(&error));
    /// For types that convert into an error that can change threads.
    RaisesInto, TellInto: [Into<Box<dyn Error + Send + Sync>>] for [&&] => |error| {
        let error = error.into();
        failure::<E>(error.to_string(), sources(error.source()), None)
    };
    /// For types that convert into an error that stays on its thread.
    RaisesIntoLocal, TellIntoLocal: [Into<Box<dyn Error>>] for [&] => |error| {
        let error = error.into();
        failure::<E>(error.to_string(), sources(error.source()), None)
    };
}

/// For all other types. [`ErrorText`] refuses those without a text.
#[doc(hidden)]
pub trait RaisesText {
    /// How such an error is sent.
    fn way(&self) -> TellText {
        TellText
    }
}

impl<E> RaisesText for Probe<E> {}

/// Sends the text.
#[derive(Clone, Copy, Debug)]
pub struct TellText;

impl TellText {
    /// The error as a failure.
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
