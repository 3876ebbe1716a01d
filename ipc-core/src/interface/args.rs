//! The arguments of a call by name.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::value::{self, Unpacker, Value};
use crate::wire::codec::CodecError;
use crate::wire::guard::{Budget, refused};

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

    /// Adds the next argument by position, of a type that always is a [`Value`].
    pub fn with(mut self, value: impl Into<Value>) -> Self {
        self.positional.push(value.into());
        self
    }

    /// Adds an argument by name, of a type that always is a [`Value`]. A second one of the same name replaces the first.
    pub fn with_named(mut self, name: &str, value: impl Into<Value>) -> Self {
        let name = name.strip_prefix("r#").unwrap_or(name);
        self.named.insert(name.into(), value.into());
        self
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
                    let Value::String(name) = name else {
                        return Err(CodecError::Invalid(format!(
                            "`{name}` is not the name of an argument; to pass a map as the only argument, put it into a \
                             tuple: `(value,)`"
                        )));
                    };
                    args.named.insert(name, value);
                }
            }
            single => args.positional.push(single),
        }
        Ok(args)
    }
}

/// The encoded arguments of a call by name. Each is decoded as the type that the method takes.
pub(crate) struct PackedArgs<'a> {
    pub(crate) positional: Vec<&'a [u8]>,
    pub(crate) named: BTreeMap<&'a str, &'a [u8]>,
}

impl<'a> PackedArgs<'a> {
    /// Splits a MessagePack map of `positional` and `named`. Anything else in it is an error.
    pub(crate) fn split(bytes: &'a [u8], budget: &Budget) -> Result<Self, CodecError> {
        Self::parts(bytes, budget).map_err(|error| budget.failure().unwrap_or(error))
    }

    fn parts(bytes: &'a [u8], budget: &Budget) -> Result<Self, CodecError> {
        let mut unpacker = Unpacker::of_parts(bytes);
        if unpacker.begin_map()? != Some(2) {
            return Err(not_arguments());
        }
        let (mut positional, mut named) = (None, None);
        for _ in 0..2 {
            match unpacker.text()? {
                Some("positional") if positional.is_none() => {
                    positional = Some(split_list(&mut unpacker, budget)?);
                }
                Some("named") if named.is_none() => {
                    named = Some(split_map(&mut unpacker, budget)?);
                }
                _ => return Err(not_arguments()),
            }
        }
        unpacker.finish()?;
        match (positional, named) {
            (Some(positional), Some(named)) => Ok(Self { positional, named }),
            _ => Err(not_arguments()),
        }
    }

    /// Decodes the arguments as values.
    pub(crate) fn unpack(&self) -> Result<Args, CodecError> {
        let positional = self.positional.iter().map(|packed| value::unpack(packed));
        let named = self.named.iter();
        let named = named.map(|(name, packed)| Ok((name.to_string(), value::unpack(packed)?)));
        Ok(Args {
            positional: positional.collect::<Result<_, _>>()?,
            named: named.collect::<Result<_, _>>()?,
        })
    }
}

impl fmt::Debug for PackedArgs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackedArgs")
            .field("positional", &self.positional.len())
            .field("named", &self.named.keys())
            .finish()
    }
}

fn split_list<'a>(
    unpacker: &mut Unpacker<'a>,
    budget: &Budget,
) -> Result<Vec<&'a [u8]>, CodecError> {
    let count = unpacker.begin_list()?.ok_or_else(not_arguments)?;
    let mut list = Vec::new();
    for _ in 0..count {
        budget.charge(size_of::<&[u8]>()).ok_or_else(refused)?;
        list.push(unpacker.skip()?);
    }
    Ok(list)
}

fn split_map<'a>(
    unpacker: &mut Unpacker<'a>,
    budget: &Budget,
) -> Result<BTreeMap<&'a str, &'a [u8]>, CodecError> {
    let count = unpacker.begin_map()?.ok_or_else(not_arguments)?;
    let mut map = BTreeMap::new();
    for _ in 0..count {
        budget
            .charge(size_of::<(&str, &[u8])>())
            .ok_or_else(refused)?;
        let Some(name) = unpacker.text()? else {
            let name = value::unpack::<Value>(unpacker.skip()?)?;
            let problem = format!("`{name}` is not the name of an argument");
            return Err(CodecError::Invalid(problem));
        };
        if map.insert(name, unpacker.skip()?).is_some() {
            let problem = format!("the argument `{name}` is named twice");
            return Err(CodecError::Invalid(problem));
        }
    }
    Ok(map)
}

fn not_arguments() -> CodecError {
    let text =
        "the arguments must be a map of exactly two: `positional`, a list, and `named`, a map";
    CodecError::Invalid(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpack(bytes: &[u8]) -> Result<Args, CodecError> {
        PackedArgs::split(bytes, &Budget::new(bytes.len(), 0))?.unpack()
    }

    #[test]
    fn arguments_come_by_position_or_by_name() {
        let positional = Args::from_serialize(&(20, "fast")).unwrap();
        assert_eq!(
            positional,
            Args::new().arg(20).unwrap().arg("fast").unwrap()
        );
        let named = Args::from_serialize(&BTreeMap::from([("samples", 20)])).unwrap();
        assert_eq!(named, Args::new().named("samples", 20).unwrap());
        let numbered = Args::from_serialize(&BTreeMap::from([(7, 20)])).unwrap_err();
        let text = numbered.to_string();
        assert!(text.starts_with("`7` is not the name of"), "{text}");
        assert!(text.ends_with("into a tuple: `(value,)`"), "{text}");
        assert_eq!(Args::from_serialize(&()), Ok(Args::new()));
        assert_eq!(Args::from_serialize(&7), Args::new().arg(7));
    }

    #[test]
    fn what_is_sent_comes_back_and_nothing_else_is_taken_for_arguments() {
        let args = Args::new().arg(20).unwrap().named("gain", 2.5).unwrap();
        assert_eq!(unpack(&value::pack(&args).unwrap()), Ok(args));
        let list = || vec![1_u8];
        let none = BTreeMap::<String, u8>::new();
        let other_order = vec![
            ("named", Value::Map(vec![])),
            ("positional", Value::List(vec![])),
        ];
        let other_order = BTreeMap::from_iter(other_order);
        assert_eq!(unpack(&value::pack(&other_order).unwrap()), Ok(Args::new()));
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
            let error = unpack(&mistake.unwrap()).unwrap_err().to_string();
            assert!(!error.contains("IO error"), "{error}");
        }
    }
}
