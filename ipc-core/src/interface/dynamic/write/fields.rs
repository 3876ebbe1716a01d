//! Structs, and variants of enums.

use std::collections::HashMap;

use super::misfit::{did_you_mean, with_fields};
use super::{Misfit, Output, in_words, is_empty, length, shown};
use crate::interface::dynamic::shape::{self, Enclosing};
use crate::interface::schema::{Field, Schema, Variant};
use crate::interface::value::Value;

impl Output<'_> {
    /// The fields of a struct or variant.
    pub(super) fn fields(
        &mut self,
        value: &Value,
        fields: &[Field],
        of: &Schema,
        within: Enclosing<'_>,
        depth: u32,
    ) -> Result<(), Misfit> {
        match (fields, value) {
            ([], value) if is_empty(value) => Ok(()),
            ([only], value) if shape::is_numbered(fields) => {
                self.value(value, &only.schema, within, depth)
            }
            (_, value) if shape::is_numbered(fields) && length(value) == Some(fields.len()) => {
                let schemas = fields.iter().map(|field| &field.schema);
                self.several(value, schemas, within, depth)
            }
            (_, Value::Map(entries)) if !shape::is_numbered(fields) => {
                self.named_fields(entries, fields, of, within, depth)
            }
            _ => Err(Misfit::new(with_fields(of, fields), shown(value))),
        }
    }

    fn named_fields(
        &mut self,
        entries: &[(Value, Value)],
        fields: &[Field],
        of: &Schema,
        within: Enclosing<'_>,
        depth: u32,
    ) -> Result<(), Misfit> {
        let named = entries
            .iter()
            .map(|(key, value)| Some((key.as_str()?, value)));
        let given: HashMap<&str, &Value> = named.flatten().collect();
        let is_given = |field: &&Field| given.contains_key(field.name.as_str());
        if fields.iter().filter(is_given).count() != entries.len() {
            return Err(other_field(entries, fields, of));
        }
        for field in fields {
            let value = match given.get(field.name.as_str()) {
                Some(value) => value,
                None if matches!(field.schema, Schema::Option(_)) => &Value::Null,
                None => {
                    let given = format!("a map of {} without `{}`", entries.len(), field.name);
                    return Err(Misfit::new(with_fields(of, fields), given));
                }
            };
            let written = self.value(value, &field.schema, within, depth);
            written.map_err(|misfit| misfit.at(format_args!(".{}", field.name)))?;
        }
        Ok(())
    }

    pub(super) fn variant(
        &mut self,
        value: &Value,
        variants: &[Variant],
        of: &Schema,
        within: Enclosing<'_>,
        depth: u32,
    ) -> Result<(), Misfit> {
        let (name, data) = match value {
            Value::String(name) => (name.as_str(), &Value::Null),
            Value::Map(entries) if let [(Value::String(name), data)] = entries.as_slice() => {
                (name.as_str(), data)
            }
            _ => return Err(Misfit::new(in_words(of), shown(value))),
        };
        let mut numbered = variants.iter().zip(0_u32..);
        let Some((variant, number)) = numbered.find(|(variant, _)| variant.name == name) else {
            let names = variants.iter().map(|variant| variant.name.as_str());
            let given = format!("{name:?}{}", did_you_mean(name, names));
            return Err(Misfit::new(in_words(of), given));
        };
        self.out.extend_from_slice(&number.to_le_bytes());
        let written = self.fields(data, &variant.fields, of, within, depth);
        written.map_err(|misfit| misfit.at(format_args!(".{name}")))
    }
}

/// A field that there is not, or one that was given twice: neither may be lost.
fn other_field(entries: &[(Value, Value)], fields: &[Field], of: &Schema) -> Misfit {
    let names = || fields.iter().map(|field| field.name.as_str());
    let is_known = |key: &Value| names().any(|name| key.as_str() == Some(name));
    let given = match entries.iter().find(|(key, _)| !is_known(key)) {
        Some((key, _)) => {
            let hint = did_you_mean(key.as_str().unwrap_or_default(), names());
            format!("a field {key}{hint}")
        }
        None => "a field twice".into(),
    };
    Misfit::new(with_fields(of, fields), given)
}
