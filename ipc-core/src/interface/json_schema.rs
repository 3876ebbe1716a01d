//! Types that describe themselves through `schemars`: their JSON schema as a [`Schema`] of ours.
//!
//! Only what changes the bytes is read, so titles, examples, defaults and limits do not count. Fields keep their order,
//! as far as it is told: `required` lists it. The variants of an enum are told in another order than they have, one that
//! depends on their docs, so they are sorted by name.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::schema::{Field, Schema, Variant, short_name};

mod digest;
#[cfg(test)]
mod tests;

/// How much of a schema is read. What lies beyond is not told apart.
const MAX_PARTS: usize = 2000;
const MAX_DEPTH: usize = 48;

/// The schema of a type. Where it says no more than that there is text, the name of the type says more.
pub(super) fn of<T: JsonSchema + ?Sized>() -> Schema {
    // As serialised, every field is required, so that the list of these has the order of the fields.
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let root = settings.into_generator().into_root_schema_for::<T>();
    let schema = read(root.as_value(), &short_name(std::any::type_name::<T>()));
    if is_text(&schema) {
        return Schema::by_name::<T>();
    }
    schema
}

fn is_text(schema: &Schema) -> bool {
    match schema {
        Schema::String => true,
        Schema::Named(word) => !word.contains('#'),
        Schema::Option(inner) | Schema::List(inner) | Schema::Array(inner, _) => is_text(inner),
        Schema::Map(key, value) => is_text(key) && is_text(value),
        Schema::Tuple(items) => items.iter().all(is_text),
        _ => false,
    }
}

fn read(root: &Value, name: &str) -> Schema {
    let mut reader = Reader {
        name,
        definitions: root.get("$defs"),
        open: Vec::new(),
        depth: 0,
        parts: 0,
    };
    reader.schema(root, name)
}

/// What is being read, and where in it.
struct Reader<'a> {
    /// The name of the whole.
    name: &'a str,
    definitions: Option<&'a Value>,
    /// The definitions that are being read.
    open: Vec<&'a str>,
    depth: usize,
    parts: usize,
}

impl<'a> Reader<'a> {
    fn schema(&mut self, json: &'a Value, name: &str) -> Schema {
        self.parts += 1;
        if self.parts > MAX_PARTS || self.depth >= MAX_DEPTH {
            return Schema::Named("...".into());
        }
        self.depth += 1;
        let schema = match json.as_object() {
            Some(object) => self.object(json, object, name),
            None => Schema::Named("any".into()),
        };
        self.depth -= 1;
        schema
    }

    fn object(&mut self, json: &'a Value, object: &'a Map<String, Value>, name: &str) -> Schema {
        if let Some(place) = text(object, "$ref") {
            return self.reference(place);
        }
        if let Some([some, Value::Object(none)]) = list(object, "anyOf")
            && text(none, "type") == Some("null")
        {
            return Schema::Option(Box::new(self.schema(some, name)));
        }
        if let Some(variants) = list(object, "oneOf").and_then(|all| self.variants(all)) {
            return named_enum(object, name, variants);
        }
        let shape = match object.get("type") {
            Some(Value::String(kind)) => self.of_kind(kind, object, name),
            Some(Value::Array(kinds)) => match kinds.as_slice() {
                [Value::String(kind), Value::String(null)] if null == "null" => self
                    .of_kind(kind, object, name)
                    .map(|schema| Schema::Option(Box::new(schema))),
                _ => None,
            },
            _ => None,
        };
        shape.unwrap_or_else(|| self.digest(json, name))
    }

    fn reference(&mut self, place: &'a str) -> Schema {
        let Some(name) = place.strip_prefix("#/$defs/") else {
            return Schema::Recursive(self.name.into());
        };
        if self.open.contains(&name) {
            return Schema::Recursive(name.into());
        }
        let Some(definition) = self.definition(name) else {
            return Schema::Named(name.into());
        };
        self.open.push(name);
        let schema = self.schema(definition, name);
        self.open.pop();
        schema
    }

    fn definition(&self, name: &str) -> Option<&'a Value> {
        // Names in references are escaped.
        let plain = name.replace("~1", "/").replace("~0", "~");
        self.definitions?.get(plain)
    }

    fn of_kind(
        &mut self,
        kind: &str,
        object: &'a Map<String, Value>,
        name: &str,
    ) -> Option<Schema> {
        let format = text(object, "format").unwrap_or_default();
        Some(match kind {
            "null" => Schema::Unit,
            "boolean" => Schema::Bool,
            "integer" | "number" => number(format)?,
            "string" => match (unit_variants(object), size(object, "Length"), format) {
                (Some(variants), ..) => named_enum(object, name, variants),
                (None, Some(1), "") => Schema::Char,
                (None, _, "") => Schema::String,
                (None, _, format) => Schema::Named(format.into()),
            },
            "array" => match list(object, "prefixItems") {
                Some(items) => {
                    let items = items.iter().map(|item| self.schema(item, "")).collect();
                    Schema::Tuple(items)
                }
                None => {
                    let item = Box::new(self.schema(object.get("items")?, ""));
                    match size(object, "Items") {
                        Some(len) => Schema::Array(item, len),
                        None => Schema::List(item),
                    }
                }
            },
            "object" => match (object.get("properties"), object.get("additionalProperties")) {
                (None, Some(value @ Value::Object(_))) => {
                    let value = Box::new(self.schema(value, ""));
                    Schema::Map(Box::new(Schema::String), value)
                }
                (Some(_), None | Some(Value::Bool(_))) => Schema::Struct {
                    name: name.into(),
                    doc: doc(object),
                    fields: self.fields(object),
                },
                _ => return None,
            },
            _ => return None,
        })
    }

    fn fields(&mut self, object: &'a Map<String, Value>) -> Vec<Field> {
        let Some(properties) = object.get("properties").and_then(Value::as_object) else {
            return Vec::new();
        };
        let required = list(object, "required").unwrap_or_default();
        let mut names: Vec<&str> = required.iter().filter_map(Value::as_str).collect();
        let mut others: Vec<&str> = properties.keys().map(String::as_str).collect();
        others.retain(|name| !names.contains(name));
        others.sort_unstable();
        names.extend(others);
        let fields = names.into_iter().filter_map(|name| {
            let json = properties.get(name)?;
            Some(Field {
                name: name.into(),
                doc: json.as_object().map(doc).unwrap_or_default(),
                unit: None,
                schema: self.schema(json, name),
            })
        });
        fields.collect()
    }

    /// The variants of an enum as serde writes it; `None` if it is anything else.
    fn variants(&mut self, all: &'a [Value]) -> Option<Vec<Variant>> {
        let mut variants = Vec::new();
        for json in all {
            let object = json.as_object()?;
            if let Some(units) = unit_variants(object) {
                variants.extend(units);
                continue;
            }
            let properties = object.get("properties")?.as_object()?;
            let mut properties = properties.iter();
            let ((name, content), None) = (properties.next()?, properties.next()) else {
                return None;
            };
            variants.push(Variant {
                name: name.clone(),
                doc: doc(object),
                fields: self.content(content, name),
            });
        }
        Some(variants)
    }

    fn content(&mut self, json: &'a Value, name: &str) -> Vec<Field> {
        let is_elsewhere = json.get("$ref").is_some();
        let numbered = |(number, schema): (usize, Schema)| Field {
            name: number.to_string(),
            doc: String::new(),
            unit: None,
            schema,
        };
        match self.schema(json, name) {
            Schema::Struct { fields, .. } if !is_elsewhere => fields,
            Schema::Tuple(items) if !is_elsewhere => {
                items.into_iter().enumerate().map(numbered).collect()
            }
            schema => vec![numbered((0, schema))],
        }
    }
}

fn named_enum(object: &Map<String, Value>, name: &str, mut variants: Vec<Variant>) -> Schema {
    variants.sort_by(|a, b| a.name.cmp(&b.name));
    Schema::Enum {
        name: name.into(),
        doc: doc(object),
        variants,
    }
}

/// The variants without data that an object stands for, if it does.
fn unit_variants(object: &Map<String, Value>) -> Option<Vec<Variant>> {
    let (names, doc) = match (list(object, "enum"), object.get("const")) {
        (Some(names), _) => (names, String::new()),
        (None, Some(name)) => (std::slice::from_ref(name), doc(object)),
        (None, None) => return None,
    };
    let names = names.iter().filter_map(Value::as_str);
    let variants = names.map(|name| Variant {
        name: name.into(),
        doc: doc.clone(),
        fields: Vec::new(),
    });
    Some(variants.collect())
}

fn number(format: &str) -> Option<Schema> {
    let bits = |digits: &str| match digits {
        "" => Some(64),
        digits => digits.parse().ok(),
    };
    match (
        format,
        format.strip_prefix("uint"),
        format.strip_prefix("int"),
    ) {
        ("float", ..) => Some(Schema::Float(32)),
        ("double", ..) => Some(Schema::Float(64)),
        (_, Some(digits), _) => bits(digits).map(Schema::Unsigned),
        (_, _, Some(digits)) => bits(digits).map(Schema::Signed),
        _ => None,
    }
}

/// The only length that is allowed, if there is one.
fn size(object: &Map<String, Value>, what: &str) -> Option<u64> {
    let bound = |end: &str| object.get(&format!("{end}{what}"))?.as_u64();
    bound("min").filter(|min| bound("max") == Some(*min))
}

fn doc(object: &Map<String, Value>) -> String {
    text(object, "description").unwrap_or_default().into()
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    object.get(key)?.as_str()
}

fn list<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a [Value]> {
    object.get(key)?.as_array().map(Vec::as_slice)
}
