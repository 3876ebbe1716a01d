//! Runs models.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

/// Runs `model` through all interleavings with at most `preemptions` preemptions, or through all there are.
pub(crate) fn holds(preemptions: Option<usize>, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(preemptions);
    builder.check(model);
}

/// Runs `model`, which must fail in some interleaving, with a message that contains `why`. Begins with few preemptions, which
/// most failures need.
pub(crate) fn fails(why: &str, model: impl Fn() + Send + Sync + Copy + 'static) {
    silence_expected_panics();
    IS_EXPECTED.set(true);
    let run = |preemptions| {
        panic::catch_unwind(AssertUnwindSafe(|| holds(Some(preemptions), model))).err()
    };
    let failure = (1..=3).find_map(run);
    IS_EXPECTED.set(false);
    let Some(failure) = failure else {
        panic!("no interleaving failed");
    };
    let text = failure.downcast_ref::<String>().map(String::as_str);
    let text = text.or(failure.downcast_ref::<&str>().copied());
    let text = text.unwrap_or_default();
    assert!(text.contains(why), "failed for another reason: {text}");
}

/// Part of what loom says if no thread can go on.
pub(crate) const DEADLOCK: &str = "deadlock";

thread_local! {
    /// All threads of a model are coroutines of the thread that runs it.
    static IS_EXPECTED: Cell<bool> = const { Cell::new(false) };
}

fn silence_expected_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IS_EXPECTED.get() {
                report(info);
            }
        }));
    });
}
