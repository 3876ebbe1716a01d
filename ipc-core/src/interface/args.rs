//! The arguments of a call by name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::value::Value;
use crate::wire::codec::CodecError;

/// The arguments of a call by name: some by position, some by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    /// none.
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
}
