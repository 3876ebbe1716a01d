//! What generated code may call, and nobody else: no part of the public interface, may change at any time.

pub use crate::interface::caller::{BlockingCaller, Caller, OutgoingCall, Proxy, Stub};
pub use crate::interface::context::CallContext;
pub use crate::interface::describe::{Argument, Interface, Method, MethodKind};
pub use crate::interface::function::Function;
pub use crate::interface::invocation::{Failure, Invocation};
pub use crate::interface::remote::Remote;
pub use crate::interface::schema::{Describe, Field, Schema, Variant};
pub use crate::interface::wire_type::Wire;
