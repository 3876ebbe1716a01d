//! One word of a command line as a value of the type that a schema describes.

use std::fmt;

use ipc_client::{Field, Schema, Value, Variant};
use ipc_core::interface::similar::nearest;

use super::expected::{self, is_numbered};
use super::number::Number;
use super::unit;

/// Why a word is not such a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Misfit {
    /// The word shows by itself what is wrong.
    Plain,
    /// For a reason that does not show.
    Because(String),
    /// It looks like this one.
    Meant(String),
}

impl Misfit {
    fn because(reason: impl fmt::Display) -> Self {
        Self::Because(reason.to_string())
    }

    fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Self {
        match nearest(name, known) {
            Some(near) => Self::Meant(near.into()),
            None => Self::Plain,
        }
    }
}

/// What an error says after the word.
impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain => Ok(()),
            Self::Because(reason) => write!(f, " ({reason})"),
            Self::Meant(near) => write!(f, "; did you mean `{near}`?"),
        }
    }
}

/// Reads `text` as a value of this type. Numbers may have a unit, which is converted into `unit`.
pub(super) fn value(text: &str, schema: &Schema, unit: Option<&str>) -> Result<Value, Misfit> {
    match schema {
        Schema::Unit => match text.trim() {
            "" | "()" | "null" => Ok(Value::Null),
            _ => Err(Misfit::Plain),
        },
        Schema::Bool => truth(text),
        Schema::Unsigned(_) | Schema::Signed(_) => {
            let number = number(text, unit)?;
            let reason = || Misfit::because("it is not an integer");
            number.integer().ok_or_else(reason)
        }
        Schema::Float(bits) => {
            let number = number(text, unit)?;
            let value = match bits {
                32 => number.single().map(Value::from),
                _ => number.double().map(Value::from),
            };
            let reason = || Misfit::because(format_args!("it is too large for `{schema}`"));
            value.ok_or_else(reason)
        }
        Schema::Char => {
            let Value::String(text) = quoted(text) else {
                return Err(Misfit::Plain);
            };
            let is_one = text.chars().count() == 1;
            is_one.then(|| text.into()).ok_or(Misfit::Plain)
        }
        Schema::String => Ok(quoted(text)),
        Schema::Option(inner) => option(text, inner, unit),
        Schema::List(inner) | Schema::Array(inner, _) => list(text, inner, unit),
        Schema::Tuple(items) => tuple(text, items.iter().map(|item| (item, unit))),
        Schema::Map(key, of) => match loose(text, ('{', '}')) {
            Some(entries) => entries_of(entries, |name| Ok((value(name, key, None)?, &**of, unit))),
            None => json(text),
        },
        Schema::Struct { fields, .. } => structure(text, fields, unit),
        Schema::Enum { variants, .. } => variant(text, variants, unit),
        Schema::Named(name) if name == "Duration" => duration(text),
        _ => anything(text),
    }
}

/// Reads a list or an object in JSON.
fn json(text: &str) -> Result<Value, Misfit> {
    match text.trim_start().starts_with(['[', '{']) {
        true => Value::from_json(text).map_err(Misfit::because),
        false => Err(Misfit::Plain),
    }
}

/// A value of a type of which only the name is known: JSON, a number, or a text.
fn anything(text: &str) -> Result<Value, Misfit> {
    let trimmed = text.trim();
    match (Value::from_json(trimmed), Number::read(trimmed)) {
        (Ok(value), _) => Ok(value),
        (Err(error), _) if trimmed.starts_with(['{', '[']) => Err(Misfit::because(error)),
        (_, Some((number, ""))) => number.plain().ok_or(Misfit::Plain),
        _ => Ok(text.into()),
    }
}

/// A duration of the standard library, which has no description: `500 ms`, or JSON.
fn duration(text: &str) -> Result<Value, Misfit> {
    if text.trim_start().starts_with('{') {
        return json(text);
    }
    // Without a unit, nobody knows whether it is of seconds.
    let has_unit = Number::read(text.trim()).is_some_and(|(_, rest)| !rest.is_empty());
    let nanos = number(text, Some("s"))?.shifted(9).integer();
    let too_fine = || Misfit::because("it is not a whole number of nanoseconds");
    match nanos.ok_or_else(too_fine)?.as_u64() {
        Some(nanos) if has_unit => {
            let entries = [("secs", nanos / NANOS), ("nanos", nanos % NANOS)];
            let entries = entries.map(|(name, count)| (name.into(), count.into()));
            Ok(Value::Map(entries.into()))
        }
        _ => Err(Misfit::Plain),
    }
}

/// Nanoseconds of a second.
const NANOS: u64 = 1_000_000_000;

fn truth(text: &str) -> Result<Value, Misfit> {
    match text.trim().to_lowercase().as_str() {
        "true" | "on" | "yes" | "1" => Ok(true.into()),
        "false" | "off" | "no" | "0" => Ok(false.into()),
        _ => Err(Misfit::Plain),
    }
}

/// The text itself, or what a JSON text between quotes says.
fn quoted(text: &str) -> Value {
    let is_quoted = text.len() > 1 && text.starts_with('"') && text.ends_with('"');
    match is_quoted.then(|| Value::from_json(text)) {
        Some(Ok(inner)) => inner,
        _ => text.into(),
    }
}

/// A number in `unit`, converted into it if it is given with another prefix.
fn number(text: &str, unit: Option<&str>) -> Result<Number, Misfit> {
    let trimmed = text.trim();
    let (number, rest) = Number::read(trimmed).ok_or(Misfit::Plain)?;
    let given = rest.trim_start();
    match unit {
        _ if given.is_empty() => Ok(number),
        _ if given.starts_with(|c: char| c.is_numeric() || c == ',' || c == '.') => {
            Err(with_comma(trimmed).map_or(Misfit::Plain, Misfit::Meant))
        }
        None => Err(Misfit::because(format_args!(
            "it has no unit here, and `{given}` is not part of a number"
        ))),
        Some(unit) => match unit::power_between(given, unit) {
            Some(power) => Ok(number.shifted(power)),
            None => Err(Misfit::because(format_args!(
                "`{given}` cannot be converted to `{unit}`{}",
                match given.to_lowercase() == unit.to_lowercase() {
                    true => ": upper and lower case differ in units",
                    false => "",
                }
            ))),
        },
    }
}

/// The number that is meant by one with a comma instead of the point.
fn with_comma(text: &str) -> Option<String> {
    let (whole, places) = text.split_once(',')?;
    let is_number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let is_meant = is_number(whole.trim_start_matches('-')) && is_number(places);
    is_meant.then(|| format!("{whole}.{places}"))
}

fn option(text: &str, inner: &Schema, unit: Option<&str>) -> Result<Value, Misfit> {
    let trimmed = text.trim();
    if ["none", "null"].contains(&trimmed.to_lowercase().as_str()) {
        return Ok(Value::Null);
    }
    if trimmed.starts_with("{\"$some\"") {
        return json(trimmed);
    }
    match value(text, inner, unit)? {
        empty @ (Value::Null | Value::Some(_)) => Ok(Value::Some(Box::new(empty))),
        value => Ok(value),
    }
}

fn list(text: &str, of: &Schema, unit: Option<&str>) -> Result<Value, Misfit> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Ok(Value::List(vec![]));
    }
    match loose(trimmed, ('[', ']')).filter(|_| is_plain(of)) {
        Some(items) => {
            let items = items.into_iter().map(|item| self::item(item, of, unit));
            Ok(Value::List(items.collect::<Result<_, _>>()?))
        }
        None => json(trimmed),
    }
}

fn tuple<'s>(
    text: &str,
    schemas: impl ExactSizeIterator<Item = (&'s Schema, Option<&'s str>)> + Clone,
) -> Result<Value, Misfit> {
    let is_plain = schemas.clone().all(|(schema, _)| is_plain(schema));
    let Some(items) = loose(text, ('[', ']')).filter(|_| is_plain) else {
        return json(text);
    };
    if items.len() != schemas.len() {
        let (given, wanted) = (items.len(), schemas.len());
        return Err(Misfit::because(format_args!(
            "it has {given} instead of {wanted}"
        )));
    }
    let items = items.into_iter().zip(schemas);
    let items = items.map(|(item, (schema, unit))| self::item(item, schema, unit));
    Ok(Value::List(items.collect::<Result<_, _>>()?))
}

/// Reads a part of a value. An error says which part it is.
fn item(text: &str, schema: &Schema, unit: Option<&str>) -> Result<Value, Misfit> {
    value(text, schema, unit).map_err(|misfit| match misfit {
        Misfit::Plain => {
            let expected = expected::in_words(schema, unit, None);
            Misfit::because(format_args!("{text:?} is not {expected}"))
        }
        Misfit::Because(reason) => Misfit::because(format_args!("{text:?}: {reason}")),
        meant => Misfit::because(format_args!("{text:?}{meant}")),
    })
}

/// Fields as JSON or as `{volts: 2 mV, label: a}`; those without names like a tuple, or like the value if there is one.
fn structure(text: &str, fields: &[Field], unit: Option<&str>) -> Result<Value, Misfit> {
    if is_numbered(fields) {
        let items = fields.iter();
        let items = items.map(|field| (&field.schema, field.unit.as_deref().or(unit)));
        return match fields {
            [only] => value(text, &only.schema, only.unit.as_deref().or(unit)),
            _ => tuple(text, items),
        };
    }
    let Some(entries) = loose(text, ('{', '}')) else {
        return json(text);
    };
    entries_of(entries, |name| {
        let found = fields.iter().find(|field| field.name == name);
        let names = fields.iter().map(|field| field.name.as_str());
        let field = found.ok_or_else(|| {
            let hint = Misfit::did_you_mean(name, names);
            Misfit::because(format_args!("it has no field `{name}`{hint}"))
        })?;
        Ok((name.into(), &field.schema, field.unit.as_deref()))
    })
}

/// The entries `name: value`, each by what `known` says of its name.
fn entries_of<'s>(
    entries: Vec<&str>,
    known: impl Fn(&str) -> Result<(Value, &'s Schema, Option<&'s str>), Misfit>,
) -> Result<Value, Misfit> {
    let entries = entries.into_iter().map(|entry| {
        let no_name = || Misfit::because(format_args!("`{entry}` is not `name: value`"));
        let (name, text) = entry.split_once(':').ok_or_else(no_name)?;
        let (name, schema, unit) = known(name.trim())?;
        Ok((name, item(text.trim(), schema, unit)?))
    });
    Ok(Value::Map(entries.collect::<Result<_, _>>()?))
}

/// A variant by its name, as `Heat=2` or as JSON if it has data.
fn variant(text: &str, variants: &[Variant], unit: Option<&str>) -> Result<Value, Misfit> {
    let trimmed = text.trim();
    if trimmed.starts_with('{') {
        return json(trimmed);
    }
    let Value::String(text) = quoted(trimmed) else {
        return Err(Misfit::Plain);
    };
    let (name, data) = match text.split_once('=') {
        Some((name, data)) => (name.trim_end(), Some(data)),
        None => (text.as_str(), None),
    };
    let names = || variants.iter().map(|variant| variant.name.as_str());
    let found = variant_called(name, variants);
    let Variant { name, fields, .. } = found.ok_or_else(|| Misfit::did_you_mean(name, names()))?;
    match (data, fields.is_empty()) {
        (None, true) => Ok(name.into()),
        (Some(data), false) => {
            let data = structure(data, fields, unit)?;
            Ok(Value::Map(vec![(name.into(), data)]))
        }
        (Some(_), true) => Err(Misfit::because(format_args!("`{name}` has no data"))),
        (None, false) => Err(Misfit::because(format_args!(
            "`{name}` needs data, such as '{{{name:?}: {}}}'",
            expected::of_fields(fields)
        ))),
    }
}

/// The variant of this name; in another case if only one is called so.
pub(super) fn variant_called<'a>(name: &str, variants: &'a [Variant]) -> Option<&'a Variant> {
    if let Some(exact) = variants.iter().find(|variant| variant.name == name) {
        return Some(exact);
    }
    let lower = name.to_lowercase();
    let mut alike = variants.iter().filter(|it| it.name.to_lowercase() == lower);
    match (alike.next(), alike.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

/// The items between brackets, or without brackets in a list. `None` if there are quotes or brackets inside, which only
/// JSON has.
fn loose(text: &str, (open, close): (char, char)) -> Option<Vec<&str>> {
    let text = text.trim();
    let inner = match text.strip_prefix(open) {
        Some(rest) => rest.strip_suffix(close)?,
        None if open == '[' => text,
        None => return None,
    };
    let is_loose = !inner.contains(['"', '[', ']', '{', '}']);
    let is_empty = inner.trim().is_empty();
    is_loose.then(|| match is_empty {
        true => vec![],
        false => inner.split(',').map(str::trim).collect(),
    })
}

/// Returns true for types whose values are written without brackets.
fn is_plain(schema: &Schema) -> bool {
    match schema {
        Schema::Option(inner) => is_plain(inner),
        Schema::Bool | Schema::Unsigned(_) | Schema::Signed(_) | Schema::Float(_) => true,
        Schema::Char | Schema::String | Schema::Enum { .. } => true,
        _ => false,
    }
}
