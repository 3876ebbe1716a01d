//! Ctrl-C: the first one cancels the call that runs, the second one ends the program.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ipc_client::CancellationToken;

use crate::output::remark;
use crate::progress;

/// What Ctrl-C does.
#[derive(Clone)]
enum Effect {
    Ends,
    /// Cancels, and says so.
    Cancels(CancellationToken),
    /// Cancels in silence: it is how the command ends.
    Stops(CancellationToken),
    /// Nothing here: another program gets it as well.
    Nothing,
}

static EFFECT: Mutex<Effect> = Mutex::new(Effect::Ends);

/// Runs `run`, which Ctrl-C ends by cancelling `token`.
pub(crate) fn cancelling<T>(token: &CancellationToken, run: impl FnOnce() -> T) -> T {
    with(Effect::Cancels(token.clone()), run)
}

/// Runs `run`, which Ctrl-C brings to its end by cancelling `token`.
pub(crate) fn stopping<T>(token: &CancellationToken, run: impl FnOnce() -> T) -> T {
    with(Effect::Stops(token.clone()), run)
}

/// Runs `run` while another program of the same terminal handles Ctrl-C.
pub(crate) fn ignoring<T>(run: impl FnOnce() -> T) -> T {
    with(Effect::Nothing, run)
}

fn with<T>(effect: Effect, run: impl FnOnce() -> T) -> T {
    static HANDLER: OnceLock<bool> = OnceLock::new();
    // Without a handler, Ctrl-C ends the program at once.
    HANDLER.get_or_init(|| ctrlc::set_handler(on_ctrl_c).is_ok());
    let before = std::mem::replace(&mut *current(), effect);
    let result = run();
    *current() = before;
    result
}

/// Waits for `time`, or until `token` is cancelled. Returns whether it is.
pub(crate) fn comes_within(time: Duration, token: &CancellationToken) -> bool {
    let end = Instant::now() + time;
    while let left = end.saturating_duration_since(Instant::now())
        && !left.is_zero()
        && !token.is_cancelled()
    {
        thread::sleep(left.min(STEP));
    }
    token.is_cancelled()
}

fn on_ctrl_c() {
    let effect = current().clone();
    match effect {
        Effect::Cancels(token) if !token.is_cancelled() => {
            token.cancel();
            remark("cancelled; Ctrl-C once more ends the program");
        }
        Effect::Stops(token) if !token.is_cancelled() => token.cancel(),
        Effect::Nothing => {}
        Effect::Cancels(_) | Effect::Stops(_) | Effect::Ends => {
            progress::clear();
            std::process::exit(INTERRUPTED);
        }
    }
}

fn current() -> MutexGuard<'static, Effect> {
    EFFECT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Time between two looks at a token.
const STEP: Duration = Duration::from_millis(20);
/// The exit code of a program that Ctrl-C has ended, by the convention of shells.
const INTERRUPTED: i32 = 130;
