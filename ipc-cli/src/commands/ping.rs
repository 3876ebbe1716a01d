//! `ipc ping`: how long the server takes to answer.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::arguments::PingOptions;
use crate::connect::Session;
use crate::failure::Failure;
use crate::output::Output;

pub(crate) fn run(session: &Session, options: &PingOptions, output: Output) -> Result<(), Failure> {
    let mut times = round_trips(session, options.count)?;
    times.sort_unstable();
    let (Some(min), Some(max)) = (times.first(), times.last()) else {
        return Ok(());
    };
    let median = times.get(times.len() / 2).unwrap_or(max);
    let ms = |time: &Duration| time.as_secs_f64() * 1e3;
    match output.json {
        true => output.json_line(&json!({
            "count": times.len(),
            "min_ms": ms(min),
            "median_ms": ms(median),
            "max_ms": ms(max),
        })),
        false => output.line(format!(
            "{} answers of {}: min {:.2} ms, median {:.2} ms, max {:.2} ms",
            times.len(),
            session.server.address,
            ms(min),
            ms(median),
            ms(max)
        )),
    }
}

/// The time of each of `count` questions, over a connection that exists already.
pub(crate) fn round_trips(session: &Session, count: u32) -> Result<Vec<Duration>, Failure> {
    let question = || session.command(|client| client.server().devices());
    question()?;
    let times = (0..count).map(|_| {
        let asked = Instant::now();
        question().map(|_| asked.elapsed())
    });
    times.collect()
}
