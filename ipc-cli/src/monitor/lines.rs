//! Readings as lines, for files and other programs.

use std::collections::BTreeSet;

use ipc_client::Json;
use serde::Serialize;

use super::Display;
use super::event::{Event, Gap, Outcome, Reading, local, utc};
use crate::failure::Failure;
use crate::output::Output;
use crate::show;

/// Writes a line for each reading.
pub(super) struct Lines {
    output: Output,
    /// Names whose device others use. This is reported once.
    waiting: BTreeSet<usize>,
}

impl Lines {
    pub(super) fn new(output: Output) -> Self {
        Self {
            output,
            waiting: BTreeSet::new(),
        }
    }

    /// Returns false if nothing has changed for a name that waits.
    fn is_news(&mut self, reading: &Reading) -> bool {
        match &reading.outcome {
            Outcome::Waits(_) => self.waiting.insert(reading.index),
            _ => {
                self.waiting.remove(&reading.index);
                true
            }
        }
    }
}

impl Display for Lines {
    fn event(&mut self, event: &Event) -> Result<(), Failure> {
        match event {
            Event::Reading(reading) if self.is_news(reading) => match self.output.json {
                true => self.output.json_line(&reading_as_json(reading)),
                false => self.output.line(reading_as_text(reading)),
            },
            Event::Gap(gap) => match self.output.json {
                true => self.output.json_line(&gap_as_json(gap)),
                false => self.output.line(format!("-- {} --", gap.text())),
            },
            Event::Reading(_) | Event::Round(_) => Ok(()),
        }
    }

    fn tick(&mut self, _connection: &str) -> Result<bool, Failure> {
        Ok(true)
    }
}

fn reading_as_text(reading: &Reading) -> String {
    let (time, target) = (local(reading.time), &reading.target);
    let name = &target.name;
    match &reading.outcome {
        Outcome::Value(value) => {
            let value = show::brief(value, &target.schema, target.unit.as_deref());
            format!("{time} {name} = {value}")
        }
        Outcome::Failed(text) => format!("{time} {name}: error: {text}"),
        Outcome::Waits(text) => format!("{time} {name}: waits: {text}"),
    }
}

/// A line of JSON.
#[derive(Serialize)]
#[serde(untagged)]
enum Object<'a> {
    Value {
        time: String,
        name: &'a str,
        value: Json<'a>,
        unit: Option<&'a str>,
    },
    Failed {
        time: String,
        name: &'a str,
        error: &'a str,
    },
    Waits {
        time: String,
        name: &'a str,
        waits: &'a str,
    },
    Gap {
        time: String,
        gap_s: f64,
        reason: &'a str,
    },
}

fn reading_as_json(reading: &Reading) -> Object<'_> {
    let (time, name) = (utc(reading.time), reading.target.name.as_str());
    match &reading.outcome {
        Outcome::Value(value) => Object::Value {
            time,
            name,
            value: value.json(),
            unit: reading.target.unit.as_deref(),
        },
        Outcome::Failed(error) => Object::Failed { time, name, error },
        Outcome::Waits(waits) => Object::Waits { time, name, waits },
    }
}

fn gap_as_json(gap: &Gap) -> Object<'static> {
    Object::Gap {
        time: utc(gap.time),
        gap_s: gap.lasted.as_secs_f64(),
        reason: gap.reason(),
    }
}
