//! The structs and enums behind a signature, spelt out: for a person who wants to know what to give, or what differs
//! between two versions of a driver.

use std::fmt::Write as _;

use super::describe::Method;
use super::schema::{Field, Schema, Variant};

/// All structs and enums that a method mentions, each once, the outer before the inner ones.
pub(crate) fn of(method: &Method) -> Vec<&Schema> {
    let mut found = Vec::new();
    for argument in &method.arguments {
        collect(&argument.schema, &mut found);
    }
    collect(&method.result, &mut found);
    found
}

fn collect<'a>(schema: &'a Schema, found: &mut Vec<&'a Schema>) {
    match schema {
        Schema::Struct { .. } | Schema::Enum { .. } if found.contains(&schema) => {}
        Schema::Struct { fields, .. } => {
            found.push(schema);
            collect_fields(fields, found);
        }
        Schema::Enum { variants, .. } => {
            found.push(schema);
            variants
                .iter()
                .for_each(|variant| collect_fields(&variant.fields, found));
        }
        Schema::Option(inner) | Schema::List(inner) | Schema::Array(inner, _) => {
            collect(inner, found);
        }
        Schema::Tuple(items) => items.iter().for_each(|item| collect(item, found)),
        Schema::Map(key, value) => {
            collect(key, found);
            collect(value, found);
        }
        _ => {}
    }
}

fn collect_fields<'a>(fields: &'a [Field], found: &mut Vec<&'a Schema>) {
    fields
        .iter()
        .for_each(|field| collect(&field.schema, found));
}

/// `Inputs { volts: [f64; 2], label: String }`, `Trigger { Off, Level(f64) }`
pub(crate) fn line(definition: &Schema) -> String {
    match definition {
        Schema::Struct { name, fields, .. } => format!("{name}{}", fields_text(fields)),
        Schema::Enum { name, variants, .. } => {
            let variants: Vec<_> = variants.iter().map(variant_text).collect();
            format!("{name} {{ {} }}", variants.join(", "))
        }
        other => other.to_string(),
    }
}

fn variant_text(variant: &Variant) -> String {
    format!("{}{}", variant.name, fields_text(&variant.fields))
}

fn fields_text(fields: &[Field]) -> String {
    let is_tuple = fields.first().is_some_and(|field| field.name == "0");
    let field = |field: &Field| match is_tuple {
        true => field.schema.to_string(),
        false => format!("{}: {}", field.name, field.schema),
    };
    let fields: Vec<_> = fields.iter().map(field).collect();
    match (fields.is_empty(), is_tuple) {
        (true, _) => String::new(),
        (false, true) => format!("({})", fields.join(", ")),
        (false, false) => format!(" {{ {} }}", fields.join(", ")),
    }
}

/// The same over several lines, with docs and units.
pub(crate) fn explain(definition: &Schema, text: &mut String) {
    let (name, doc) = match definition {
        Schema::Struct { name, doc, .. } | Schema::Enum { name, doc, .. } => (name, doc),
        _ => return,
    };
    let _ = writeln!(text, "  {name}{}", remark(doc, None));
    match definition {
        Schema::Struct { fields, .. } => explain_fields(fields, "    ", text),
        Schema::Enum { variants, .. } => {
            for Variant { name, doc, fields } in variants {
                let _ = writeln!(text, "    {name}{}", remark(doc, None));
                explain_fields(fields, "      ", text);
            }
        }
        _ => {}
    }
}

fn explain_fields(fields: &[Field], indent: &str, text: &mut String) {
    for Field {
        name,
        doc,
        unit,
        schema,
    } in fields
    {
        let remark = remark(doc, unit.as_deref());
        let _ = writeln!(text, "{indent}{name}: {schema}{remark}");
    }
}

/// "  [V]  The inputs."
fn remark(doc: &str, unit: Option<&str>) -> String {
    let unit = unit.map(|unit| format!("  [{unit}]")).unwrap_or_default();
    match doc.lines().next().unwrap_or_default().trim() {
        "" => unit,
        summary => format!("{unit}  {summary}"),
    }
}

/// A signature, and below it the definitions of its types, one in a line.
pub(crate) fn full_signature(method: &Method, prefix: &str) -> String {
    let mut text = method.signature(prefix);
    for definition in of(method) {
        text.push('\n');
        text.push_str(&line(definition));
    }
    text
}

/// Two full signatures, each with only those definitions that the other one does not have:
/// `inputs() -> Inputs where Inputs { volts: [f64; 2] }`
pub(crate) fn differing(one: &str, other: &str) -> (String, String) {
    (without_shared(one, other), without_shared(other, one))
}

fn without_shared(text: &str, other: &str) -> String {
    let mut lines = text.lines();
    let signature = lines.next().unwrap_or_default();
    let own: Vec<_> = lines
        .filter(|line| !other.lines().any(|theirs| theirs == *line))
        .collect();
    match own.as_slice() {
        [] => signature.to_string(),
        own => format!("{signature} where {}", own.join(" and ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interface::describe::Argument;

    fn field(name: &str, unit: Option<&str>, schema: Schema) -> Field {
        Field {
            name: name.into(),
            doc: String::new(),
            unit: unit.map(Into::into),
            schema,
        }
    }

    fn method(inner: Schema) -> Method {
        let channel = Schema::Struct {
            name: "Channel".into(),
            doc: "One input.".into(),
            fields: vec![field("gain", Some("V"), inner)],
        };
        let unit = |name: &str| Variant {
            name: name.into(),
            doc: String::new(),
            fields: vec![],
        };
        let level = Variant {
            fields: vec![field("0", None, Schema::Float(64))],
            ..unit("Level")
        };
        let trigger = Schema::Enum {
            name: "Trigger".into(),
            doc: String::new(),
            variants: vec![unit("Off"), level],
        };
        let argument = |name: &str, schema| Argument {
            name: name.into(),
            schema,
            ..Argument::default()
        };
        let channels = Schema::List(Box::new(channel.clone()));
        Method {
            name: "arm".into(),
            arguments: vec![argument("on", trigger), argument("channels", channels)],
            result: Schema::Option(Box::new(channel)),
            ..Method::default()
        }
    }

    #[test]
    fn a_signature_is_spelt_out_down_to_its_numbers() {
        assert_eq!(
            full_signature(&method(Schema::Float(32)), "a_"),
            "a_arm(on: Trigger, channels: Vec<Channel>) -> Option<Channel>\n\
             Trigger { Off, Level(f64) }\n\
             Channel { gain: f32 }"
        );
    }

    #[test]
    fn only_what_differs_is_shown() {
        let [one, other] = [32, 64].map(|bits| full_signature(&method(Schema::Float(bits)), ""));
        let signature = "arm(on: Trigger, channels: Vec<Channel>) -> Option<Channel>";
        let expected = ["f32", "f64"].map(|t| format!("{signature} where Channel {{ gain: {t} }}"));
        let (one, other) = differing(&one, &other);
        assert_eq!([one, other], expected);
        assert_eq!(differing("a() -> u8", "a() -> u16").0, "a() -> u8");
    }

    #[test]
    fn a_person_is_told_units_and_docs() {
        let method = method(Schema::Float(32));
        let mut text = String::new();
        of(&method)
            .into_iter()
            .for_each(|definition| explain(definition, &mut text));
        assert!(
            text.contains("  Channel  One input.\n    gain: f32  [V]\n"),
            "{text}"
        );
        assert!(
            text.contains("    Off\n    Level\n      0: f64\n"),
            "{text}"
        );
    }
}
