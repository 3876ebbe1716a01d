//! The figures as tables: on the terminal, as JSON, and in the documents of the project.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::contenders::{ASYNC, CHACHA, KOCHEN, RAW, SECRET, TARPC, THIS};
use crate::data::{Failure, Shape};
use crate::plot;
use crate::process::Placement;
use crate::rounds::{Absence, Row};
use crate::works::{self, Kind, Work};

/// Prints the rows of one work.
pub fn print(rows: &[Row]) {
    let Some(first) = rows.first() else { return };
    println!("\n{}", first.work);
    println!(
        "  {:<22} {:<7} {:>12} {:>12} {:>8} {:>11} {:>7}",
        "", "", "p50 us", "p99 us", "x raw", "+ us", "of raw"
    );
    for row in rows {
        let raw = raw_of(rows, row).unwrap_or(row.p50_us);
        println!(
            "  {:<22} {:<7} {:>12.2} {:>12.2} {:>8.2} {:>+11.2} {:>7.2}",
            row.contender,
            row.placement,
            row.p50_us,
            row.p99_us,
            row.ratio_to_raw,
            row.p50_us - raw,
            row.share_of_raw
        );
    }
}

/// Prints why contenders have no rows, each reason once.
pub fn print_absent(absent: &[Absence]) {
    let mut told: Vec<(&str, &str)> = Vec::new();
    for Absence {
        contender,
        work,
        reason,
        is_failure,
    } in absent
    {
        if *is_failure {
            println!("\nFAILED: {contender}, {work}: {reason}");
        } else if !told.contains(&(contender, reason)) {
            println!("\nskipped: {contender}: {reason}");
            told.push((contender, reason));
        }
    }
}

/// Writes the figures into the project's documents, and draws the plot that they show.
pub fn document(project: &Path, rows: &[Row]) -> Result<(), Failure> {
    fill(&project.join("README.md"), &overview(rows)?)?;
    fill(&project.join("DESIGN.md"), &details(rows)?)?;
    fs::write(project.join("benches/plot.svg"), plot::draw(rows)?)?;
    Ok(())
}

const BEGIN: &str = "<!-- figures: written by the command in benches/ -->\n";
const END: &str = "<!-- end of figures -->";

/// Replaces what is between the two marks.
fn fill(path: &Path, figures: &str) -> Result<(), Failure> {
    let missing = |what| format!("{} has no {what} of figures", path.display());
    let document = fs::read_to_string(path)?;
    let (before, rest) = document
        .split_once(BEGIN)
        .ok_or_else(|| missing("beginning"))?;
    let (_, after) = rest.split_once(END).ok_or_else(|| missing("end"))?;
    Ok(fs::write(
        path,
        format!("{before}{BEGIN}\n{figures}\n{END}{after}"),
    )?)
}

/// All contenders, and what matters most.
fn overview(rows: &[Row]) -> Result<String, Failure> {
    let shapes = [Shape::Samples, Shape::Waveform, Shape::Frame8];
    let mut out = conditions(rows)?;
    out += "\n| | a small call | 8 MB `Vec<f64>` | 8 MB `struct Waveform` | 8 MB camera frame |\n";
    out += "|---|---|---|---|---|\n";
    let mut small: Vec<&Row> = pinned(rows)
        .filter(|row| row.work == "small call")
        .collect();
    small.sort_by(|a, b| a.p50_us.total_cmp(&b.p50_us));
    for row in small {
        write!(out, "| {} | {} ", row.contender, multiple(rows, row))?;
        for shape in shapes {
            let cell = find(rows, &works::large(shape).name, &row.contender);
            write!(out, "| {} ", cell.map_or("-".into(), share))?;
        }
        out += "|\n";
    }
    Ok(out)
}

/// All works, for this project and the closest peer; then how costs grow.
fn details(rows: &[Row]) -> Result<String, Failure> {
    let columns = [RAW, THIS, ASYNC, SECRET, CHACHA, TARPC, KOCHEN];
    let mut out = conditions(rows)?;
    writeln!(out, "\n| | {} |", columns.join(" | "))?;
    writeln!(out, "|{}", "---|".repeat(columns.len() + 1))?;
    for work in works::all().iter().filter(|work| !work.growth) {
        write!(out, "| {} ", titled(&work.name))?;
        for column in columns {
            let cell = find(rows, &work.name, column);
            write!(
                out,
                "| {} ",
                cell.map_or(String::new(), |row| shown(rows, work, row))
            )?;
        }
        out += "|\n";
    }
    out += "\nHow costs grow, as multiples of raw TCP for the same bytes, one call after the other:\n\n";
    out += "| | |\n|---|---|\n";
    let growing: Vec<Work> = works::all()
        .into_iter()
        .filter(|work| work.growth)
        .collect();
    for series in growing.chunk_by(|a, b| a.series() == b.series()) {
        let Some(name) = series.first().map(Work::series) else {
            continue;
        };
        let contender = match series.first().map(|work| work.kind) {
            Some(Kind::InFlight(_)) => ASYNC,
            _ => THIS,
        };
        let points = series.iter().filter_map(|work| {
            let row = find(rows, &work.name, contender)?;
            let (_, at) = work.name.split_once(": ")?;
            Some(format!("{at}: {:.2} x", row.ratio_to_raw))
        });
        writeln!(
            out,
            "| {name} | {} |",
            points.collect::<Vec<_>>().join(", ")
        )?;
    }
    Ok(out)
}

/// What the figures depend on.
fn conditions(rows: &[Row]) -> Result<String, Failure> {
    let raw = find(rows, "small call", RAW).ok_or("a small call over raw TCP was not measured")?;
    let bulk = find(rows, &works::large(Shape::Samples).name, RAW)
        .ok_or("8 MB over raw TCP were not measured")?;
    Ok(format!(
        "Client and server were two processes on one core ({}), where a round trip of raw TCP takes {:.1} µs\n\
         and 8 MB take {:.1} ms. Most of a round trip is the operating system, so the added time carries over to other computers\n\
         better than the multiple. For 8 MB, the figure is the share of the speed of raw TCP that is reached.\n",
        processor(),
        raw.p50_us,
        bulk.p50_us / 1000.0
    ))
}

/// The name of a work in Markdown, where types need to be marked as code.
fn titled(name: &str) -> String {
    match name.strip_prefix("8 MB ") {
        Some(shape) if shape.contains('<') => format!("8 MB `{shape}`"),
        _ => name.to_owned(),
    }
}

fn processor() -> String {
    let described = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = described
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model
        .and_then(|model| model.split_once(": "))
        .map(|(_, model)| model);
    let system = match std::env::consts::OS {
        "linux" => "Linux",
        "macos" => "macOS",
        "windows" => "Windows",
        other => other,
    };
    format!("{}, {system}", model.unwrap_or(std::env::consts::ARCH))
}

/// The rows to show: pinned to one core, where that is possible.
pub fn pinned(rows: &[Row]) -> impl Iterator<Item = &Row> {
    let is_possible = rows
        .iter()
        .any(|row| row.placement == Placement::Pinned.name());
    let placement = if is_possible {
        Placement::Pinned
    } else {
        Placement::Free
    };
    rows.iter()
        .filter(move |row| row.placement == placement.name())
}

/// What a contender came to in a work.
pub fn find<'a>(rows: &'a [Row], work: &str, contender: &str) -> Option<&'a Row> {
    pinned(rows).find(|row| row.work == work && row.contender == contender)
}

fn raw_of(rows: &[Row], row: &Row) -> Option<f64> {
    let is_raw = |other: &&Row| {
        other.contender == RAW && other.work == row.work && other.placement == row.placement
    };
    rows.iter().find(is_raw).map(|raw| raw.p50_us)
}

fn shown(rows: &[Row], work: &Work, row: &Row) -> String {
    match (row.contender == RAW, work.is_bulk()) {
        (true, true) => format!("{:.2} ms", row.p50_us / 1000.0),
        (true, false) => format!("{:.2} µs", row.p50_us),
        (false, true) => share(row),
        // Calls at once are compared with raw TCP one after the other: the difference would mean nothing.
        (false, false) if work.has_many_at_once() => format!("{:.2} x", row.ratio_to_raw),
        (false, false) => multiple(rows, row),
    }
}

fn share(row: &Row) -> String {
    format!("{:.2}", row.share_of_raw)
}

fn multiple(rows: &[Row], row: &Row) -> String {
    let raw = raw_of(rows, row).unwrap_or(row.p50_us);
    match row.contender == RAW {
        true => format!("{raw:.1} µs"),
        false => format!("{:.2} x, {:+.1} µs", row.ratio_to_raw, row.p50_us - raw),
    }
}
