//! `ipc describe`: all about a device, a method, a property or a function.

use ipc_client::{Argument, DeviceDescription, Found, MethodKind, ServerDescription};

use crate::arguments::DescribeOptions;
use crate::commands::list;
use crate::connect::Session;
use crate::failure::Failure;
use crate::output::Output;

pub(crate) fn run(
    session: &Session,
    options: &DescribeOptions,
    output: Output,
) -> Result<(), Failure> {
    let server = session.command(|client| client.server().description())?;
    let Some(name) = options.name.as_deref() else {
        return match output.json {
            true => output.json_line(&server),
            false => everything(&server, output),
        };
    };
    match server.device(name) {
        Some(device) if output.json => output.json_line(device),
        Some(device) => describe_device(&server, device, output),
        None => describe_methods(&server, &found(&server, name)?, output),
    }
}

fn everything(server: &ServerDescription, output: Output) -> Result<(), Failure> {
    for device in &server.devices {
        describe_device(server, device, output)?;
    }
    let functions = server.all().filter(|found| found.device.is_none());
    describe_methods(server, &functions.collect::<Vec<_>>(), output)
}

fn describe_device(
    server: &ServerDescription,
    device: &DeviceDescription,
    output: Output,
) -> Result<(), Failure> {
    output.line(format!("{}: {}", device.name, device.interface.name))?;
    if !device.prefix.is_empty() {
        let prefix = &device.prefix;
        output.line(format!("  flat names begin with `{prefix}`"))?;
    }
    for line in device.interface.doc.lines() {
        output.line(format!("  {line}"))?;
    }
    output.line("")?;
    let is_of_it = |found: &Found<'_>| found.device.is_some_and(|it| it.name == device.name);
    let methods: Vec<_> = server.all().filter(is_of_it).collect();
    describe_methods(server, &methods, output)
}

fn describe_methods(
    server: &ServerDescription,
    methods: &[Found<'_>],
    output: Output,
) -> Result<(), Failure> {
    for found in methods {
        match output.json {
            true => list::as_json(found, output)?,
            false => output.line(in_words(server, found))?,
        }
    }
    Ok(())
}

/// The methods that a name stands for: one, or both halves of a property.
fn found<'a>(server: &'a ServerDescription, name: &str) -> Result<Vec<Found<'a>>, Failure> {
    let kinds = [MethodKind::Call, MethodKind::Get, MethodKind::Set];
    let found: Vec<_> = kinds
        .into_iter()
        .filter_map(|kind| server.find(name, kind).ok())
        .collect();
    match found.is_empty() {
        true => Err(no_such_name(server, name)),
        false => Ok(found),
    }
}

/// The error for a name that is neither a device nor something else, with names that may have been meant.
pub(crate) fn no_such_name(server: &ServerDescription, name: &str) -> Failure {
    let devices: Vec<_> = server
        .devices
        .iter()
        .map(|device| device.name.as_str())
        .collect();
    let text = match server.find(name, MethodKind::Call) {
        Err(refusal) if name.contains('.') => refusal.to_string(),
        Err(refusal) => format!(
            "{refusal}, nor a device of that name; its devices are {}",
            devices.join(", ")
        ),
        Ok(_) => format!(
            "`{name}` is no device; its devices are {}",
            devices.join(", ")
        ),
    };
    Failure::usage(text)
}

/// How it is used at the command line, and what the library says of it: signature, units, limits, docs, types.
fn in_words(server: &ServerDescription, found: &Found<'_>) -> String {
    let path = found.path();
    let mut text = match found.method.kind {
        MethodKind::Get => format!("ipc get {path}\n"),
        MethodKind::Set => format!("ipc set {path} VALUE\n"),
        _ => format!("ipc call {path}{}\n", places(&found.method.arguments)),
    };
    let help = server.help_for(&found.method.wire_name(found.prefix()));
    for line in help.unwrap_or_default().lines() {
        text.push_str(&format!("  {line}\n"));
    }
    text
}

/// `" SAMPLES [RATE]"`
fn places(arguments: &[Argument]) -> String {
    let places = arguments.iter().map(|argument| {
        let name = argument.name.to_uppercase();
        match argument.default {
            Some(_) => format!(" [{name}]"),
            None => format!(" {name}"),
        }
    });
    places.collect()
}
