//! The line at the bottom of the terminal: what a call waits for, or how far it is.
//!
//! There is one for the process, as there is one terminal. What calls wait for is also told where standard error is not a
//! terminal, by a line from time to time.

use std::io::{self, IsTerminal};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use ipc_core::wire::sanitize::{fit_for_progress, printable};

use crate::output::is_at_prompt;

/// What is shown.
struct Status {
    bar: Option<(Kind, ProgressBar)>,
    /// When something was last told where there is no terminal.
    told: Option<Instant>,
    /// The remarks that are kept back while another display has the terminal.
    kept: Option<Vec<String>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Waiting,
    Running,
}

static STATUS: Mutex<Status> = Mutex::new(Status {
    bar: None,
    told: None,
    kept: None,
});

/// Shows what a call waits for.
pub(crate) fn waits(text: &str) {
    if is_at_prompt() {
        return;
    }
    let mut status = status();
    if status.kept.is_some() {
        return;
    }
    if io::stderr().is_terminal() {
        status.bar(Kind::Waiting).set_message(on_one_line(text));
    } else if status.told.is_none_or(|told| told.elapsed() >= BETWEEN) {
        status.told = Some(Instant::now());
        drop(status);
        crate::output::remark(text);
    }
}

/// Shows how far a call is, from 0 to 1, at a terminal.
pub(crate) fn runs(fraction: f64, message: &str) {
    if is_at_prompt() || !io::stderr().is_terminal() || status().kept.is_some() {
        return;
    }
    let bar = status().bar(Kind::Running);
    let fraction = fraction.clamp(0.0, 1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is from 0 to 1"
    )]
    bar.set_position((fraction * STEPS) as u64);
    bar.set_message(on_one_line(&fit_for_progress(message)));
}

/// Removes the line.
pub(crate) fn clear() {
    let mut status = status();
    status.told = None;
    if let Some((_, bar)) = status.bar.take() {
        bar.finish_and_clear();
    }
}

/// Writes something else to the terminal, with the line out of the way.
pub(crate) fn suspended<T>(write: impl FnOnce() -> T) -> T {
    let bar = status().bar.as_ref().map(|(_, bar)| bar.clone());
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// Runs `run`, which has the terminal for itself: there is no line, and remarks are kept back until it ends.
pub(crate) fn covered<T>(run: impl FnOnce() -> T) -> T {
    clear();
    if io::stderr().is_terminal() {
        status().kept = Some(Vec::new());
    }
    let result = run();
    let kept = status().kept.take();
    kept.into_iter().flatten().for_each(crate::output::remark);
    result
}

/// Keeps a remark back if another display has the terminal. Returns false if it is to be written.
pub(crate) fn keep_back(text: &str) -> bool {
    let mut status = status();
    let Some(kept) = &mut status.kept else {
        return false;
    };
    if kept.len() < KEPT {
        kept.push(text.to_string());
    }
    true
}

/// The last remark that was kept back.
pub(crate) fn last_remark() -> Option<String> {
    status().kept.as_ref()?.last().cloned()
}

impl Status {
    fn bar(&mut self, kind: Kind) -> ProgressBar {
        match &self.bar {
            Some((is, bar)) if *is == kind => return bar.clone(),
            Some((_, other)) => other.finish_and_clear(),
            None => {}
        }
        let bar = match kind {
            Kind::Waiting => styled(ProgressBar::new_spinner(), "{spinner} {wide_msg}"),
            Kind::Running => styled(
                ProgressBar::new(STEPS as u64),
                "[{bar:30}] {percent:>3}%  {elapsed}  {wide_msg}",
            ),
        };
        bar.enable_steady_tick(TICK);
        self.bar = Some((kind, bar.clone()));
        bar
    }
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    }
}

/// Texts come from servers.
fn on_one_line(text: &str) -> String {
    printable(text.to_string()).replace(['\n', '\t'], " ")
}

fn status() -> MutexGuard<'static, Status> {
    STATUS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Time between two lines where there is no terminal.
const BETWEEN: Duration = Duration::from_secs(5);
const TICK: Duration = Duration::from_millis(100);
const STEPS: f64 = 1000.0;
/// Maximum number of remarks that are kept back.
const KEPT: usize = 100;
