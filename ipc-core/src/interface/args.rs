//! The arguments of a call by name.

use std::collections::BTreeMap;

use serde::Serialize;

use super::value::{self, Value};
use crate::wire::codec::CodecError;

/// The arguments of a call by name: some by position, some by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Args {
    pub(crate) positional: Vec<Value>,
    pub(crate) named: BTreeMap<String, Value>,
}

impl Args {
    /// No arguments.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next argument by position.
    pub fn arg<T: Serialize>(mut self, value: T) -> Result<Self, CodecError> {
        self.positional.push(Value::from_serialize(&value)?);
        Ok(self)
    }

    /// Adds an argument by name. A second one of the same name replaces the first.
    pub fn named<T: Serialize>(mut self, name: &str, value: T) -> Result<Self, CodecError> {
        self.named
            .insert(name.into(), Value::from_serialize(&value)?);
        Ok(self)
    }

    /// Takes a tuple, list or single value as arguments by position, a map or struct as arguments by name, and `()` as
    /// none. A single argument that is itself a list, a map or a struct goes into a tuple: `(value,)`.
    pub fn from_serialize<T: Serialize + ?Sized>(arguments: &T) -> Result<Self, CodecError> {
        let mut args = Args::new();
        match Value::from_serialize(arguments)? {
            Value::Null => {}
            Value::List(positional) => args.positional = positional,
            Value::Map(entries) => {
                for (name, value) in entries {
                    args.named.insert(name.into_typed()?, value);
                }
            }
            single => args.positional.push(single),
        }
        Ok(args)
    }

    /// Reads what a caller has sent: MessagePack, a map of `positional` and `named`. Nothing of it is passed over.
    pub(crate) fn unpack(bytes: &[u8]) -> Result<Self, CodecError> {
        let parts = match value::unpack(bytes)? {
            Value::Map(entries) => <[_; 2]>::try_from(entries).ok(),
            _ => None,
        };
        let [mut positional, mut named] = parts.ok_or_else(not_arguments)?;
        if named.0.is("positional") {
            std::mem::swap(&mut positional, &mut named);
        }
        match (positional, named) {
            ((first, Value::List(positional)), (second, Value::Map(entries)))
                if first.is("positional") && second.is("named") =>
            {
                let named = by_name(entries)?;
                Ok(Self { positional, named })
            }
            _ => Err(not_arguments()),
        }
    }
}

fn by_name(entries: Vec<(Value, Value)>) -> Result<BTreeMap<String, Value>, CodecError> {
    let mut named = BTreeMap::new();
    for (name, value) in entries {
        let Value::String(name) = name else {
            return Err(CodecError::Invalid(format!(
                "`{name}` is no name of an argument"
            )));
        };
        if named.contains_key(&name) {
            return Err(CodecError::Invalid(format!(
                "the argument `{name}` is named twice"
            )));
        }
        named.insert(name, value);
    }
    Ok(named)
}

fn not_arguments() -> CodecError {
    let text =
        "the arguments must be a map of exactly two: `positional`, a list, and `named`, a map";
    CodecError::Invalid(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_come_by_position_or_by_name() {
        let positional = Args::from_serialize(&(20, "fast")).unwrap();
        assert_eq!(
            positional,
            Args::new().arg(20).unwrap().arg("fast").unwrap()
        );
        let named = Args::from_serialize(&BTreeMap::from([("samples", 20)])).unwrap();
        assert_eq!(named, Args::new().named("samples", 20).unwrap());
        assert_eq!(Args::from_serialize(&()), Ok(Args::new()));
        assert_eq!(Args::from_serialize(&7), Args::new().arg(7));
    }

    #[test]
    fn what_is_sent_comes_back_and_nothing_else_is_taken_for_arguments() {
        let args = Args::new().arg(20).unwrap().named("gain", 2.5).unwrap();
        assert_eq!(Args::unpack(&value::pack(&args).unwrap()), Ok(args));
        let list = || vec![1_u8];
        let none = BTreeMap::<String, u8>::new();
        let other_order = vec![
            ("named", Value::Map(vec![])),
            ("positional", Value::List(vec![])),
        ];
        let other_order = BTreeMap::from_iter(other_order);
        assert_eq!(
            Args::unpack(&value::pack(&other_order).unwrap()),
            Ok(Args::new())
        );
        let twice = Value::Map(vec![
            (Value::String("positional".into()), Value::List(vec![])),
            (
                Value::String("named".into()),
                Value::Map(vec![(Value::String("a".into()), Value::Null); 2]),
            ),
        ]);
        let mistakes = [
            value::pack(&(list(), &none)),
            value::pack(&BTreeMap::from([("positional", list())])),
            value::pack(&BTreeMap::from([("positional", list()), ("named", list())])),
            value::pack(&BTreeMap::from([("positional", list()), ("name", list())])),
            value::pack(&BTreeMap::from([
                ("named", &none),
                ("positional", &none),
                ("x", &none),
            ])),
            value::pack(&twice),
            Ok(vec![]),
        ];
        for mistake in mistakes {
            let error = Args::unpack(&mistake.unwrap()).unwrap_err().to_string();
            assert!(!error.contains("IO error"), "{error}");
        }
    }
}
