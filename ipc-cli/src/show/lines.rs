//! Values on several lines: structs, tables, long lists, texts.

use comfy_table::{CellAlignment, Table, presets};
use ipc_client::Value;
use ipc_core::wire::sanitize::shortened;

use super::BRIEF;
use super::array;
use super::inline::{self, Detail};
use super::number::with_unit;
use super::typed::Typed;

/// The lines of a value that does not fit on one.
pub(super) fn below(typed: &Typed<'_>) -> Option<Vec<String>> {
    if inline::duration(typed).is_some() {
        return None;
    }
    if let Some(entries) = typed.entries() {
        return (!entries.is_empty()).then(|| fields(entries));
    }
    match (typed.value, typed.items()) {
        (Value::String(text), _) if text.trim_end().contains('\n') => {
            Some(text.lines().map(str::to_string).collect())
        }
        (_, Some(items)) => table(&items).or_else(|| one_each(typed, &items)),
        _ => None,
    }
}

pub(super) fn indented(lines: Vec<String>) -> Vec<String> {
    let lines = lines.into_iter().map(|line| format!("  {line}"));
    lines.map(|line| line.trim_end().to_string()).collect()
}

/// The names of fields and, at one distance, their values. What has several lines stands below its name.
fn fields(entries: Vec<(String, Typed<'_>)>) -> Vec<String> {
    let names = entries.iter().map(|(name, _)| name.chars().count());
    let width = names.max().unwrap_or_default();
    let field = |(name, typed): (String, Typed<'_>)| match below(&typed) {
        Some(lines) => [vec![format!("{name}:")], indented(lines)].concat(),
        None => vec![format!(
            "{name:width$}  {}",
            inline::alone(&typed, Detail::Full)
        )],
    };
    entries.into_iter().flat_map(field).collect()
}

/// A list of structs with the same fields, one a row.
fn table(items: &[Typed<'_>]) -> Option<Vec<String>> {
    let rows: Option<Vec<_>> = items.iter().map(Typed::entries).collect();
    let rows = rows?;
    let first = rows.first().filter(|first| !first.is_empty())?;
    let names = |row: &[(String, Typed<'_>)]| -> Vec<String> {
        row.iter().map(|(name, _)| name.clone()).collect()
    };
    if rows.iter().any(|row| names(row) != names(first)) {
        return None;
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(first.iter().map(|(name, typed)| match typed.unit {
        Some(unit) => format!(
            "{name} [{}]",
            with_unit(String::new(), Some(unit)).trim_start()
        ),
        None => name.clone(),
    }));
    for row in &rows {
        let cell = |(_, typed): &(String, Typed<'_>)| {
            let text = inline::alone(&typed.without_unit(), Detail::Brief);
            shortened(&text, BRIEF)
        };
        table.add_row(row.iter().map(cell));
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        let mut cells = rows.iter().filter_map(|row| row.get(index));
        if cells.all(|(_, typed)| typed.is_number()) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    Some(
        table
            .to_string()
            .lines()
            .map(|line| line.trim_end().to_string())
            .collect(),
    )
}

/// A list that is too long for one line, an item a line.
fn one_each(typed: &Typed<'_>, items: &[Typed<'_>]) -> Option<Vec<String>> {
    let is_array = match typed.value {
        Value::List(values) => array::list(values, None, Detail::Brief).is_some(),
        _ => false,
    };
    let is_short = || inline::inline(typed, Detail::Full).chars().count() <= LONG;
    if is_array || is_short() {
        return None;
    }
    let width = items.len().saturating_sub(1).to_string().len();
    let item = |(index, item): (usize, &Typed<'_>)| match below(item) {
        Some(lines) => [vec![format!("[{index}]:")], indented(lines)].concat(),
        None => vec![format!(
            "[{index:width$}]  {}",
            inline::alone(item, Detail::Full)
        )],
    };
    Some(items.iter().enumerate().flat_map(item).collect())
}

/// Number of characters beyond which a list has a line for each item.
const LONG: usize = 80;
