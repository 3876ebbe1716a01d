//! One chart: lines with axes.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Color;
use ratatui::symbols::Marker;
use ratatui::widgets::{Axis, Chart, Dataset, GraphType};

use super::curve::Curve;
use crate::show;

/// Lines that share a scale.
pub(super) struct Drawing<'a> {
    pub(super) curves: Vec<(&'a Curve, Color)>,
    /// The unit of the numbers.
    pub(super) unit: String,
    /// Where the horizontal axis begins and ends.
    pub(super) x: [f64; 2],
    /// What stands at its two ends.
    pub(super) x_labels: [String; 2],
}

impl Drawing<'_> {
    pub(super) fn draw(&self, frame: &mut Frame<'_>, area: Rect) {
        let datasets = self.curves.iter().flat_map(|(curve, color)| {
            curve.parts().map(|part| {
                Dataset::default()
                    .data(part)
                    .marker(Marker::Braille)
                    .graph_type(GraphType::Line)
                    .style(*color)
            })
        });
        let points = self.curves.iter().flat_map(|(curve, _)| curve.points());
        let y = bounds(points.map(|(_, y)| y));
        let y_axis = Axis::default().bounds(y).labels(labels(y));
        let x_axis = Axis::default().bounds(self.x).labels(self.x_labels.clone());
        let chart = Chart::new(datasets.collect())
            .x_axis(x_axis)
            .y_axis(y_axis.title(self.unit.as_str()))
            .legend_position(None);
        frame.render_widget(chart, area);
    }
}

/// The ends of an axis on which all `values` are inside, which is never empty.
fn bounds(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if low > high {
        return [0.0, 1.0];
    }
    // Halved, because the difference of two numbers can be too large.
    let margin = match (high / 2.0 - low / 2.0) * 0.1 {
        0.0 if low == 0.0 => 1.0,
        0.0 => low.abs() * 0.1,
        margin => margin,
    };
    [(low - margin).max(f64::MIN), (high + margin).min(f64::MAX)]
}

/// The numbers at the vertical axis, with as many digits as tell them apart.
fn labels([low, high]: [f64; 2]) -> [String; 3] {
    let span = high / 2.0 - low / 2.0;
    let ratio = (low.abs().max(high.abs()) / span).log10();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is from 0 to 15"
    )]
    let digits = 2 + ratio.clamp(0.0, 15.0).ceil() as usize;
    let middle = low / 2.0 + high / 2.0;
    [low, middle, high].map(|number| match number.abs() < span * 1e-6 {
        true => "0".into(),
        false => show::rounded(number, digits),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_hold_all_numbers() {
        for values in [
            vec![],
            vec![0.0],
            vec![1.5],
            vec![-2.0, -2.0],
            vec![1.0, 2.0],
            vec![f64::MIN, f64::MAX],
            vec![1e-300, 2e-300],
            vec![5e-324],
        ] {
            let [low, high] = bounds(values.iter().copied());
            assert!(low.is_finite() && high.is_finite(), "{values:?}");
            assert!(low < high || values == [5e-324], "{values:?}");
            assert!(
                values.iter().all(|it| (low..=high).contains(it)),
                "{values:?}"
            );
        }
        assert_eq!(bounds([0.0, 10.0].into_iter()), [-0.5, 10.5]);
    }

    #[test]
    fn labels_differ() {
        assert_eq!(labels([0.0, 1.0]), ["0", "0.5", "1"]);
        assert_eq!(labels([-1.0, 1.0]), ["-1", "0", "1"]);
        assert_eq!(labels([1.5, 1.5002]), ["1.5", "1.5001", "1.5002"]);
        assert_eq!(labels([1e-9, 3e-9]), ["1e-9", "2e-9", "3e-9"]);
    }
}
