//! What errors say of calls and arguments that do not fit.

use std::fmt;

use crate::interface::bounds;
use crate::interface::describe::{Argument, Method};
use crate::interface::schema::Schema;
use crate::interface::value::{self, Value};
use crate::wire::codec::CodecError;
use crate::wire::failure::{FaultValue, Refusal};
use crate::wire::sanitize::shortened;

/// The refusal of a call whose list of arguments cannot be read.
#[cold]
pub(super) fn unreadable(name: &str, error: CodecError) -> Refusal {
    Refusal::Protocol {
        method: name.to_string(),
        reason: match error {
            CodecError::TooMuchMemory { limit } => {
                too_much_memory("the list of its arguments", limit)
            }
            error => error.to_string(),
        },
    }
}

/// "a number (`u8`) from 1 to 5"
pub(super) fn expected(argument: &Argument) -> String {
    let Argument {
        schema,
        accepts,
        unit,
        ..
    } = argument;
    match accepts {
        Some(accepts) => bounds::in_words_of(schema, accepts, unit.as_deref()),
        None => format!("of type `{schema}`"),
    }
}

/// A type whose name says all about its values.
pub(crate) fn is_plain_type(schema: &Schema) -> bool {
    match schema {
        Schema::Option(inner) => is_plain_type(inner),
        Schema::Bool | Schema::Unsigned(_) | Schema::Signed(_) | Schema::Float(_) => true,
        Schema::Char | Schema::String => true,
        _ => false,
    }
}

/// Refuses an argument outside of what its declaration accepts. Both ends ask this, with the same words.
pub(crate) fn check(
    method: &Method,
    wire_name: &str,
    index: usize,
    accepted: bool,
    given: &dyn fmt::Debug,
) -> Result<(), Refusal> {
    let Some(argument) = method.arguments.get(index).filter(|_| !accepted) else {
        return Ok(());
    };
    let accepts = argument.accepts.as_deref().unwrap_or("its values");
    let given = format!("{given:?}");
    // A missing value is always accepted, so this one was given, and the caller did not write `Some`.
    let inner = given
        .strip_prefix("Some(")
        .and_then(|inner| inner.strip_suffix(')'));
    let given = match argument.schema {
        Schema::Option(_) => inner.unwrap_or(&given).to_string(),
        _ => given,
    };
    Err(Refusal::BadArgument {
        method: wire_name.to_string(),
        argument: argument.name.clone(),
        expected: bounds::in_words(accepts, argument.unit.as_deref()),
        given: shown_briefly(&given),
    })
}

/// A driver's error with its value, if the type can be serialised.
pub(crate) fn serialised<E: serde::Serialize>(error: &E) -> Option<FaultValue> {
    let bytes = value::pack(error).ok()?;
    (bytes.len() <= MAX_FAULT_VALUE).then(|| FaultValue {
        type_path: std::any::type_name::<E>().into(),
        bytes,
    })
}

/// Larger error values travel as text only.
const MAX_FAULT_VALUE: usize = 64 * 1024;

/// Why the server does not decode `what`.
pub(super) fn too_much_memory(what: &str, limit: usize) -> String {
    format!(
        "decoded, {what} would take more than the {limit} bytes of memory that `decode_memory` of the server's builder \
         allows for the call"
    )
}

/// Given in an error text for bytes that are no value.
pub(super) const UNREADABLE: &str = "unreadable";

/// Number of bytes beyond which an error shows only the length of a value.
const LONG_VALUE: usize = 64 * 1024;

/// An argument by name for an error text.
pub(super) fn shown(packed: &[u8]) -> String {
    if packed.len() > LONG_VALUE {
        return format!("a value of {} bytes", packed.len());
    }
    match value::unpack::<Value>(packed) {
        Ok(value) => value.to_string(),
        Err(_) => UNREADABLE.into(),
    }
}

/// The text of a value, cut to what an error shows of it.
pub(crate) fn shown_briefly(text: &str) -> String {
    shortened(text, SHOWN)
}

/// Maximum number of characters of a value in an error.
const SHOWN: usize = 200;
