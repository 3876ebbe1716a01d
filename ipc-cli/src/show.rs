//! Results for people.

use std::path::Path;

use ipc_client::{Schema, Value};

use crate::failure::Failure;

pub(crate) fn result(name: &str, value: &Value, _: &Schema, unit: Option<&str>) -> String {
    format!("{name} = {value} {}", unit.unwrap_or_default())
}
pub(crate) fn save_npy(_: &Path, _: &Value) -> Result<(), Failure> {
    Ok(())
}
pub(crate) fn save_csv(_: &Path, _: &Value, _: &Schema) -> Result<(), Failure> {
    Ok(())
}
