//! Calls by name that are as good as typed ones.
//!
//! A [`DynamicServer`] knows what its server offers from the server's own description. It checks and encodes arguments by
//! that description, and sends an ordinary typed call with its fingerprint; the result is a [`Value`](super::value::Value).
//! Bytes and speed are those of the same call through a proxy.
//!
//! If a type of the method is known by its name only, as those of other crates are, or if a default that was left out is no
//! plain value, the call goes by name in self-describing form instead, and the server checks the arguments.

mod arguments;
mod find;
mod known;
mod literal;
mod read;
mod server;
mod shape;
mod write;

pub use find::Found;
pub use known::Described;
pub(crate) use known::{DynamicMethod, shaped};
pub(crate) use read::read;
pub use server::{DynamicDevice, DynamicServer};

#[cfg(test)]
mod tests;

/// The arguments of a call by name, by position and by their names: `args![20, gain = 0.5]`.
///
/// Each is anything that converts into a [`Value`](crate::Value): a number, a text, a list of numbers, an option of these.
/// For other types, there is [`Value::from_serialize`](crate::Value::from_serialize). Makes [`Args`](crate::Args).
///
/// ```
/// use ipc_core::{Value, args};
///
/// # #[derive(serde::Serialize)] struct Window { low: f64, high: f64 }
/// # let window = Window { low: 0.0, high: 1.0 };
/// let samples = vec![0.5, 1.0, 1.5];
/// let args = args![samples, repeat = 20, mode = "fast", window = Value::from_serialize(&window)?];
/// # let _ = args;
/// # Ok::<(), ipc_core::CodecError>(())
/// ```
#[macro_export]
macro_rules! args {
    (@ $args:expr;) => { $args };
    (@ $args:expr; $name:ident = $value:expr) => {
        $args.with_named(::core::stringify!($name), $value)
    };
    (@ $args:expr; $name:ident = $value:expr, $($rest:tt)*) => {
        $crate::args!(@ $args.with_named(::core::stringify!($name), $value); $($rest)*)
    };
    (@ $args:expr; $value:expr) => { $args.with($value) };
    (@ $args:expr; $value:expr, $($rest:tt)*) => {
        $crate::args!(@ $args.with($value); $($rest)*)
    };
    ($($all:tt)*) => { $crate::args!(@ $crate::Args::new(); $($all)*) };
}
