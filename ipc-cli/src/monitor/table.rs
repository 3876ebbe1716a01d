//! Readings as a table that is redrawn in place.

use std::time::{Duration, Instant};

use comfy_table::{ContentArrangement, Table, presets};

use super::Display;
use super::event::{Event, clock};
use super::names::Targets;
use super::rows::{Row, Rows};
use super::screen::Screen;
use crate::failure::Failure;
use crate::{progress, times};

/// The table of the last readings, at a terminal.
pub(super) struct Live {
    rows: Rows,
    screen: Screen,
    /// The last gap, in words.
    gap: Option<String>,
    /// When it was drawn; `None` if something has changed since.
    drawn: Option<Instant>,
}

impl Live {
    pub(super) fn new(targets: &Targets) -> Self {
        Self {
            rows: Rows::new(targets.iter().map(AsRef::as_ref)),
            screen: Screen::default(),
            gap: None,
            drawn: None,
        }
    }

    /// What stands below the table.
    fn footer(&self, connection: &str) -> Vec<String> {
        let mut lines = vec![String::new()];
        lines.extend(self.gap.clone());
        lines.extend(progress::last_remark());
        lines.push(format!("Ctrl-C ends; {connection}"));
        lines
    }
}

impl Display for Live {
    fn event(&mut self, event: &Event) -> Result<(), Failure> {
        self.rows.event(event);
        if let Event::Gap(gap) = event {
            self.gap = Some(format!("-- {}, until {} --", gap.text(), clock(gap.time)));
        }
        if matches!(event, Event::Round(_)) {
            self.drawn = None;
        }
        Ok(())
    }

    fn tick(&mut self, connection: &str) -> Result<bool, Failure> {
        let is_fresh = self.drawn.is_some_and(|drawn| drawn.elapsed() < REDRAW);
        if is_fresh && !self.screen.is_resized() {
            return Ok(true);
        }
        let (width, height) = Screen::size();
        let footer = self.footer(connection);
        let height = usize::from(height).saturating_sub(footer.len() + 1);
        let lines = table(self.rows.all(), Instant::now(), width, height);
        self.screen.draw(&[lines, footer].concat())?;
        self.drawn = Some(Instant::now());
        Ok(true)
    }
}

/// The lines of a table that is at most so wide and so high.
fn table(rows: &[Row], now: Instant, width: u16, height: usize) -> Vec<String> {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width.saturating_sub(1))
        .set_header(low(["NAME", "VALUE", "UNIT", "AGE"]));
    // The header takes one line, and the number of rows that are left out another one.
    let count = match rows.len() < height {
        true => rows.len(),
        false => height.saturating_sub(2),
    };
    for row in rows.iter().take(count) {
        table.add_row(low(cells(row, now)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut lines: Vec<_> = table
        .lines()
        .map(|line| line.trim_end().to_string())
        .collect();
    if count < rows.len() {
        lines.push(format!(
            "… {} more: the terminal is too small",
            rows.len() - count
        ));
    }
    lines
}

/// A row of one line: what does not fit is cut.
fn low<T: Into<comfy_table::Cell>>(cells: [T; 4]) -> comfy_table::Row {
    let mut row = comfy_table::Row::from(cells);
    row.max_height(1);
    row
}

fn cells(row: &Row, now: Instant) -> [String; 4] {
    let age = row.age(now).map(times::shown).unwrap_or_default();
    let (value, unit) = match (&row.error, &row.value) {
        (Some(error), _) => (error.as_str(), ""),
        (None, Some((value, _))) => (value.as_str(), row.unit.as_str()),
        (None, None) => ("…", row.unit.as_str()),
    };
    let value = match &row.waits {
        Some(waits) => format!("{value} ({waits})"),
        None => value.into(),
    };
    [row.name.clone(), value, unit.into(), age]
}

/// Time between two drawings while nothing changes but the age.
const REDRAW: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, value: Option<&str>, age: u64, now: Instant) -> Row {
        let at = now.checked_sub(Duration::from_secs(age)).unwrap();
        Row {
            name: name.into(),
            unit: "mW".into(),
            value: value.map(|value| (value.into(), at)),
            ..Row::default()
        }
    }

    #[test]
    fn values_have_units_and_ages() {
        let now = Instant::now() + Duration::from_secs(1000);
        let failed = Row {
            error: Some("error: the interlock is open".into()),
            ..row("laser.power", Some("3"), 12, now)
        };
        let waits = Row {
            waits: Some("waits: place 1".into()),
            ..row("laser.gain", Some("7"), 3, now)
        };
        let rows = [
            row("laser.level", Some("1.5"), 0, now),
            row("laser.aim", None, 0, now),
            failed,
            waits,
        ];
        assert_eq!(
            table(&rows, now, 80, 20),
            [
                "NAME         VALUE                         UNIT  AGE",
                "laser.level  1.5                           mW    0 s",
                "laser.aim    …                             mW",
                "laser.power  error: the interlock is open        12 s",
                "laser.gain   7 (waits: place 1)            mW    3 s",
            ]
        );
    }

    #[test]
    fn a_table_keeps_to_the_terminal() {
        let now = Instant::now() + Duration::from_secs(1000);
        let long = "a long text that does not fit. ".repeat(10);
        let rows: Vec<_> = (0..30)
            .map(|index| row(&format!("laser.level_{index}"), Some(&long), 1, now))
            .collect();
        for (width, height) in [(80, 24), (40, 10), (200, 31), (20, 3), (10, 2), (1, 0)] {
            let lines = table(&rows, now, width, height);
            assert!(lines.len() <= height.max(2), "{width}x{height}: {lines:?}");
            let is_fit = |line: &String| line.chars().count() < usize::from(width);
            assert!(width < 40 || lines.iter().all(is_fit), "{lines:?}");
            assert!(lines.last().unwrap().starts_with('…') == (height < 31));
        }
    }
}
