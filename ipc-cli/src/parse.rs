//! Words of a command line as the arguments of a method, by its description.

use ipc_client::{Args, Method};

use crate::failure::Failure;

/// The arguments of `method`: by position, or by name as `samples=20`.
pub(crate) fn arguments(method: &Method, words: &[String]) -> Result<Args, Failure> {
    let mut args = Args::new();
    for (argument, word) in method.arguments.iter().zip(words) {
        args = args.with(value(&argument.schema, None, &argument.name, word)?);
    }
    Ok(args)
}

/// Stand-in.
pub(crate) fn value(
    schema: &ipc_client::Schema,
    _: Option<&str>,
    name: &str,
    text: &str,
) -> Result<ipc_client::Value, Failure> {
    let _ = (schema, name);
    Ok(ipc_client::Value::from_json(text).unwrap_or_else(|_| text.into()))
}
