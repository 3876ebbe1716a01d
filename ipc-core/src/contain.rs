//! Containment of panics in code that belongs to the user: drivers, closures, callbacks, and whatever they drop.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs code of the user. A panic becomes an `Err` with its message.
///
/// State that the code was changing may be left half-changed; callers pass it on to the user's own code only.
pub fn contain<T>(code: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(code)).map_err(message_of)
}

fn message_of(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_string());
    let message = text
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "with a value that is not text".into());
    // `panic_any` takes any value, also one that panics again when it is dropped.
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(again);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::panic_any(Bomb);
        }
    }

    #[test]
    fn a_panic_is_its_message() {
        assert_eq!(contain(|| 7), Ok(7));
        assert_eq!(contain(|| panic!("plain")), Err::<(), _>("plain".into()));
        let formatted = contain(|| panic!("number {}", 7));
        assert_eq!(formatted, Err::<(), _>("number 7".into()));
    }

    #[test]
    fn a_value_that_panics_when_it_is_dropped_is_contained() {
        assert!(contain(|| drop(Bomb)).is_err());
    }
}
