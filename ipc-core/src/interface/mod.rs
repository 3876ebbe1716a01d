//! What a driver offers, how it is called, and what calls it.

#[doc(hidden)]
pub mod accepted;
pub mod args;
#[doc(hidden)]
pub mod autoref;
mod bounds;
pub mod caller;
pub mod context;
#[doc(hidden)]
pub mod current;
mod definitions;
pub mod describe;
#[doc(hidden)]
pub mod field;
pub mod function;
pub mod invocation;
#[cfg(feature = "schemars")]
mod json_schema;
pub mod local;
pub mod mock;
mod readable;
pub mod registry;
pub mod remote;
pub mod schema;
mod similar;
pub mod slot;
#[doc(hidden)]
pub mod spec;
pub mod value;
pub mod wire_type;
