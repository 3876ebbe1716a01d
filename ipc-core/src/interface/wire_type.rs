//! Which types may be arguments and results.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A type that can be an argument or a result: everything that serde can serialise and deserialise.
///
/// Implemented by itself; there is nothing to write.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel over the wire",
    label = "used as an argument or result of a `#[remote]` method",
    note = "put `#[remote]` (or `#[derive(serde::Serialize, serde::Deserialize)]`) on `{Self}`, or on the type inside of it that lacks it, or hide the method with `#[remote(skip)]`",
    note = "a type of another crate travels if that crate has a feature `serde` that is switched on (for `Arc` it is the feature `rc` of serde itself); otherwise convert it into a type that travels: an array of more than 32 elements into a `Vec`"
)]
pub trait Wire: Serialize + DeserializeOwned + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + 'static> Wire for T {}

/// Compiles for types that can travel, and says what to do for others. Generated code asks this once per type; all other
/// steps accept any type, so that one mistake is one error.
pub fn wire<T: Wire>() {}

// The same requirement with advice of its own, for types that users often try. Generated code picks the question by the
// name of the type; a type of the user's that happens to have this name is taken all the same.

/// A driver that is an argument or a result of its own methods.
#[diagnostic::on_unimplemented(
    message = "the driver `{Self}` stays where it is: it cannot travel over the wire",
    label = "used as an argument or result of a `#[remote]` method",
    note = "take or return what callers need to know of it, or hide the method with `#[remote(skip)]`"
)]
#[doc(hidden)]
pub trait WireDriver: Wire {}

/// Asks that of a driver.
pub fn wire_driver<T: WireDriver>() {}

/// A point in time.
#[diagnostic::on_unimplemented(
    message = "an `{Self}` cannot travel over the wire: a point in time of one computer means nothing on another",
    label = "used as an argument or result of a `#[remote]` method",
    note = "send a `Duration`, such as the time since then, or a `SystemTime`"
)]
#[doc(hidden)]
pub trait WireInstant: Wire {}

/// Asks that of a point in time.
pub fn wire_instant<T: WireInstant>() {}

/// A file, a socket, a thread, one end of a channel.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` belongs to one process: it cannot travel over the wire",
    label = "used as an argument or result of a `#[remote]` method",
    note = "send what is in it, or what callers need to know of it; keep it in a field of the driver, or hide the method with `#[remote(skip)]`"
)]
#[doc(hidden)]
pub trait WireHandle: Wire {}

/// Asks that of such a handle.
pub fn wire_handle<T: WireHandle>() {}

/// An array, whose length may be a constant that only the compiler knows.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel over the wire",
    label = "used as an argument or result of a `#[remote]` method",
    note = "an array travels if its elements do, and if it has at most 32 of them, where serde stops: a `Vec` has no such limit"
)]
#[doc(hidden)]
pub trait WireArray: Wire {}

/// Asks that of an array.
pub fn wire_array<T: WireArray>() {}

macro_rules! for_all_that_travel {
    ($($advised:ident)*) => {
        $(
            #[diagnostic::do_not_recommend]
            impl<T: Wire> $advised for T {}
        )*
    };
}

for_all_that_travel!(WireDriver WireInstant WireHandle WireArray);
