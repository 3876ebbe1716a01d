//! Values together with what their description says of them.

use ipc_client::{Field, Schema, Value};
use ipc_core::wire::sanitize::fit_to_show;

use super::inline::{self, Detail};

/// A value with its type and its unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Typed<'a> {
    pub(super) value: &'a Value,
    pub(super) of: Type<'a>,
    pub(super) unit: Option<&'a str>,
}

/// What is known of a type.
#[derive(Clone, Copy, Debug)]
pub(super) enum Type<'a> {
    Schema(&'a Schema),
    /// The fields of a struct, or of a variant.
    Fields(&'a [Field]),
}

/// The type of what is not described.
static UNKNOWN: Schema = Schema::Named(String::new());

impl<'a> Typed<'a> {
    pub(super) fn new(value: &'a Value, schema: &'a Schema, unit: Option<&'a str>) -> Self {
        let of = Type::Schema(schema);
        Self { value, of, unit }.resolved()
    }

    /// Looks through the options that have a value, and through newtypes, none of which shows in the value.
    fn resolved(mut self) -> Self {
        loop {
            match (self.of, self.value) {
                (_, Value::Null | Value::Some(_)) => return self,
                (Type::Schema(Schema::Option(inner)), _) => self.of = Type::Schema(inner),
                (Type::Schema(Schema::Struct { fields, .. }), _) => self.of = Type::Fields(fields),
                (Type::Fields([only]), _) if only.name == "0" => {
                    self.of = Type::Schema(&only.schema);
                    self.unit = only.unit.as_deref().or(self.unit);
                }
                _ => return self,
            }
        }
    }

    /// The same without its unit, which stands elsewhere.
    pub(super) fn without_unit(self) -> Self {
        Self { unit: None, ..self }
    }

    pub(super) fn schema(&self) -> &'a Schema {
        match self.of {
            Type::Schema(schema) => schema,
            Type::Fields(_) => &UNKNOWN,
        }
    }

    /// What is in a `Some` that the value shows.
    pub(super) fn in_some(&self) -> Option<Self> {
        let Value::Some(value) = self.value else {
            return None;
        };
        let schema = match self.schema() {
            Schema::Option(inner) => inner,
            _ => &UNKNOWN,
        };
        Some(Self::new(value, schema, self.unit))
    }

    /// The items of a list or tuple.
    pub(super) fn items(&self) -> Option<Vec<Self>> {
        let Value::List(items) = self.value else {
            return None;
        };
        let item = |(index, value): (usize, &'a Value)| {
            let (schema, unit) = self.item(index);
            Self::new(value, schema, unit)
        };
        Some(items.iter().enumerate().map(item).collect())
    }

    fn item(&self, index: usize) -> (&'a Schema, Option<&'a str>) {
        let schema = match self.of {
            Type::Fields(fields) => match fields.get(index) {
                Some(field) => return (&field.schema, field.unit.as_deref().or(self.unit)),
                None => None,
            },
            Type::Schema(Schema::List(inner) | Schema::Array(inner, _)) => Some(&**inner),
            Type::Schema(Schema::Tuple(items)) => items.get(index),
            Type::Schema(_) => None,
        };
        (schema.unwrap_or(&UNKNOWN), self.unit)
    }

    /// The fields of a struct, or the entries of a map.
    pub(super) fn entries(&self) -> Option<Vec<(String, Self)>> {
        let (Value::Map(entries), None) = (self.value, self.variant()) else {
            return None;
        };
        Some(
            entries
                .iter()
                .map(|(key, value)| self.entry(key, value))
                .collect(),
        )
    }

    fn entry(&self, key: &'a Value, value: &'a Value) -> (String, Self) {
        match self.of {
            Type::Schema(Schema::Map(of_key, of)) => {
                let key = Self::new(key, of_key, None);
                let name = inline::alone(&key, Detail::Brief);
                (name, Self::new(value, of, self.unit))
            }
            of => {
                let name = inline::alone(&Self::new(key, &UNKNOWN, None), Detail::Brief);
                let field = match of {
                    Type::Fields(fields) => fields
                        .iter()
                        .find(|field| Some(field.name.as_str()) == key.as_str()),
                    Type::Schema(_) => None,
                };
                match field {
                    Some(field) => (name, Self::new(value, &field.schema, field.unit.as_deref())),
                    None => (name, Self::new(value, &UNKNOWN, None)),
                }
            }
        }
    }

    /// The name of a variant, and its data if it has any.
    pub(super) fn variant(&self) -> Option<(String, Option<Self>)> {
        let Type::Schema(Schema::Enum { variants, .. }) = self.of else {
            return None;
        };
        match self.value {
            Value::String(name) => Some((fit_to_show(name), None)),
            Value::Map(entries) => {
                let [(Value::String(name), value)] = entries.as_slice() else {
                    return None;
                };
                let variant = variants.iter().find(|variant| variant.name == *name);
                let of = match variant {
                    Some(variant) => Type::Fields(&variant.fields),
                    None => Type::Schema(&UNKNOWN),
                };
                let unit = self.unit;
                Some((fit_to_show(name), Some(Self { value, of, unit }.resolved())))
            }
            _ => None,
        }
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(
            self.value,
            Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Float32(_)
        )
    }
}
