//! The requirement that a type can travel, with advice for types that users often try.

use crate::interface::wire_type::Wire;

/// Compiles for types that can travel. Generated code calls it once per type; all other generated code accepts any type, so
/// that one mistake is one error.
pub fn wire<T: Wire>() {}

// The same requirement with specific advice. Generated code chooses the trait by the name of the type. A type of the user
// that happens to have such a name is accepted if it can travel.

/// A driver as an argument or result of its own methods.
#[diagnostic::on_unimplemented(
    message = "the driver `{Self}` stays where it is: it cannot travel over the wire",
    label = "used as an argument or result of a `#[remote]` method",
    note = "take or return what callers need to know of it, or hide the method with `#[remote(skip)]`"
)]
#[doc(hidden)]
pub trait WireDriver: Wire {}

/// [`wire`] for a driver.
pub fn wire_driver<T: WireDriver>() {}

/// A point in time.
#[diagnostic::on_unimplemented(
    message = "an `{Self}` cannot travel over the wire: a point in time of one computer means nothing on another",
    label = "used as an argument or result of a `#[remote]` method",
    note = "send a `Duration`, such as the time since then, or a `SystemTime`"
)]
#[doc(hidden)]
pub trait WireInstant: Wire {}

/// [`wire`] for a point in time.
pub fn wire_instant<T: WireInstant>() {}

/// A file, a socket, a thread or one end of a channel.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` belongs to one process: it cannot travel over the wire",
    label = "used as an argument or result of a `#[remote]` method",
    note = "send what is in it, or what callers need to know of it; keep it in a field of the driver, or hide the method with `#[remote(skip)]`"
)]
#[doc(hidden)]
pub trait WireHandle: Wire {}

/// [`wire`] for such a handle.
pub fn wire_handle<T: WireHandle>() {}

/// An array. Its length may be a constant that only the compiler knows.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel over the wire",
    label = "used as an argument or result of a `#[remote]` method",
    note = "an array travels if its elements do, and if it has at most 32 of them, where serde stops: a `Vec` has no such limit"
)]
#[doc(hidden)]
pub trait WireArray: Wire {}

/// [`wire`] for an array.
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
