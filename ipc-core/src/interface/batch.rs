//! Calls of methods inside of a command: what the commands `batch` and `recent` take and return.

use serde::{Deserialize, Serialize};

/// The name of the command that runs several calls under one hold of the gates. It takes `calls`, a list of [`BatchCall`], and
/// returns a list of [`BatchReply`], one for each.
pub const BATCH: &str = "batch";
/// The name of the command whose caller accepts an old result. It takes `call`, a [`BatchCall`], and `max_age_ms`, and returns a
/// [`BatchReply`].
pub const RECENT: &str = "recent";

/// Returns true if the command of this name runs methods of drivers.
pub fn runs_methods(command: &str) -> bool {
    [BATCH, RECENT].contains(&command)
}

/// One call of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs)]
pub struct BatchCall {
    /// How the arguments are encoded: 0 as the codec writes their types, 1 by name.
    pub form: u8,
    /// The fingerprint of the method that the client was built for; 0 in calls by name.
    pub fingerprint: u64,
    /// The method on the wire.
    pub method: String,
    /// The arguments, as in the frame of such a call behind its header.
    #[serde(with = "bin")]
    pub arguments: Vec<u8>,
}

/// How a call of a batch ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs)]
pub struct BatchReply {
    /// The number of the message that would have answered the call by itself: 200 for a result, 400 for a refusal, 500 for a
    /// fault.
    pub kind: u16,
    /// What that message would carry behind the number of the call.
    #[serde(with = "bin")]
    pub payload: Vec<u8>,
}

/// Bytes as MessagePack has them, rather than as a list of numbers.
mod bin {
    use std::fmt;

    use serde::de::{Deserializer, Error, Visitor};
    use serde::ser::Serializer;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        from.deserialize_byte_buf(Bytes)
    }

    struct Bytes;

    impl Visitor<'_> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }

        fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
            Ok(bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interface::value::{self, Value};

    #[test]
    fn arguments_travel_as_bytes() {
        let call = BatchCall {
            form: 1,
            fingerprint: 7,
            method: "read".into(),
            arguments: vec![1, 200, 3],
        };
        let packed = value::pack(&call).unwrap();
        assert_eq!(value::unpack(&packed), Ok(call));
        let Value::Map(fields) = value::unpack(&packed).unwrap() else {
            panic!("not a map");
        };
        let bytes = Value::Bytes(vec![1, 200, 3]);
        assert_eq!(fields[3], (Value::String("arguments".into()), bytes));
    }

    #[test]
    fn a_text_does_not_pass_for_bytes() {
        let texts = Value::Map(vec![
            (Value::String("kind".into()), Value::UInt(200)),
            (Value::String("payload".into()), Value::String("x".into())),
        ]);
        let error = texts.into_typed::<BatchReply>().unwrap_err();
        assert!(error.to_string().contains("expected bytes"), "{error}");
    }
}
