//! Numbers to be drawn as a line.

use std::collections::VecDeque;

use ipc_client::Value;

/// A line that is broken where numbers are missing.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Curve {
    parts: VecDeque<Vec<(f64, f64)>>,
    is_broken: bool,
    points: usize,
}

impl Curve {
    /// An array over its index.
    pub(super) fn of_array(values: &[f64]) -> Self {
        let mut curve = Self::default();
        for (index, value) in thinned(values) {
            curve.push(index, Some(value));
        }
        curve
    }

    /// Appends a point; nothing, or a number that is not finite, breaks the line. Forgets the oldest points.
    pub(super) fn push(&mut self, x: f64, y: Option<f64>) {
        let Some(y) = y.filter(|y| y.is_finite()) else {
            self.is_broken = true;
            return;
        };
        match self.parts.back_mut() {
            Some(part) if !self.is_broken => part.push((x, y)),
            _ => self.parts.push_back(vec![(x, y)]),
        }
        self.is_broken = false;
        self.points += 1;
        if self.points > MOST {
            self.forget_some();
        }
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = &[(f64, f64)]> {
        self.parts.iter().map(Vec::as_slice)
    }

    /// Where it begins.
    pub(super) fn first_x(&self) -> Option<f64> {
        self.points().next().map(|(x, _)| x)
    }

    pub(super) fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        self.parts.iter().flatten().copied()
    }

    /// Forgets many points at once, because each time costs as much as the whole line.
    fn forget_some(&mut self) {
        let mut count = MOST / 10;
        while let Some(part) = self.parts.front_mut()
            && count > 0
        {
            let forgotten = part.len().min(count);
            part.drain(..forgotten);
            count -= forgotten;
            self.points -= forgotten;
            if part.is_empty() {
                self.parts.pop_front();
            }
        }
    }
}

/// A value as an array of one dimension.
pub(super) fn array(value: &Value) -> Option<Vec<f64>> {
    match value {
        Value::Numbers(numbers) if numbers.shape().len() == 1 => Some(numbers.to_f64()),
        Value::Bytes(bytes) => Some(bytes.iter().map(|byte| f64::from(*byte)).collect()),
        Value::List(items) => items.iter().map(Value::to_f64).collect(),
        _ => None,
    }
}

/// The numbers with their indices: of a long array, the least and the greatest of each of some hundred parts, so that no
/// peak is lost.
fn thinned(values: &[f64]) -> Vec<(f64, f64)> {
    let indexed = || values.iter().copied().enumerate();
    let size = values.len().div_ceil(PARTS);
    if size <= 2 {
        return indexed().map(|(index, y)| (index as f64, y)).collect();
    }
    let mut points = Vec::new();
    for (part, first) in values.chunks(size).zip((0..).step_by(size)) {
        let indexed = || part.iter().copied().enumerate();
        let least = indexed().min_by(|(_, a), (_, b)| a.total_cmp(b));
        let greatest = indexed().max_by(|(_, a), (_, b)| a.total_cmp(b));
        let mut ends: Vec<_> = least.into_iter().chain(greatest).collect();
        ends.sort_by_key(|(index, _)| *index);
        ends.dedup();
        points.extend(ends.iter().map(|(index, y)| ((first + index) as f64, *y)));
    }
    points
}

/// Maximum number of points of a line. At two readings a second, these are 80 min.
const MOST: usize = 10_000;
/// Number of parts into which a long array is divided.
const PARTS: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(curve: &Curve) -> Vec<usize> {
        curve.parts().map(<[_]>::len).collect()
    }

    #[test]
    fn missing_numbers_break_the_line() {
        let mut curve = Curve::default();
        let nan = Some(f64::NAN);
        for (x, y) in [None, Some(1.0), Some(2.0), nan, None, Some(3.0)]
            .into_iter()
            .enumerate()
        {
            curve.push(x as f64, y);
        }
        assert_eq!(lengths(&curve), [2, 1]);
        assert_eq!(curve.first_x(), Some(1.0));
    }

    #[test]
    fn a_long_line_forgets_its_beginning() {
        let mut curve = Curve::default();
        let total = MOST * 3;
        for x in 0..total {
            // Parts of 700 points.
            curve.push(x as f64, (x % 701 != 0).then_some(1.0));
        }
        let count: usize = lengths(&curve).iter().sum();
        assert_eq!(count, curve.points);
        assert!((MOST - MOST / 10..=MOST).contains(&count), "{count}");
        assert_eq!(curve.points().last(), Some(((total - 1) as f64, 1.0)));
        assert!(lengths(&curve).iter().all(|len| *len > 0));
    }

    #[test]
    fn a_long_array_keeps_its_peaks() {
        let mut values = vec![0.0; 1_000_000];
        values[123_457] = 9.0;
        values[800_001] = -9.0;
        let curve = Curve::of_array(&values);
        let points: Vec<_> = curve.points().collect();
        assert!(points.len() <= 2 * PARTS, "{}", points.len());
        assert!(points.contains(&(123_457.0, 9.0)) && points.contains(&(800_001.0, -9.0)));
        assert!(points.is_sorted_by_key(|(x, _)| *x));
        let short = Curve::of_array(&[1.0, f64::INFINITY, 3.0]);
        assert_eq!(short.points().collect::<Vec<_>>(), [(0.0, 1.0), (2.0, 3.0)]);
        assert_eq!(lengths(&short), [1, 1]);
    }

    #[test]
    fn values_become_numbers_and_arrays() {
        assert_eq!(array(&vec![1_u16, 2].into()), Some(vec![1.0, 2.0]));
        assert_eq!(array(&Value::Bytes(vec![7])), Some(vec![7.0]));
        assert_eq!(array(&1.5.into()), None);
    }
}
