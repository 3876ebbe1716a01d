//! Types that can be arguments and results.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A type that can be an argument or a result: any type that serde can serialise and deserialise.
///
/// Implemented for all types that qualify.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel over the wire",
    label = "used as an argument or result of a `#[remote]` method",
    note = "put `#[remote]` (or `#[derive(serde::Serialize, serde::Deserialize)]`) on `{Self}`, or on the type inside of it that lacks it, or hide the method with `#[remote(skip)]`",
    note = "a type of another crate travels if that crate has a feature `serde` that is switched on (for `Arc` it is the feature `rc` of serde itself); otherwise convert it into a type that travels: an array of more than 32 elements into a `Vec`"
)]
pub trait Wire: Serialize + DeserializeOwned + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + 'static> Wire for T {}
