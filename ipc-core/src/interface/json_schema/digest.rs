//! What has no shape of ours: its text, without what is only for people.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{MAX_DEPTH, MAX_PARTS, Reader};
use crate::interface::schema::Schema;

/// What is said about values without changing their bytes.
const ANNOTATIONS: &[&str] = &[
    "$comment",
    "$defs",
    "$schema",
    "default",
    "deprecated",
    "description",
    "examples",
    "readOnly",
    "title",
    "writeOnly",
];

impl<'a> Reader<'a> {
    /// Anything else counts by its text: `Shape#a1b2c3d4e5f60718`.
    pub(super) fn digest(&mut self, json: &'a Value, name: &str) -> Schema {
        let mut text = String::new();
        self.write(json, &mut text);
        let digest = Sha256::digest(text);
        let hex = digest.iter().take(8).map(|byte| format!("{byte:02x}"));
        Schema::Named(format!("{name}#{}", hex.collect::<String>()))
    }

    fn write(&mut self, json: &'a Value, out: &mut String) {
        self.parts += 1;
        if self.parts > MAX_PARTS || self.depth >= MAX_DEPTH {
            return;
        }
        self.depth += 1;
        match json {
            Value::Object(object) => {
                let mut entries: Vec<_> = object.iter().collect();
                entries.retain(|(key, _)| !ANNOTATIONS.contains(&key.as_str()));
                entries.sort_unstable_by_key(|(key, _)| key.as_str());
                out.push('{');
                for (key, value) in entries {
                    out.push_str(key);
                    out.push('=');
                    match (key.as_str(), value.as_str()) {
                        ("$ref", Some(place)) => self.reference(place).write_canonical(out),
                        // Here the names are those of fields, whatever they are.
                        ("properties" | "patternProperties", None) => self.write_named(value, out),
                        _ => self.write(value, out),
                    }
                    out.push(',');
                }
                out.push('}');
            }
            Value::Array(items) => {
                out.push('[');
                for item in items {
                    self.write(item, out);
                    out.push(',');
                }
                out.push(']');
            }
            plain => out.push_str(&plain.to_string()),
        }
        self.depth -= 1;
    }

    fn write_named(&mut self, json: &'a Value, out: &mut String) {
        let mut entries: Vec<_> = json.as_object().into_iter().flatten().collect();
        entries.sort_unstable_by_key(|(name, _)| name.as_str());
        for (name, value) in entries {
            out.push_str(name);
            out.push(':');
            self.write(value, out);
        }
    }
}
