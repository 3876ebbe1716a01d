//! Options that can have no effect where they stand: whoever wrote one expects something of it.

use syn::LitStr;

use crate::errors::Errors;
use crate::model::{Input, Kind, Output};
use crate::types::text;

/// What is said about an option beside `skip`.
pub(super) const BESIDE_SKIP: &str = "this does nothing: `skip` hides the method";

/// Reports the unit of a result that is not there.
pub(super) fn unit_of_result(
    unit: &LitStr,
    kind: Kind,
    output: &Output,
    inputs: Option<&[Input]>,
    errors: &mut Errors,
) {
    if !output.is_nothing() {
        return;
    }
    let argument = inputs.into_iter().flatten().find_map(|input| match input {
        Input::Argument(argument) => Some(argument),
        Input::Context => None,
    });
    let what = match kind {
        Kind::Set => "a setter",
        Kind::Call | Kind::Get => "this function",
    };
    let instead = argument.map_or("remove it".into(), |argument| {
        let (unit, ident, ty) = (unit.value(), &argument.ident, text(&argument.written));
        format!("put it on the argument that has it: `#[remote(unit = \"{unit}\")] {ident}: {ty}`")
    });
    errors.on(
        unit,
        format!("this is the unit of a result, but {what} returns nothing; {instead}"),
    );
}
