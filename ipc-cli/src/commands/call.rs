//! `ipc call`, `ipc get` and `ipc set`.

use std::path::Path;

use ipc_client::{CallError, Client, Found, Json, MethodKind, Schema, ServerDescription, Value};
use serde::Serialize;

use crate::arguments::{CallOptions, GetOptions, ResultOptions, SetOptions};
use crate::connect::Session;
use crate::failure::Failure;
use crate::output::{Output, remark};
use crate::{parse, show};

/// `ipc call`: calls a method or function, reads a property without arguments, or sets it with one.
pub(crate) fn call(
    session: &Session,
    options: &CallOptions,
    output: Output,
) -> Result<(), Failure> {
    let description = session.description()?;
    let found = find(&description, &options.name, options.words.len())?;
    match (found.method.kind, options.words.as_slice()) {
        (MethodKind::Get, _) => read(session, &found, &options.result, output),
        (MethodKind::Set, [value]) => write(session, &found, value, &options.result, output),
        _ => run(session, &found, &options.words, &options.result, output),
    }
}

/// `ipc get`: reads a property.
pub(crate) fn get(session: &Session, options: &GetOptions, output: Output) -> Result<(), Failure> {
    let description = session.description()?;
    let found = named(&description, &options.name, MethodKind::Get)?;
    read(session, &found, &options.result, output)
}

/// `ipc set`: sets a property.
pub(crate) fn set(session: &Session, options: &SetOptions, output: Output) -> Result<(), Failure> {
    let description = session.description()?;
    let found = named(&description, &options.name, MethodKind::Set)?;
    let limits = ResultOptions {
        timeout: options.timeout,
        ..ResultOptions::default()
    };
    write(session, &found, &options.value, &limits, output)
}

/// What `name` stands for with so many arguments: a method or function, or else a property.
fn find<'a>(
    server: &'a ServerDescription,
    name: &str,
    arguments: usize,
) -> Result<Found<'a>, Failure> {
    let method = named(server, name, MethodKind::Call);
    let halves = [MethodKind::Get, MethodKind::Set];
    let is_property = || halves.iter().any(|kind| server.find(name, *kind).is_ok());
    match (method, arguments) {
        (Err(_), 0) if is_property() => named(server, name, MethodKind::Get),
        (Err(_), 1) if is_property() => named(server, name, MethodKind::Set),
        (Err(_), given) if is_property() => Err(Failure::usage(format!(
            "`{name}` is a property, which takes one value, but {given} arguments were given"
        ))),
        (method, _) => method,
    }
}

fn named<'a>(
    server: &'a ServerDescription,
    name: &str,
    kind: MethodKind,
) -> Result<Found<'a>, Failure> {
    let found = server.find(name, kind);
    found.map_err(|refusal| CallError::Refused(refusal).into())
}

fn run(
    session: &Session,
    found: &Found<'_>,
    words: &[String],
    options: &ResultOptions,
    output: Output,
) -> Result<(), Failure> {
    let args = parse::arguments(&found.path(), found.method, words);
    let args = args.map_err(|failure| explained(failure, words))?;
    let name = found.method.wire_name(found.prefix());
    let call = |client: &Client| client.dynamic().call(&name, args.clone());
    let value = made(session, found, options, call)?;
    show(found, &value, options, output)
}

/// The failure of arguments among which there is an option of this program.
fn explained(failure: Failure, words: &[String]) -> Failure {
    let is_option = |word: &&String| {
        let name = word.split_once('=').map_or(word.as_str(), |(name, _)| name);
        OPTIONS.contains(&name)
    };
    match (failure, words.iter().find(is_option)) {
        (Failure::Failed { code, text }, Some(option)) => Failure::Failed {
            code,
            text: format!(
                "{text}; behind the first argument, `{option}` is an argument, too: options go before it"
            ),
        },
        (failure, _) => failure,
    }
}

fn read(
    session: &Session,
    found: &Found<'_>,
    options: &ResultOptions,
    output: Output,
) -> Result<(), Failure> {
    let name = found.method.wire_name(found.prefix());
    let value = made(session, found, options, |client| {
        client.dynamic().get(&name)
    })?;
    show(found, &value, options, output)
}

fn write(
    session: &Session,
    found: &Found<'_>,
    text: &str,
    options: &ResultOptions,
    output: Output,
) -> Result<(), Failure> {
    let value = value(found, text)?;
    let name = found.method.wire_name(found.prefix());
    let set = |client: &Client| client.dynamic().set(&name, value.clone());
    made(session, found, options, set)?;
    show(found, &Value::Null, options, output)
}

/// The value for a setter.
fn value(setter: &Found<'_>, text: &str) -> Result<Value, Failure> {
    let path = setter.path();
    match setter.method.arguments.first() {
        Some(argument) => parse::value(&path, argument, text),
        None => Err(Failure::usage(format!("`{path}` takes no value"))),
    }
}

/// Makes the call of a method. An urgent one waits for nobody.
fn made<T>(
    session: &Session,
    found: &Found<'_>,
    options: &ResultOptions,
    call: impl Fn(&Client) -> Result<T, CallError>,
) -> Result<T, Failure> {
    for file in options.npy.iter().chain(&options.csv) {
        check_file(file)?;
    }
    if options.npy.is_some() && !may_be_array(&found.method.result) {
        let text = format!(
            "`{}` returns `{}`, which is no array of numbers for --npy; --csv saves any result",
            found.path(),
            found.method.result
        );
        return Err(Failure::usage(text));
    }
    if !found.method.urgent {
        session.enter()?;
    }
    session.call(|client| match options.timeout {
        Some(timeout) => call(&client.timeout(timeout)),
        None => call(client),
    })
}

/// Returns true if there may be an array of numbers in the result: a type that is known by its name only may be one.
fn may_be_array(schema: &Schema) -> bool {
    match schema {
        Schema::Option(inner) => may_be_array(inner),
        Schema::List(_) | Schema::Array(..) | Schema::Tuple(_) => true,
        Schema::Unsigned(_) | Schema::Signed(_) | Schema::Float(_) | Schema::Bool => true,
        Schema::Named(_) | Schema::Recursive(_) | Schema::Unknown { .. } => true,
        _ => false,
    }
}

/// Finds out before a long call that its result cannot be saved.
fn check_file(file: &Path) -> Result<(), Failure> {
    let problem = match file.parent() {
        _ if file.as_os_str() == "-" => "results go to standard output anyway; `./-` is a file",
        _ if file.is_dir() => "it is a directory",
        Some(parent) if !parent.as_os_str().is_empty() && !parent.is_dir() => {
            "its directory does not exist"
        }
        _ => return Ok(()),
    };
    Err(Failure::usage(format!(
        "cannot write {}: {problem}",
        file.display()
    )))
}

/// What looks like an option behind the arguments was probably meant as one.
const OPTIONS: [&str; 12] = [
    "--json",
    "--timeout",
    "--npy",
    "--csv",
    "--wait",
    "--address",
    "--server",
    "--service",
    "--secret-file",
    "--ask-secret",
    "-a",
    "-s",
];

/// A result as JSON.
#[derive(Serialize)]
struct CallResult<'a> {
    name: &'a str,
    value: Json<'a>,
    unit: Option<&'a str>,
}

fn show(
    found: &Found<'_>,
    value: &Value,
    options: &ResultOptions,
    output: Output,
) -> Result<(), Failure> {
    let (name, method) = (found.path(), found.method);
    let unit = method.unit.as_deref();
    match output.json {
        true => output.json_line(&CallResult {
            name: &name,
            value: value.json(),
            unit,
        })?,
        false if *value == Value::Null => output.line(format!("{name}: done"))?,
        false => output.line(show::result(&name, value, &method.result, unit))?,
    }
    if let Some(file) = &options.npy {
        show::save_npy(file, value)?;
        remark(format!("saved to {}", file.display()));
    }
    if let Some(file) = &options.csv {
        show::save_csv(file, value, &method.result)?;
        remark(format!("saved to {}", file.display()));
    }
    Ok(())
}
