//! `ipc list`: what there is, a line each.

use ipc_client::{Found, Method, MethodKind, ServerDescription};
use serde_json::json;

use crate::arguments::ListOptions;
use crate::commands::describe::no_such_name;
use crate::connect::Session;
use crate::failure::Failure;
use crate::output::Output;

pub(crate) fn run(session: &Session, options: &ListOptions, output: Output) -> Result<(), Failure> {
    let server = session.command(|client| client.server().description())?;
    let device = options.device.as_deref();
    if let Some(name) = device
        && server.device(name).is_none()
    {
        return Err(no_such_name(&server, name));
    }
    let is_meant = |found: &Found<'_>| device.is_none_or(|name| of_device(found) == Some(name));
    match output.json {
        true => server
            .all()
            .filter(is_meant)
            .try_for_each(|found| as_json(&found, output)),
        false => as_text(&server, device, output),
    }
}

fn as_text(server: &ServerDescription, only: Option<&str>, output: Output) -> Result<(), Failure> {
    let devices = server.devices.iter();
    for device in devices.filter(|device| only.is_none_or(|name| device.name == name)) {
        let summary = summary(&device.interface.doc);
        output.line(format!(
            "{} ({}){summary}",
            device.name, device.interface.name
        ))?;
        methods(&device.interface.methods, output)?;
    }
    if only.is_none() && !server.functions.is_empty() {
        output.line("functions")?;
        methods(&server.functions, output)?;
    }
    if server.devices.is_empty() && server.functions.is_empty() {
        output.line("the server offers nothing")?;
    }
    Ok(())
}

/// The methods, a line each, with the two halves of a property in one.
fn methods(methods: &[Method], output: Output) -> Result<(), Failure> {
    let mut lines: Vec<(String, String)> = Vec::new();
    for method in methods {
        let is_other_half = |kind| {
            let mut others = methods.iter();
            others.any(|other| other.name == method.name && other.kind == kind)
        };
        match method.kind {
            MethodKind::Set if is_other_half(MethodKind::Get) => {}
            kind => {
                let can_be_set = kind == MethodKind::Get && is_other_half(MethodKind::Set);
                lines.push((short(method, can_be_set), summary(&method.doc)));
            }
        }
    }
    let width = lines.iter().map(|(name, _)| name.chars().count()).max();
    let width = width.unwrap_or_default().min(WIDTH);
    for (name, summary) in lines {
        output.line(format!("  {name:width$}{summary}").trim_end())?;
    }
    Ok(())
}

/// A method in a few words: `read_voltage(samples: u32 = 1) -> f64 V`, `range: f64 mV (read only)`.
pub(crate) fn short(method: &Method, can_be_set: bool) -> String {
    let name = &method.name;
    let unit = |unit: &Option<String>| match unit {
        Some(unit) => format!(" {unit}"),
        None => String::new(),
    };
    match (method.kind, method.arguments.first()) {
        (MethodKind::Get, _) => {
            let limits = if can_be_set { "" } else { " (read only)" };
            format!("{name}: {}{}{limits}", method.result, unit(&method.unit))
        }
        (MethodKind::Set, Some(value)) => {
            format!("{name}: {}{} (write only)", value.schema, unit(&value.unit))
        }
        _ => format!("{}{}", method.signature(""), unit(&method.unit)),
    }
}

fn summary(doc: &str) -> String {
    match doc.lines().next().map(str::trim) {
        None | Some("") => String::new(),
        Some(line) => format!("  {line}"),
    }
}

fn of_device<'a>(found: &Found<'a>) -> Option<&'a str> {
    Some(found.device?.name.as_str())
}

/// A method as one object.
pub(crate) fn as_json(found: &Found<'_>, output: Output) -> Result<(), Failure> {
    let method = found.method;
    output.json_line(&json!({
        "name": found.path(),
        "device": of_device(found),
        "wire_name": method.wire_name(found.prefix()),
        "signature": method.signature(""),
        "method": method,
    }))
}

/// Summaries stand in a column, unless a name is longer than this.
const WIDTH: usize = 60;
