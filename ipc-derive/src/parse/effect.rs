//! Options that have no effect where they stand. They are errors, because their author expects an effect.

use quote::{ToTokens, quote};

use crate::errors::Errors;
use crate::model::{Input, Kind};
use crate::tokens::text;

/// The error about an option beside `skip`.
pub(super) const BESIDE_SKIP: &str = "this has no effect: `skip` hides the method";

/// Reports `option = value` about the result of a method that returns nothing.
pub(super) fn of_no_result(
    option: &str,
    value: &dyn ToTokens,
    kind: Kind,
    inputs: Option<&[Input]>,
    errors: &mut Errors,
) {
    let argument = inputs.into_iter().flatten().find_map(|input| match input {
        Input::Argument(argument) => Some(argument),
        Input::Context => None,
    });
    let what = match kind {
        Kind::Set => "a setter",
        Kind::Call | Kind::Get => "this function",
    };
    let instead = argument.map_or("remove it".into(), |argument| {
        let (value, ident, ty) = (
            text(&quote!(#value)),
            &argument.ident,
            text(&argument.written),
        );
        format!("put it on the argument: `#[remote({option} = {value})] {ident}: {ty}`")
    });
    let text = format!("this is the {option} of a result, but {what} returns nothing; {instead}");
    errors.on(value, text);
}
