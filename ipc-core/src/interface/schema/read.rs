//! Reading a schema, also one of a later release.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::{Field, Schema, Variant};

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SchemaVisitor)
    }
}

/// The name of a kind, or a map from it to what else the kind says.
struct SchemaVisitor;

/// What a struct or an enum says; `parts` are its fields or variants.
#[derive(serde::Deserialize)]
#[serde(bound = "P: serde::Deserialize<'de>", default)]
struct Composite<P> {
    name: String,
    doc: String,
    #[serde(alias = "fields", alias = "variants")]
    parts: Vec<P>,
}

impl<P> Default for Composite<P> {
    fn default() -> Self {
        let (name, doc, parts) = (String::new(), String::new(), Vec::new());
        Self { name, doc, parts }
    }
}

impl<'de> Visitor<'de> for SchemaVisitor {
    type Value = Schema;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the schema of a type")
    }

    fn visit_str<E: Error>(self, kind: &str) -> Result<Schema, E> {
        Ok(match kind {
            "Unit" => Schema::Unit,
            "Bool" => Schema::Bool,
            "Char" => Schema::Char,
            "String" => Schema::String,
            _ => Schema::Unknown { kind: kind.into() },
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Schema, A::Error> {
        let kind: String = map
            .next_key()?
            .ok_or_else(|| Error::custom("a schema without a kind"))?;
        let schema = match kind.as_str() {
            "Unsigned" => Schema::Unsigned(map.next_value()?),
            "Signed" => Schema::Signed(map.next_value()?),
            "Float" => Schema::Float(map.next_value()?),
            "Option" => Schema::Option(map.next_value()?),
            "List" => Schema::List(map.next_value()?),
            "Array" => {
                let (item, count) = map.next_value()?;
                Schema::Array(item, count)
            }
            "Tuple" => Schema::Tuple(map.next_value()?),
            "Map" => {
                let (key, value) = map.next_value()?;
                Schema::Map(key, value)
            }
            "Struct" => {
                let Composite { name, doc, parts } = map.next_value::<Composite<Field>>()?;
                let fields = parts;
                Schema::Struct { name, doc, fields }
            }
            "Enum" => {
                let Composite { name, doc, parts } = map.next_value::<Composite<Variant>>()?;
                let variants = parts;
                Schema::Enum {
                    name,
                    doc,
                    variants,
                }
            }
            "Named" => Schema::Named(map.next_value()?),
            "Recursive" => Schema::Recursive(map.next_value()?),
            _ => {
                map.next_value::<IgnoredAny>()?;
                Schema::Unknown { kind }
            }
        };
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(schema)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::json;

    use super::*;
    use crate::interface::describe::{Method, MethodKind, ServerDescription};
    use crate::interface::schema::Describe;
    use crate::interface::value::{pack, unpack};

    #[test]
    fn what_is_written_is_read() {
        type Odd = (
            Option<Vec<f64>>,
            HashMap<String, [i16; 4]>,
            (u8, char, bool, ()),
        );
        let field = |schema| Field {
            name: "f".into(),
            unit: Some("V".into()),
            schema,
            ..Field::default()
        };
        let fields = vec![
            field(Schema::Named("Foreign".into())),
            field(Schema::Recursive("S".into())),
        ];
        let of_struct = Schema::Struct {
            name: "S".into(),
            doc: "A doc.".into(),
            fields: fields.clone(),
        };
        let variant = Variant {
            name: "V".into(),
            doc: String::new(),
            fields,
        };
        let of_enum = Schema::Enum {
            name: "E".into(),
            doc: String::new(),
            variants: vec![variant],
        };
        let schema = Schema::Tuple(vec![Odd::schema(), of_struct, of_enum]);
        assert_eq!(unpack::<Schema>(&pack(&schema).unwrap()), Ok(schema));
    }

    /// Keys, kinds of schemas and kinds of methods that a later release may have.
    #[test]
    fn the_description_of_a_later_release_is_read() {
        let described = json!({
            "devices": [{
                "prefix": "pump_",
                "state": "connected",
                "interface": {"name": "Pump", "methods": [
                    {"name": "level", "kind": "Get", "result": {"Decimal": {"digits": 12}}, "role": "read"},
                    {"name": "watch", "kind": "Stream", "result": "Instant", "arguments": [
                        {"name": "every", "schema": {"Struct": {"name": "Every", "version": 2, "fields": [
                            {"name": "s", "schema": {"Float": 64}, "step": 0.1}]}}, "pattern": null}]},
                ]},
            }],
            "commands": [{"name": "lease.claim"}],
        });
        let read: ServerDescription = unpack(&pack(&described).unwrap()).unwrap();
        let unknown = |kind: &str| Schema::Unknown { kind: kind.into() };
        let [level, watch] = &read.devices[0].interface.methods[..] else {
            panic!("two methods: {read:?}");
        };
        assert_eq!(
            (level.kind, &level.result),
            (MethodKind::Get, &unknown("Decimal"))
        );
        assert_eq!(
            (watch.kind, &watch.result),
            (MethodKind::Unknown, &unknown("Instant"))
        );
        assert_eq!(watch.arguments[0].schema.to_string(), "Every");
        assert!(
            read.help().contains("get_pump_level() -> Decimal"),
            "{}",
            read.help()
        );
        assert_eq!(
            unpack::<Method>(&pack(&json!({})).unwrap()),
            Ok(Method::default())
        );
    }
}
