//! Results for people.

use ipc_client::{Schema, Value};
use ipc_core::wire::sanitize::{fit_to_show, shortened};

use self::inline::Detail;
use self::typed::Typed;

mod array;
mod inline;
mod lines;
mod number;
mod save;
#[cfg(test)]
mod tests;
mod typed;

#[cfg(feature = "plot")]
pub(crate) use number::rounded;
pub(crate) use save::{cell, quoted, save_csv, save_npy};

/// The result of the method or property `name`: `pump.read_voltage = 0.7342 V`. Structs, tables and texts of several
/// lines stand below the name.
pub(crate) fn result(name: &str, value: &Value, schema: &Schema, unit: Option<&str>) -> String {
    let name = fit_to_show(name);
    if (value, schema) == (&Value::Null, &Schema::Unit) {
        return format!("{name}: done");
    }
    let typed = Typed::new(value, schema, unit);
    match lines::below(&typed) {
        Some(lines) => format!("{name}:\n{}", lines::indented(lines).join("\n")),
        None => format!("{name} = {}", inline::alone(&typed, Detail::Full)),
    }
}

/// A value on one short line, with its unit.
pub(crate) fn brief(value: &Value, schema: &Schema, unit: Option<&str>) -> String {
    if (value, schema) == (&Value::Null, &Schema::Unit) {
        return "done".into();
    }
    let typed = Typed::new(value, schema, unit);
    shortened(&inline::alone(&typed, Detail::Brief), BRIEF)
}

/// Maximum number of characters of a value in a cell.
const BRIEF: usize = 60;
