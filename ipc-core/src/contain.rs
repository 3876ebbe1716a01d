//! Containment of panics in code of the user, which must not unwind through this library: drivers, callbacks, hooks, and
//! the destructors of their values.

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs code of the user. A panic becomes an `Err` with its message.
///
/// Also safe in a destructor that runs because of another panic, where a second one would abort the process. State that
/// the code was changing may be left half-changed; callers pass it on to the user's own code only.
#[inline]
pub fn contain<T>(code: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(code)).map_err(message_of)
}

/// Runs `code` like [`contain`]. A panic is logged as one of `what`.
pub fn contain_logged<T>(what: &str, code: impl FnOnce() -> T) -> Option<T> {
    let message = match contain(code) {
        Ok(value) => return Some(value),
        Err(message) => message,
    };
    // The log may be written by code that panics in its turn, to an output that is closed for example.
    discard_panic(|| tracing::error!("{what} panicked: {message}"));
    None
}

/// The text of a panic. The value it was raised with is dropped; a panic of its destructor ends here.
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
        // To drop it might panic again, and so on.
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
