//! What a driver offers, how calls run, and what makes them.

pub mod args;
pub mod batch;
pub mod blocked;
pub mod bounds;
pub mod caller;
pub mod commands;
pub mod context;
#[doc(hidden)]
pub mod current;
mod definitions;
pub mod describe;
pub mod dynamic;
pub mod function;
pub(crate) mod gate;
pub mod invocation;
pub mod job;
pub mod local;
#[doc(hidden)]
pub mod macro_support;
pub mod mock;
pub mod own_thread;
pub(crate) mod readings;
pub mod registry;
pub mod remote;
pub mod schema;
pub mod similar;
pub mod slot;
pub mod value;
mod waits;
pub mod wire_type;
