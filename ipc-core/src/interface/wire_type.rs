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
    note = "a type of another crate travels if that crate has a feature `serde` that is switched on (for `Arc` and `Rc` it is the feature `rc` of serde itself); otherwise convert it into a type that travels"
)]
pub trait Wire: Serialize + DeserializeOwned + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + 'static> Wire for T {}

/// A driver that can be an argument or a result of its own methods.
#[diagnostic::on_unimplemented(
    message = "the driver `{Self}` stays where it is: it cannot travel over the wire",
    label = "used as an argument or result of a `#[remote]` method",
    note = "take or return what callers need to know of it, or hide the method with `#[remote(skip)]`"
)]
pub trait WireDriver: Wire {}

#[diagnostic::do_not_recommend]
impl<T: Wire> WireDriver for T {}
