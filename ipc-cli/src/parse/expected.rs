//! What an argument must be, in words, for the errors of the command line.

use ipc_client::{Field, Schema, Variant};
use ipc_core::interface::bounds;

/// "a number (`u8`) from 1 to 5", "Off, Heat or Cool (`Mode`)"
pub(super) fn in_words(schema: &Schema, unit: Option<&str>, accepts: Option<&str>) -> String {
    if let Some(accepts) = accepts {
        return bounds::in_words_of(schema, accepts, unit);
    }
    of_type(
        schema,
        &unit.map(|unit| format!(" in {unit}")).unwrap_or_default(),
    )
}

fn of_type(schema: &Schema, in_unit: &str) -> String {
    match schema {
        Schema::Unit => "`()`".into(),
        Schema::Bool => "`true` or `false`".into(),
        Schema::Unsigned(_) | Schema::Signed(_) => format!("an integer (`{schema}`){in_unit}"),
        Schema::Float(_) => format!("a number (`{schema}`){in_unit}"),
        Schema::Char => "one character".into(),
        Schema::String => "a text".into(),
        Schema::Option(inner) => format!("{}, or `none`", of_type(inner, in_unit)),
        Schema::List(_) => {
            format!("a list (`{schema}`){in_unit}, such as {}", example(schema))
        }
        Schema::Array(_, count) => format!("a list of {count} (`{schema}`){in_unit}"),
        Schema::Tuple(items) => {
            let (count, example) = (items.len(), example(schema));
            format!("a list of {count} (`{schema}`){in_unit}, such as {example}")
        }
        Schema::Enum { name, variants, .. } => {
            let names: Vec<_> = variants.iter().map(|it| it.name.as_str()).collect();
            format!("{} (`{name}`)", one_of(&names))
        }
        Schema::Map(..) | Schema::Struct { .. } => {
            format!("of type `{schema}`, such as '{}'", example(schema))
        }
        Schema::Named(name) if name == "Duration" => "a time, such as 500ms or 2s".into(),
        _ => format!("of type `{schema}`{in_unit}"),
    }
}

/// "Off, Heat or Cool"
fn one_of(names: &[&str]) -> String {
    match names {
        [] => "nothing".into(),
        [only] => (*only).into(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// A value in the form in which it can be written.
fn example(schema: &Schema) -> String {
    match schema {
        Schema::Bool => "true".into(),
        Schema::Unsigned(_) | Schema::Signed(_) => "1".into(),
        Schema::Float(_) => "0.5".into(),
        Schema::Char | Schema::String => "\"a\"".into(),
        Schema::Option(inner) => example(inner),
        Schema::List(inner) | Schema::Array(inner, _) => {
            let item = example(inner);
            format!("[{item}, {item}]")
        }
        Schema::Tuple(items) => {
            let items: Vec<_> = items.iter().map(example).collect();
            format!("[{}]", items.join(", "))
        }
        Schema::Map(_, value) => format!("{{\"a\": {}}}", example(value)),
        Schema::Struct { fields, .. } => of_fields(fields),
        Schema::Enum { variants, .. } => match variants.first() {
            Some(Variant { name, fields, .. }) if fields.is_empty() => format!("{name:?}"),
            Some(Variant { name, fields, .. }) => format!("{{{name:?}: {}}}", of_fields(fields)),
            None => "null".into(),
        },
        _ => "null".into(),
    }
}

/// Fields as they are written: an object, or the bare values if they have no names.
pub(super) fn of_fields(fields: &[Field]) -> String {
    match (is_numbered(fields), fields) {
        (true, [only]) => example(&only.schema),
        (true, several) => {
            let items: Vec<_> = several.iter().map(|it| example(&it.schema)).collect();
            format!("[{}]", items.join(", "))
        }
        (false, fields) => {
            let field = |it: &Field| format!("{:?}: {}", it.name, example(&it.schema));
            let fields: Vec<_> = fields.iter().map(field).collect();
            format!("{{{}}}", fields.join(", "))
        }
    }
}

/// Returns true for the fields of a tuple struct, which have numbers for names.
pub(super) fn is_numbered(fields: &[Field]) -> bool {
    fields.first().is_some_and(|field| field.name == "0")
}
