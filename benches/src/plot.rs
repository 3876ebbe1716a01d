//! The plot in the README: a small call as a multiple of raw TCP, and large data as a share of its speed.

use std::fmt::Write as _;

use crate::contenders::{CAPNP, JSONRPSEE, OURS, RAW, REMOC, SECRET, TARPC, THIS, TONIC};
use crate::data::Failure;
use crate::report::{find, pinned};
use crate::rounds::Row;
use crate::works;

const WIDTH: f64 = 880.0;
const ROW: f64 = 22.0;
/// Where the rows begin.
const TOP: f64 = 84.0;

/// Colours that can be read on white and on dark, and a style for each contender.
const STYLE: &str = "
text { font: 12px -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #424a53 }
.title { font-size: 14px; font-weight: 600 }
.axis { font-size: 11px; fill: #6e7781 }
.grid { stroke: #8c959f; stroke-opacity: .35 } .raw { stroke: #8c959f; stroke-width: 2 }
.c0 { fill: #0969da } .c1 { fill: none; stroke: #0969da; stroke-width: 2 } .c2 { fill: #e16f24 }
.c3 { fill: #2da44e } .c4 { fill: #a475f9 } .c5 { fill: #bf8700 } .c6 { fill: #d1478f } .other { fill: #8c959f }
@media (prefers-color-scheme: dark) { text { fill: #d1d7e0 } .axis { fill: #9198a1 }
.c0 { fill: #4493f8 } .c1 { stroke: #4493f8 } }
";

/// The contenders with a colour of their own.
const COLOURS: [(&str, &str); 7] = [
    (THIS, "c0"),
    (SECRET, "c1"),
    (TARPC, "c2"),
    (TONIC, "c3"),
    (REMOC, "c4"),
    (CAPNP, "c5"),
    (JSONRPSEE, "c6"),
];

/// Draws the plot as SVG.
pub fn draw(rows: &[Row]) -> Result<String, Failure> {
    let mut small: Vec<&Row> = pinned(rows)
        .filter(|row| row.work == "small call")
        .collect();
    small.sort_by(|a, b| a.ratio_to_raw.total_cmp(&b.ratio_to_raw));
    let large: Vec<String> = works::all()
        .into_iter()
        .filter(|work| work.is_bulk() && !work.growth)
        .map(|work| work.name)
        .collect();
    let lines = small.len().max(large.len()) as f64;
    let height = TOP + lines * ROW + 40.0;

    let mut svg = String::new();
    write!(
        svg,
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' width='{WIDTH}' height='{height}' role='img'>\
         <title>This project and other libraries, compared with raw TCP</title><style>{STYLE}</style>"
    )?;
    calls(&mut svg, &small)?;
    transfers(&mut svg, rows, &large)?;
    svg += "</svg>\n";
    Ok(svg)
}

/// Bars, on a logarithmic scale.
fn calls(svg: &mut String, rows: &[&Row]) -> Result<(), Failure> {
    let (left, right) = (130.0, 350.0);
    let most = rows.last().map_or(10.0, |row| row.ratio_to_raw).max(10.0);
    let x = |ratio: f64| left + (right - left) * ratio.max(1.0).ln() / most.ln();
    text(svg, 0.0, 20.0, "title", "start", "A small call")?;
    text(
        svg,
        0.0,
        38.0,
        "axis",
        "start",
        "p50, multiples of raw TCP; less is better",
    )?;
    let bottom = TOP + rows.len() as f64 * ROW;
    for mark in [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0] {
        if mark <= most {
            mark_at(svg, x(mark), bottom, &format!("{mark}"))?;
        }
    }
    for (row, y) in rows.iter().zip(ys()) {
        text(svg, left - 8.0, y + 4.0, "", "end", &row.contender)?;
        let class = match OURS.contains(&row.contender.as_str()) {
            true => "c0",
            false => "other",
        };
        let (y, width) = (y - 7.0, (x(row.ratio_to_raw) - left).max(1.5));
        write!(
            svg,
            "<rect class='{class}' x='{left}' y='{y}' width='{width:.1}' height='14' rx='2'/>"
        )?;
        let label = match row.contender == RAW {
            true => format!("{:.1} us", row.p50_us),
            false => format!("{:.2}", row.ratio_to_raw),
        };
        text(svg, left + width + 6.0, y + 11.0, "axis", "start", &label)?;
    }
    Ok(())
}

/// A point for each contender, on a line for each shape.
fn transfers(svg: &mut String, rows: &[Row], works: &[String]) -> Result<(), Failure> {
    let (left, right) = (580.0, 860.0);
    let most = 1.2;
    let x = |share: f64| left + (right - left) * share.min(most) / most;
    text(svg, 420.0, 20.0, "title", "start", "8 MB")?;
    text(
        svg,
        420.0,
        38.0,
        "axis",
        "start",
        "share of the speed of raw TCP; more is better",
    )?;
    let bottom = TOP + works.len() as f64 * ROW;
    for tenths in (0..=12).step_by(2) {
        let mark = f64::from(tenths) / 10.0;
        mark_at(svg, x(mark), bottom, &format!("{mark:.1}"))?;
    }
    let mut at = 420.0;
    for (name, class) in COLOURS {
        write!(svg, "<circle class='{class}' cx='{at}' cy='56' r='4.5'/>")?;
        text(svg, at + 8.0, 60.0, "axis", "start", name)?;
        at += 22.0 + 6.2 * name.len() as f64;
    }
    for (work, y) in works.iter().zip(ys()) {
        let label = work.trim_start_matches("8 MB ");
        text(svg, left - 8.0, y + 4.0, "", "end", label)?;
        write!(
            svg,
            "<line class='grid' x1='{left}' y1='{y}' x2='{right}' y2='{y}'/>"
        )?;
        // The most important on top of the others.
        for (name, class) in COLOURS.iter().rev() {
            if let Some(row) = find(rows, work, name) {
                let cx = x(row.share_of_raw);
                write!(
                    svg,
                    "<circle class='{class}' cx='{cx:.1}' cy='{y}' r='4.5'/>"
                )?;
            }
        }
    }
    Ok(())
}

/// The middles of the rows.
fn ys() -> impl Iterator<Item = f64> {
    (0_u32..).map(|row| TOP + ROW * (f64::from(row) + 0.5))
}

fn mark_at(svg: &mut String, x: f64, bottom: f64, label: &str) -> Result<(), Failure> {
    let class = if label.parse() == Ok(1.0) {
        "raw"
    } else {
        "grid"
    };
    write!(
        svg,
        "<line class='{class}' x1='{x:.1}' y1='{TOP}' x2='{x:.1}' y2='{bottom}'/>"
    )?;
    text(svg, x, bottom + 16.0, "axis", "middle", label)
}

fn text(
    svg: &mut String,
    x: f64,
    y: f64,
    class: &str,
    anchor: &str,
    text: &str,
) -> Result<(), Failure> {
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    Ok(write!(
        svg,
        "<text class='{class}' x='{x:.1}' y='{y:.1}' text-anchor='{anchor}'>{text}</text>"
    )?)
}
