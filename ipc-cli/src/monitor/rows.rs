//! The last reading of each name.

use std::time::{Duration, Instant};

use super::event::{Event, Outcome, Reading};
use super::names::Target;
use crate::show;

/// The last readings, in the order of the command line.
pub(super) struct Rows(Vec<Row>);

/// The last reading of one name.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) unit: String,
    /// The last value that was read, and when.
    pub(super) value: Option<(String, Instant)>,
    /// How the last attempt to read it has failed, if it has.
    pub(super) error: Option<String>,
    /// What the name waits for, if the device is used by others.
    pub(super) waits: Option<String>,
}

impl Rows {
    pub(super) fn new<'a>(targets: impl IntoIterator<Item = &'a Target>) -> Self {
        let row = |target: &Target| Row {
            name: target.name.clone(),
            unit: target.unit.clone().unwrap_or_default(),
            ..Row::default()
        };
        Self(targets.into_iter().map(row).collect())
    }

    pub(super) fn all(&self) -> &[Row] {
        &self.0
    }

    pub(super) fn event(&mut self, event: &Event) {
        if let Event::Reading(reading) = event
            && let Some(row) = self.0.get_mut(reading.index)
        {
            row.update(reading);
        }
    }
}

impl Row {
    fn update(&mut self, reading: &Reading) {
        let target = &reading.target;
        self.unit = target.unit.clone().unwrap_or_default();
        (self.error, self.waits) = (None, None);
        match &reading.outcome {
            Outcome::Value(value) => {
                let shown = show::brief(value, &target.schema, None);
                self.value = Some((shown, reading.at));
            }
            Outcome::Failed(text) => self.error = Some(format!("error: {text}")),
            // The last value is still the best that is known.
            Outcome::Waits(text) => self.waits = Some(format!("waits: {text}")),
        }
    }

    /// How old the last value is.
    pub(super) fn age(&self, now: Instant) -> Option<Duration> {
        let (_, at) = self.value.as_ref()?;
        Some(now.saturating_duration_since(*at))
    }
}
