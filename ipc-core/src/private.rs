//! What generated code may call, and nobody else: no part of the public interface, may change at any time.

pub use crate::error::CallError;
pub use crate::interface::accepted::{
    CannotShow, Shows, is_at_least, is_at_most, is_below, is_listed,
};
pub use crate::interface::autoref::{
    CannotPut, CannotTravel, HoldsCallError, IsNoResult, IsResult, MayFail, Never, Output, Probe,
    Puts, RaisesError, RaisesInto, RaisesIntoLocal, RaisesText, RaisesTextValue, RaisesValue,
    Returned, ReturnedPlain, SchemaByName, SchemaDescribed, SchemaFromJson, Travels,
};
pub use crate::interface::caller::{
    AsyncCaller, BlockingCaller, Caller, DeviceError, OutgoingCall, Proxy, Stub,
};
pub use crate::interface::context::CallContext;
pub use crate::interface::describe::{Argument, Interface, Method, MethodKind};
pub use crate::interface::field::{
    ArrayFieldOf, CannotSerialise, FieldOf, HandleFieldOf, InstantFieldOf, Serialises,
    SerialisesField, refused_deserialise, refused_serialise,
};
pub use crate::interface::function::Function;
pub use crate::interface::invocation::Invocation;
pub use crate::interface::remote::{Offer, Part, Remote, Shared, served};
pub use crate::interface::schema::{Describe, Field, Schema, Variant};
pub use crate::interface::spec::{
    ArgumentSpec, FieldSpec, MethodSpec, VariantSpec, enum_schema, interface, joined,
    lines_that_hold, method, name_of, struct_schema,
};
pub use crate::interface::wire_type::{
    Wire, wire, wire_array, wire_driver, wire_handle, wire_instant,
};
pub use crate::wire::failure::Failure;
pub use serde;
