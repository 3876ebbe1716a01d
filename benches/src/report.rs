//! The figures as a table.

use crate::rounds::Row;

/// Prints the rows of one work: where they ran side by side, contenders below each other.
pub fn print(rows: &[Row]) {
    let Some(first) = rows.first() else { return };
    println!("\n{}", first.work);
    println!(
        "  {:<22} {:<7} {:>12} {:>12} {:>8} {:>10} {:>7}",
        "", "", "p50 us", "p99 us", "x raw", "+ us", "of raw"
    );
    for row in rows {
        let raw = rows
            .iter()
            .find(|raw| raw.placement == row.placement)
            .map_or(row.p50_us, |raw| raw.p50_us);
        println!(
            "  {:<22} {:<7} {:>12.2} {:>12.2} {:>8.2} {:>10.2} {:>7.2}",
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
