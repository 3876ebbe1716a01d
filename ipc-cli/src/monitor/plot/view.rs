//! What the chart shows: a legend with the last values, the lines, and the state of the connection.

use std::time::Instant;

use ipc_core::wire::sanitize::fit_to_show;
use jiff::{SignedDuration, Timestamp};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::chart::Drawing;
use super::curve::{self, Curve};
use super::is_array;
use crate::monitor::event::{Event, Outcome, Reading, clock};
use crate::monitor::names::Targets;
use crate::monitor::rows::{Row, Rows};
use crate::{progress, times};

/// All that is known of the names.
pub(super) struct View {
    rows: Rows,
    /// The numbers of each name over time, or the only array over its index.
    curves: Vec<Curve>,
    /// The number of elements, if an array is shown.
    array: Option<usize>,
    /// When the time on the axis is 0.
    begin: (Instant, Timestamp),
    /// The last gap, in words.
    gap: Option<String>,
}

impl View {
    pub(super) fn new(targets: &Targets) -> Self {
        let is_array = targets
            .first()
            .is_some_and(|target| is_array(&target.schema));
        Self {
            rows: Rows::new(targets.iter().map(AsRef::as_ref)),
            curves: targets.iter().map(|_| Curve::default()).collect(),
            array: is_array.then_some(0),
            begin: (Instant::now(), Timestamp::now()),
            gap: None,
        }
    }

    pub(super) fn event(&mut self, event: &Event) {
        self.rows.event(event);
        match event {
            Event::Reading(reading) => self.reading(reading),
            Event::Gap(gap) => {
                self.gap = Some(format!("{}, until {}", gap.text(), clock(gap.time)));
                for curve in &mut self.curves {
                    curve.push(0.0, None);
                }
            }
            Event::Round(_) => {}
        }
    }

    fn reading(&mut self, reading: &Reading) {
        let x = self.x_of(reading.at);
        let Some(curve) = self.curves.get_mut(reading.index) else {
            return;
        };
        match (&reading.outcome, &mut self.array) {
            (Outcome::Value(value), Some(length)) => {
                let values = curve::array(value).unwrap_or_default();
                *curve = Curve::of_array(&values);
                *length = values.len();
            }
            (Outcome::Value(value), None) => curve.push(x, value.to_f64()),
            // The last array stays, and its age grows.
            (_, Some(_)) => {}
            (_, None) => curve.push(x, None),
        }
    }

    /// Seconds since the beginning.
    fn x_of(&self, at: Instant) -> f64 {
        at.saturating_duration_since(self.begin.0).as_secs_f64()
    }

    pub(super) fn draw(&self, frame: &mut Frame<'_>, connection: &str, now: Instant) {
        let height = usize::from(frame.area().height);
        let legend = self.legend(now, (height / 3).max(1));
        let footer = self.footer(connection);
        let length = |lines: usize| Constraint::Length(u16::try_from(lines).unwrap_or(u16::MAX));
        let layout = Layout::vertical([
            length(legend.len()),
            Constraint::Fill(1),
            length(footer.len()),
        ]);
        let [top, middle, bottom] = layout.areas(frame.area());
        frame.render_widget(Paragraph::new(legend), top);
        self.charts(frame, middle, now);
        frame.render_widget(Paragraph::new(footer), bottom);
    }

    /// A line for each name with its last value.
    fn legend(&self, now: Instant, height: usize) -> Vec<Line<'static>> {
        let rows = self.rows.all();
        let count = match rows.len() <= height {
            true => rows.len(),
            false => height.saturating_sub(1).max(1),
        };
        let with_colors = rows.iter().zip(colors()).take(count);
        let mut lines: Vec<_> = with_colors
            .map(|(row, color)| in_legend(row, color, now))
            .collect();
        if count < rows.len() {
            lines.push(Line::from(format!("… {} more names", rows.len() - count)).dim());
        }
        lines
    }

    /// What stands below the lines.
    fn footer(&self, connection: &str) -> Vec<Line<'static>> {
        let more = self.gap.iter().cloned().chain(progress::last_remark());
        let mut lines: Vec<_> = more.map(|text| Line::from(fit_to_show(&text))).collect();
        lines.push(Line::from(fit_to_show(&format!("q ends; {connection}"))).dim());
        lines
    }

    /// A chart for each unit.
    fn charts(&self, frame: &mut Frame<'_>, area: Rect, now: Instant) {
        let mut drawings: Vec<Drawing<'_>> = Vec::new();
        let (x, x_labels) = self.x_axis(now);
        let rows = self.rows.all().iter();
        for ((row, curve), color) in rows.zip(&self.curves).zip(colors()) {
            let unit = fit_to_show(&row.unit);
            match drawings.iter_mut().find(|it| it.unit == unit) {
                Some(drawing) => drawing.curves.push((curve, color)),
                None => drawings.push(Drawing {
                    curves: vec![(curve, color)],
                    unit,
                    x,
                    x_labels: x_labels.clone(),
                }),
            }
        }
        drawings.truncate(usize::from(area.height / LOWEST).max(1));
        let areas = Layout::vertical(drawings.iter().map(|_| Constraint::Fill(1))).split(area);
        for (drawing, area) in drawings.iter().zip(areas.iter()) {
            drawing.draw(frame, *area);
        }
    }

    /// The ends of the horizontal axis, and what stands there.
    fn x_axis(&self, now: Instant) -> ([f64; 2], [String; 2]) {
        if let Some(length) = self.array {
            let last = length.saturating_sub(1).max(1);
            return ([0.0, last as f64], ["0".into(), last.to_string()]);
        }
        let firsts = self.curves.iter().filter_map(Curve::first_x);
        let first = firsts.fold(f64::INFINITY, f64::min);
        let now = self.x_of(now);
        let first = if first.is_finite() { first } else { now };
        let x = [first, now.max(first + SHORTEST)];
        let clock = |x| {
            let after = SignedDuration::try_from_secs_f64(x).unwrap_or_default();
            clock(self.begin.1.checked_add(after).unwrap_or(self.begin.1))
        };
        (x, x.map(clock))
    }
}

/// `● laser.level = 1.5 mW  0.3 s ago`
fn in_legend(row: &Row, color: Color, now: Instant) -> Line<'static> {
    let unit = if row.unit.is_empty() { "" } else { " " };
    let mut value = match (&row.error, &row.value) {
        (Some(error), _) => format!("{}: {error}", row.name),
        (None, Some((value, _))) => format!("{} = {value}{unit}{}", row.name, row.unit),
        (None, None) => row.name.clone(),
    };
    if let Some(waits) = &row.waits {
        value += &format!(" ({waits})");
    }
    let age = match row.age(now) {
        Some(age) => format!("  {} ago", times::shown(age)),
        None => String::new(),
    };
    Line::from(vec![
        Span::styled("● ", Style::new().fg(color)),
        Span::raw(fit_to_show(&value)),
        Span::raw(age).dim(),
    ])
}

/// A color for each name.
fn colors() -> impl Iterator<Item = Color> {
    COLORS.into_iter().cycle()
}

const COLORS: [Color; 6] = [
    Color::Cyan,
    Color::Yellow,
    Color::Green,
    Color::Magenta,
    Color::Red,
    Color::Blue,
];
/// Height below which a chart shows nothing.
const LOWEST: u16 = 6;
/// Shortest time that is shown, in seconds.
const SHORTEST: f64 = 10.0;

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use ipc_client::{MethodKind, Schema, Value};
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::monitor::event::Gap;
    use crate::monitor::names::Target;

    fn target(name: &str, schema: Schema, unit: &str) -> Arc<Target> {
        Arc::new(Target {
            name: name.into(),
            wire_name: name.into(),
            kind: MethodKind::Get,
            schema,
            unit: Some(unit.into()),
        })
    }

    fn read(view: &mut View, targets: &Targets, index: usize, after: u64, value: Value) {
        view.event(&Event::Reading(Reading {
            index,
            target: Arc::clone(&targets[index]),
            time: view.begin.1,
            at: view.begin.0 + Duration::from_secs(after),
            outcome: Outcome::Value(value),
        }));
    }

    /// What the chart looks like so many seconds after its beginning.
    fn drawn(view: &View, after: u64, (width, height): (u16, u16)) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let now = view.begin.0 + Duration::from_secs(after);
        let drawn = terminal.draw(|frame| view.draw(frame, "connected to x", now));
        let buffer = drawn.unwrap().buffer.clone();
        let rows = buffer.content.chunks(usize::from(width.max(1)));
        let text = |row: &[ratatui::buffer::Cell]| row.iter().map(|cell| cell.symbol()).collect();
        rows.map(text).collect()
    }

    /// The columns in which there is something of a line.
    fn columns(lines: &[String]) -> Vec<usize> {
        let is_braille = |c: &char| ('\u{2801}'..='\u{28ff}').contains(c);
        let columns = lines.iter().flat_map(|line| {
            let chars = line.chars().enumerate();
            chars
                .filter(|(_, c)| is_braille(c))
                .map(|(column, _)| column)
        });
        let mut columns: Vec<_> = columns.collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    #[test]
    fn gaps_are_gaps() {
        let targets = vec![target("level\u{1b}[31m", Schema::Float(64), "m\u{1b}W")];
        let mut view = View::new(&targets);
        for after in 0..10 {
            read(&mut view, &targets, 0, after, 1.5.into());
        }
        view.event(&Event::Gap(Gap {
            time: view.begin.1,
            lasted: Duration::from_secs(20),
            others_had_it: false,
        }));
        for after in 30..40 {
            read(&mut view, &targets, 0, after, 2.5.into());
        }
        let lines = drawn(&view, 40, (90, 20));
        let all = lines.join("\n");
        assert!(
            all.starts_with("● level\u{fffd}[31m = 2.5 m\u{fffd}W  1 s ago"),
            "{all}"
        );
        assert!(all.contains("no connection for 20 s, until "), "{all}");
        assert!(
            all.contains("q ends; connected to x") && !all.contains('\u{1b}'),
            "{all}"
        );
        let columns = columns(&lines);
        let widest = columns.windows(2).map(|pair| pair[1] - pair[0]).max();
        assert!(
            columns.len() > 20 && widest > Some(20),
            "{columns:?}\n{all}"
        );
    }

    #[test]
    fn each_unit_has_a_chart_and_every_size_works() {
        let names = [("a", "mW"), ("b", "K"), ("c", "mW")];
        let targets: Targets = names
            .iter()
            .map(|(name, unit)| target(name, Schema::Float(64), unit))
            .collect();
        let mut view = View::new(&targets);
        for size in [(0, 0), (1, 1), (3, 40), (200, 3), (80, 24), (300, 100)] {
            drawn(&view, 0, size);
        }
        for (index, value) in [1.0, 300.0, 2.0].into_iter().enumerate() {
            for after in 0..20 {
                read(&mut view, &targets, index, after, value.into());
            }
        }
        for size in [(0, 0), (1, 1), (3, 40), (200, 3), (80, 24), (300, 100)] {
            drawn(&view, 20, size);
        }
        let all = drawn(&view, 20, (80, 40)).join("\n");
        assert!(
            all.contains("● b = 300 K") && all.contains("● c = 2 mW"),
            "{all}"
        );
        // The axes: 1 mW to 2 mW, and around 300 K.
        assert!(all.contains("2.05") && all.contains("330"), "{all}");
    }

    #[test]
    fn an_array_stands_over_its_index() {
        let list = Schema::List(Box::new(Schema::Float(64)));
        let targets = vec![target("trace", list, "V")];
        let mut view = View::new(&targets);
        let values: Vec<f64> = (0..300).map(f64::from).collect();
        read(&mut view, &targets, 0, 0, values.into());
        let lines = drawn(&view, 1, (80, 24));
        assert!(lines.join("\n").contains("299"), "{lines:#?}");
        assert!(columns(&lines).len() > 60, "{lines:#?}");
        // It may become empty.
        read(&mut view, &targets, 0, 1, Vec::<f64>::new().into());
        assert!(columns(&drawn(&view, 2, (80, 24))).is_empty());
    }
}
