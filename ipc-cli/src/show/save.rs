//! Results as files for other programs.

use std::fs;
use std::path::Path;

use ipc_client::{Element, ElementType, Numbers, Schema, Value};

use crate::failure::{ExitCode, Failure};
use crate::parse::npy;

/// Writes an array, a list of numbers or a number as a file for NumPy.
pub(crate) fn save_npy(path: &Path, value: &Value) -> Result<(), Failure> {
    let no_array = || {
        "the result is not an array of numbers; `--json` and `--csv` take other results".to_string()
    };
    let array = array(value).ok_or_else(no_array);
    write(path, array.and_then(|array| npy::encode(&array)))
}

/// Writes a table: an array with a row for each first index, a list of structs with a row for each, a struct as one row,
/// and anything else as one value. What is no plain value inside of it is written as JSON.
pub(crate) fn save_csv(path: &Path, value: &Value, schema: &Schema) -> Result<(), Failure> {
    let rows = rows(value, schema);
    let lines = rows.into_iter().map(|row| {
        let cells: Vec<_> = row.iter().map(|cell| quoted(cell)).collect();
        cells.join(",") + "\n"
    });
    write(path, Ok(lines.collect::<String>().into_bytes()))
}

fn write(path: &Path, contents: Result<Vec<u8>, String>) -> Result<(), Failure> {
    let written =
        contents.and_then(|bytes| fs::write(path, bytes).map_err(|error| error.to_string()));
    written.map_err(|problem| {
        // The call has run: this is no mistake that a script may correct and repeat.
        Failure::new(
            ExitCode::Driver,
            format!(
                "the call has ended, but the file `{}` cannot be written: {problem}",
                path.display()
            ),
        )
    })
}

/// The numbers of a value with their shape, if there is nothing else in it and if its rows have equal lengths.
fn array(value: &Value) -> Option<Numbers> {
    match value {
        Value::Numbers(numbers) => Some(numbers.clone()),
        Value::Bytes(bytes) => Some(bytes.clone().into()),
        Value::List(items) if items.iter().any(is_list) => stacked(items),
        Value::List(items) => numbers(items),
        scalar => numbers(std::slice::from_ref(scalar))?.reshaped(vec![]).ok(),
    }
}

fn is_list(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Numbers(_) | Value::Bytes(_))
}

/// Numbers in the smallest of the types that self-describing values have.
fn numbers(items: &[Value]) -> Option<Numbers> {
    fn all<T: Element>(items: &[Value], of: impl Fn(&Value) -> Option<T>) -> Option<Numbers> {
        let list: Option<Vec<T>> = items.iter().map(of).collect();
        list.map(Numbers::from)
    }
    let truths = || {
        let bytes: Option<Vec<u8>> = items.iter().map(|it| it.as_bool().map(u8::from)).collect();
        Numbers::new(ElementType::Bool, vec![items.len()], bytes?).ok()
    };
    let single = |value: &Value| match value {
        Value::Float32(number) => Some(*number),
        _ => None,
    };
    match items {
        [] => Some(Vec::<f64>::new().into()),
        items => all(items, Value::as_i64)
            .or_else(|| all(items, Value::as_u64))
            .or_else(|| all(items, single))
            .or_else(|| all(items, Value::as_f64))
            .or_else(truths),
    }
}

/// Arrays of one shape as one array with one more dimension.
fn stacked(items: &[Value]) -> Option<Numbers> {
    let arrays: Option<Vec<_>> = items.iter().map(array).collect();
    let arrays = arrays?;
    let first = arrays.first()?;
    let shape = [&[arrays.len()], first.shape()].concat();
    if arrays.iter().any(|it| it.shape() != first.shape()) {
        return None;
    }
    let element = first.element();
    if arrays.iter().all(|it| it.element() == element) {
        let bytes: Vec<u8> = arrays
            .iter()
            .flat_map(|it| it.bytes().iter().copied())
            .collect();
        return Numbers::new(element, shape, bytes).ok();
    }
    let doubles = arrays
        .iter()
        .map(|it| it.scalars().map(|it| it.as_f64()).collect());
    let doubles: Option<Vec<Vec<f64>>> = doubles.collect();
    Numbers::from(doubles?.concat()).reshaped(shape).ok()
}

/// The cells of a table, with a header if the columns have names.
fn rows(value: &Value, schema: &Schema) -> Vec<Vec<String>> {
    match (value, schema) {
        (Value::Map(entries), Schema::Map(..)) => {
            let entries = entries
                .iter()
                .map(|(key, value)| vec![cell(key), cell(value)]);
            [vec![vec!["key".into(), "value".into()]], entries.collect()].concat()
        }
        (Value::Map(_), schema) if !matches!(schema, Schema::Enum { .. }) => {
            table(std::slice::from_ref(value)).unwrap_or_else(|| vec![vec![cell(value)]])
        }
        (Value::Numbers(numbers), _) => numbers.items().map(|item| row(&item)).collect(),
        (Value::List(items), schema) => {
            let is_of_structs = match schema {
                Schema::List(inner) | Schema::Array(inner, _) => {
                    !matches!(**inner, Schema::Enum { .. } | Schema::Map(..))
                }
                _ => true,
            };
            let table = is_of_structs.then(|| table(items)).flatten();
            table.unwrap_or_else(|| items.iter().map(row).collect())
        }
        (value, _) => vec![vec![cell(value)]],
    }
}

/// Structs with the same fields: their names, and a row for each.
fn table(items: &[Value]) -> Option<Vec<Vec<String>>> {
    let mut rows = Vec::new();
    for item in items {
        let Value::Map(entries) = item else {
            return None;
        };
        let names: Vec<_> = entries.iter().map(|(name, _)| cell(name)).collect();
        match rows.first() {
            None => rows.push(names),
            Some(header) if *header == names => {}
            Some(_) => return None,
        }
        rows.push(entries.iter().map(|(_, value)| cell(value)).collect());
    }
    (!rows.is_empty()).then_some(rows)
}

/// The cells of what is at one first index.
fn row(value: &Value) -> Vec<String> {
    match value {
        Value::Numbers(numbers) => numbers.scalars().map(|number| cell(&number)).collect(),
        Value::List(items) => items.iter().map(cell).collect(),
        value => vec![cell(value)],
    }
}

/// A plain value as other programs read it, anything else as JSON. Nothing is an empty cell.
pub(crate) fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Float(_) | Value::Float32(_) | Value::Int(_) | Value::UInt(_) => {
            super::number::number(value)
        }
        value => value.json().to_string(),
    }
}

/// A cell in the quotes that RFC 4180 demands.
pub(crate) fn quoted(cell: &str) -> String {
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.into(),
    }
}
