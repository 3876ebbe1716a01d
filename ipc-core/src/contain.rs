//! Contains panics in user code (drivers, callbacks, hooks, and the destructors of their values), which must not unwind
//! through this library.

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs user code. A panic becomes an `Err` with its message.
///
/// Also safe in a destructor that runs during another panic, where a second panic would abort the process. The code may
/// leave its state half-changed; callers pass that state to the user's own code only.
#[inline]
pub fn contain<T>(code: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(code)).map_err(message_of)
}

/// Runs `code` like [`contain`], and logs a panic as "`what` panicked".
pub fn contain_logged<T>(what: &str, code: impl FnOnce() -> T) -> Option<T> {
    let message = match contain(code) {
        Ok(value) => return Some(value),
        Err(message) => message,
    };
    // Writing the log may panic, too, for example if its output is closed.
    discard_panic(|| tracing::error!("{what} panicked: {message}"));
    None
}

/// Returns the text of a panic. The panic's value is dropped; a panic in its destructor is contained.
fn message_of(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_string());
    let message = text
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "with a value that is not text".into());
    discard_panic(move || drop(panic));
    message
}

fn discard_panic(code: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(code)) {
        // Dropping it might panic again, and so on.
        mem::forget(panic);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use super::*;

    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic_any(Bomb);
        }
    }

    #[test]
    fn no_panic_gets_out_whatever_it_is_raised_with() {
        assert_eq!(contain(|| 7), Ok(7));
        assert_eq!(contain(|| panic!("plain")), Err::<(), _>("plain".into()));
        assert_eq!(contain_logged("a test", || 7), Some(7));
        assert_eq!(
            contain_logged("a test", || panic!("text {}", 1)),
            None::<()>
        );
        assert_eq!(contain_logged("a test", || panic_any(7)), None::<()>);
        assert_eq!(contain_logged("a test", || panic_any(Bomb)), None::<()>);
        assert_eq!(contain_logged("a test", || drop(Bomb)), None);
    }

    #[test]
    fn a_panic_inside_of_another_one_does_not_abort() {
        struct Guard;
        impl Drop for Guard {
            fn drop(&mut self) {
                contain_logged("a test", || panic!("second"));
            }
        }
        let first = contain(|| {
            let _guard = Guard;
            panic!("first");
        });
        assert_eq!(first, Err::<(), _>("first".into()));
    }
}
