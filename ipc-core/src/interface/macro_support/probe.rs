//! Questions about types: what a type can do, answered by the best implementation that applies.
//!
//! Generated code sees concrete types but does not know their traits. A method call on `&&Probe::<T>` resolves to the
//! implementation with the most references whose bounds hold. Each question is therefore a ladder of traits with the same
//! method name, and the step with the most references is the preferred answer.

use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;

use crate::interface::caller::{Caller, OutgoingCall, Stub};
use crate::interface::invocation::Invocation;
use crate::interface::schema::{Describe, Schema};
use crate::interface::wire_type::Wire;
use crate::wire::bulk::{LongLists, Visit};
use crate::wire::codec::{self, ValueReader};
use crate::wire::failure::Failure;

/// What can the type `T` do?
pub struct Probe<T: ?Sized>(PhantomData<fn() -> PhantomData<T>>);

impl<T: ?Sized> Probe<T> {
    /// The question about `T`.
    pub const NEW: Self = Self(PhantomData);

    /// The question about the type of `value`.
    pub fn of(_value: &T) -> Self {
        Self::NEW
    }
}

impl<T: ?Sized> fmt::Debug for Probe<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Probe")
    }
}

// The schema of a type: its own, or its name.

/// For types that describe themselves.
#[doc(hidden)]
pub trait SchemaDescribed {
    /// The schema of the type.
    fn schema(&self) -> Schema;
}

/// For all other types, which are known by name only.
#[doc(hidden)]
pub trait SchemaByName {
    /// The name of the type as a schema.
    fn schema(&self) -> Schema;
}

impl<T: Describe + ?Sized> SchemaDescribed for &Probe<T> {
    fn schema(&self) -> Schema {
        T::schema()
    }
}

impl<T: ?Sized> SchemaByName for Probe<T> {
    fn schema(&self) -> Schema {
        Schema::by_name::<T>()
    }
}

// Arguments and results.

/// For types that can travel.
#[doc(hidden)]
pub trait Travels<T> {
    /// Takes the next argument of a call.
    fn take(&self, call: &mut Invocation<'_>) -> Result<T, Failure>;
    /// Reads an argument to find its long lists.
    fn probe(&self, reader: &mut ValueReader<'_>) -> bool;
    /// Takes the next argument of a call, or its default.
    fn take_or(&self, call: &mut Invocation<'_>, default: fn() -> T) -> Result<T, Failure>;
    /// Answers a call.
    fn answer(&self, call: &mut Invocation<'_>, result: T) -> Result<(), Failure>;
    /// Makes a call.
    fn send<C: Caller>(&self, stub: &Stub<C>, call: OutgoingCall) -> C::Reply<T>
    where
        T: Send + 'static;
}

/// For types that cannot travel, which [`wire`](super::travel::wire) has reported.
#[doc(hidden)]
pub trait CannotTravel<T> {
    /// Never runs.
    fn take(&self, _call: &mut Invocation<'_>) -> Result<T, Failure> {
        never::<T, _>()
    }
    /// Never runs.
    fn probe(&self, _reader: &mut ValueReader<'_>) -> bool {
        never::<T, _>()
    }
    /// Never runs.
    fn take_or(&self, _call: &mut Invocation<'_>, _default: fn() -> T) -> Result<T, Failure> {
        never::<T, _>()
    }
    /// Never runs.
    fn answer(&self, _call: &mut Invocation<'_>, _result: T) -> Result<(), Failure> {
        never::<T, _>()
    }
    /// Never runs.
    fn send<C: Caller>(&self, _stub: &Stub<C>, _call: OutgoingCall) -> C::Reply<T>
    where
        T: Send + 'static,
    {
        never::<T, _>()
    }
}

impl<T: Wire> Travels<T> for &Probe<T> {
    fn take(&self, call: &mut Invocation<'_>) -> Result<T, Failure> {
        call.argument()
    }

    fn probe(&self, reader: &mut ValueReader<'_>) -> bool {
        codec::probe::<T>(reader)
    }

    fn take_or(&self, call: &mut Invocation<'_>, default: fn() -> T) -> Result<T, Failure> {
        call.argument_or(default)
    }

    fn answer(&self, call: &mut Invocation<'_>, result: T) -> Result<(), Failure> {
        call.succeed(result)
    }

    fn send<C: Caller>(&self, stub: &Stub<C>, call: OutgoingCall) -> C::Reply<T>
    where
        T: Send + 'static,
    {
        stub.send(call)
    }
}

impl<T> CannotTravel<T> for Probe<T> {}

// The long lists of a value.

/// For types whose long lists can be taken out, to be sent from where they lie.
#[doc(hidden)]
pub trait LendsLists<T> {
    /// Answers a call.
    fn answer(&self, call: &mut Invocation<'_>, result: T) -> Result<(), Failure>;
    /// Adds an argument to a call.
    fn put_owned(&self, call: &mut OutgoingCall, value: T);
}

impl<T: Wire + LongLists> LendsLists<T> for &&Probe<T> {
    fn answer(&self, call: &mut Invocation<'_>, result: T) -> Result<(), Failure> {
        call.succeed_in_place(result)
    }

    fn put_owned(&self, call: &mut OutgoingCall, value: T) {
        call.owned_argument(value);
    }
}

/// For fields with long lists.
#[doc(hidden)]
pub trait ShowsLists<T> {
    /// Calls `visit` for each list in the field.
    fn visit_lists(&self, field: &mut T, visit: &mut Visit<'_>);
}

/// For fields without long lists.
#[doc(hidden)]
pub trait ShowsNoLists<T> {
    /// Does nothing.
    fn visit_lists(&self, _field: &mut T, _visit: &mut Visit<'_>) {}
}

impl<T: LongLists> ShowsLists<T> for &Probe<T> {
    fn visit_lists(&self, field: &mut T, visit: &mut Visit<'_>) {
        field.visit_lists(visit);
    }
}

impl<T> ShowsNoLists<T> for Probe<T> {}

/// For types that can be arguments.
#[doc(hidden)]
pub trait Puts<T: ?Sized> {
    /// Adds it to a call.
    fn put(&self, call: &mut OutgoingCall, value: &T);
    /// Adds it to a call.
    fn put_owned(&self, call: &mut OutgoingCall, value: T)
    where
        T: Sized,
    {
        self.put(call, &value);
    }
}

/// For types that cannot be arguments, which [`wire`](super::travel::wire) has reported.
#[doc(hidden)]
pub trait CannotPut<T: ?Sized> {
    /// Never runs.
    fn put(&self, _call: &mut OutgoingCall, _value: &T) {
        never::<PhantomData<T>, ()>()
    }
    /// Never runs.
    fn put_owned(&self, _call: &mut OutgoingCall, _value: T)
    where
        T: Sized,
    {
        never::<PhantomData<T>, ()>()
    }
}

impl<T: Serialize + ?Sized> Puts<T> for &Probe<T> {
    fn put(&self, call: &mut OutgoingCall, value: &T) {
        call.argument(value);
    }
}

impl<T: ?Sized> CannotPut<T> for Probe<T> {}

/// Fails to compile when it is used, in case that no other check has failed before.
struct Refused<T>(PhantomData<T>);

impl<T> Refused<T> {
    #[allow(clippy::panic)] // Evaluated at compile time.
    const CHECK: () = panic!("a type in this interface cannot travel over the wire");
}

/// The body of functions that are compiled but never run, because the compiler has reported `T`.
pub(super) fn never<T, R>() -> R {
    let () = Refused::<T>::CHECK;
    std::process::abort()
}
