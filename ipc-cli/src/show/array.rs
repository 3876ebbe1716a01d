//! Arrays of numbers on one line: their shape, their range, and a sparkline.

use ipc_client::{ElementType, Numbers, Value};

use super::inline::Detail;
use super::number::{number, rounded, with_unit};

/// `f64[4096]  min -0.1 V  max 0.9 V  mean 0.3 V  ▁▂▅█▅▂▁`, or the numbers themselves if they are few.
pub(super) fn array(numbers: &Numbers, unit: Option<&str>, detail: Detail) -> String {
    if numbers.len() <= FEW {
        return with_unit(all(numbers), unit);
    }
    let shape: Vec<_> = numbers.shape().iter().map(usize::to_string).collect();
    let name = format!("{}[{}]", numbers.element(), shape.join("×"));
    if numbers.element() == ElementType::Bool {
        let count = numbers.bytes().iter().filter(|byte| **byte == 1).count();
        return format!("{name}  {count} true");
    }
    let is_curve = numbers.shape().len() == 1;
    let values = numbers.to_f64();
    let at = |index| numbers.scalars().nth(index).unwrap_or_default();
    summary(name, &values, at, unit, detail, is_curve)
}

/// The same for a list of numbers of any type; `None` if there is anything else in it, or if it has few.
pub(super) fn list(items: &[Value], unit: Option<&str>, detail: Detail) -> Option<String> {
    if items.len() <= FEW {
        return None;
    }
    let values: Option<Vec<f64>> = items.iter().map(Value::to_f64).collect();
    let name = format!("[{} numbers]", items.len());
    let at = |index| items.get(index).cloned().unwrap_or_default();
    Some(summary(name, &values?, at, unit, detail, true))
}

fn all(numbers: &Numbers) -> String {
    if let ([], Some(only)) = (numbers.shape(), numbers.scalars().next()) {
        return number(&only);
    }
    let items = numbers.items().map(|item| match &item {
        Value::Numbers(inner) => all(inner),
        item => number(item),
    });
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

fn summary(
    name: String,
    values: &[f64],
    at: impl Fn(usize) -> Value,
    unit: Option<&str>,
    detail: Detail,
    is_curve: bool,
) -> String {
    let mut parts = vec![name];
    let numbers = || values.iter().enumerate().filter(|(_, it)| !it.is_nan());
    let low = numbers().min_by(|(_, a), (_, b)| a.total_cmp(b));
    let high = numbers().max_by(|(_, a), (_, b)| a.total_cmp(b));
    let nans = values.iter().filter(|it| it.is_nan()).count();
    let mean = mean(values);
    match (low, high, detail) {
        (Some((low, _)), Some((high, _)), Detail::Full) => {
            let part = |name, text| with_unit(format!("{name} {text}"), unit);
            parts.push(part("min", number(&at(low))));
            parts.push(part("max", number(&at(high))));
            parts.push(part("mean", rounded(mean, 6)));
        }
        (Some((_, low)), Some((_, high)), Detail::Brief) => {
            let range = format!("{} .. {}", rounded(*low, 4), rounded(*high, 4));
            parts.push(with_unit(range, unit));
        }
        _ => {}
    }
    if nans > 0 {
        parts.push(format!("{nans} NaN"));
    }
    if is_curve && low.is_some() {
        let width = match detail {
            Detail::Full => 40,
            Detail::Brief => 16,
        };
        parts.push(sparkline(values, mean, width));
    }
    parts.join(match detail {
        Detail::Full => "  ",
        Detail::Brief => " ",
    })
}

/// The mean of the numbers that are not NaN, also if their sum is too large.
fn mean(values: &[f64]) -> f64 {
    let infinite: f64 = values.iter().filter(|it| it.is_infinite()).sum();
    if infinite != 0.0 {
        return infinite;
    }
    let numbers = values.iter().filter(|it| !it.is_nan());
    let counts = (1_u64..).map(|count| count as f64);
    numbers.zip(counts).fold(0.0, |mean, (value, count)| {
        mean + (value / count - mean / count)
    })
}

/// At most `width` blocks whose heights are those of the numbers. Of several numbers under one block, the one that is
/// farthest from the mean counts, so that no peak is lost. Where none is finite, there is a space.
fn sparkline(values: &[f64], mean: f64, width: usize) -> String {
    let finite = || values.iter().copied().filter(|it| it.is_finite());
    let low = finite().fold(f64::INFINITY, f64::min);
    let high = finite().fold(f64::NEG_INFINITY, f64::max);
    let width = width.min(values.len());
    let end = |block: usize| block * values.len() / width.max(1);
    let blocks = (0..width).map(|block| {
        let part = values.get(end(block)..end(block + 1)).unwrap_or_default();
        let finite = part.iter().filter(|it| it.is_finite());
        let farthest = finite.max_by(|a, b| (*a - mean).abs().total_cmp(&(*b - mean).abs()));
        // Halved, because the difference of two numbers can be too large.
        let height = farthest.map(|it| (it / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0));
        height.map_or(' ', block_of)
    });
    blocks.collect()
}

/// The block of a height from 0 to 1. Equal numbers have none: the lowest.
fn block_of(height: f64) -> char {
    let blocks = (1_u8..).map(|step| f64::from(step) / 8.0).zip(BLOCKS);
    let reached = blocks.into_iter().find(|(top, _)| height <= *top);
    reached.map_or(BLOCKS[0], |(_, block)| block)
}

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Number of numbers that are shown themselves.
const FEW: usize = 8;
