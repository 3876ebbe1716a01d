//! The items that generated code uses. Not part of the public interface; they can change at any time.

pub use crate::error::CallError;
pub use crate::interface::caller::{
    AsyncCaller, BlockingCaller, Caller, DeviceError, OutgoingCall, Proxy, Stub,
};
pub use crate::interface::context::CallContext;
pub use crate::interface::describe::{Interface, Method, MethodKind};
pub use crate::interface::function::Function;
pub use crate::interface::invocation::Invocation;
pub use crate::interface::macro_support::errors::{
    ErrorText, RaisesError, RaisesInto, RaisesIntoLocal, RaisesText, RaisesTextValue, RaisesValue,
};
pub use crate::interface::macro_support::field::{
    ArrayField, ArrayFieldOf, CannotSerialise, Field, FieldOf, HandleField, HandleFieldOf,
    InstantField, InstantFieldOf, Serialises, SerialisesField, refused_deserialise,
    refused_serialise,
};
pub use crate::interface::macro_support::limit::{Limit, Listed, Ordered, list, range};
pub use crate::interface::macro_support::probe::{
    CannotPut, CannotTravel, LendsLists, Probe, Puts, SchemaByName, SchemaDescribed, ShowsLists,
    ShowsNoLists, Travels,
};
pub use crate::interface::macro_support::results::{
    HoldsCallError, IsNoResult, IsResult, MayFail, Never, Output, Returned, ReturnedPlain,
};
pub use crate::interface::macro_support::spec::{
    ArgumentSpec, FieldSpec, MethodSpec, VariantSpec, enum_schema, interface, joined,
    lines_that_hold, method, name_of, struct_schema,
};
pub use crate::interface::macro_support::travel::{
    WireArray, WireDriver, WireHandle, WireInstant, wire, wire_array, wire_driver, wire_handle,
    wire_instant,
};
pub use crate::interface::macro_support::urgent::{joined_urgent, urgent};
pub use crate::interface::remote::{Offer, Part, Remote, Urgent};
pub use crate::interface::schema::{Describe, Schema};
pub use crate::interface::wire_type::Wire;
pub use crate::wire::block::{Probe as ArgumentProbe, ValueProbe};
pub use crate::wire::bulk::{LongLists, Visit};
pub use crate::wire::codec::{ValueReader, probe};
pub use crate::wire::failure::Failure;
pub use serde;

/// serde's derives. A type with its own serde `#[derive]` above `#[remote]` gets them twice, and the compiler's error
/// shows this path.
pub mod put_remote_above_derive {
    pub use serde::{Deserialize, Serialize};
}
