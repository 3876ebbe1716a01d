//! Free functions and closures beside the devices.

use std::error::Error;

use super::describe::Method;
use super::invocation::Invocation;
use super::schema::short_name;
use super::wire_type::Wire;
use crate::wire::block::Probe;
use crate::wire::failure::{Failure, Fault, FaultKind};

mod closure;

pub use closure::{IntoDescribedFunction, IntoFunction, Parameter};

/// Something that can be called by name: `#[remote]` on a free `fn` makes one, and so does a closure with a name.
pub trait Function: Send + 'static {
    /// What callers see.
    fn method(&self) -> Method;

    /// Returns how to find the long lists in the arguments.
    fn probe(&self) -> Probe {
        &[]
    }

    /// Returns the names of the devices that it uses, if that was declared.
    fn uses(&self) -> Option<&[String]> {
        None
    }

    /// Why it cannot be served, if its author has made a mistake that only shows here.
    fn mistake(&self) -> Option<String> {
        None
    }

    /// Runs it.
    fn run(&mut self, invocation: &mut Invocation<'_>) -> Result<(), Failure>;
}

/// A function that can be served: `add::function()` for a `fn add` with `#[remote]` on it.
#[diagnostic::on_unimplemented(
    message = "this is a function, but not one that can be served",
    label = "give the type beside it: `name::function()`",
    note = "`#[remote]` on `fn add` makes `add::function()`, which can be served; a closure, or a function without `#[remote]`, is served under a name of your choice with `.function(\"name\", ..)`"
)]
pub trait BoxedFunction {
    /// The function.
    fn boxed(self) -> Box<dyn Function>;

    /// Declares the devices that the function uses, by their names: they are reserved for each call, together and without the
    /// risk of a deadlock, and leases of other clients refuse it. An empty list says that it uses none.
    fn using<N: Into<String>>(self, devices: impl IntoIterator<Item = N>) -> Box<dyn Function>
    where
        Self: Sized,
    {
        let devices = devices.into_iter().map(Into::into).collect();
        Box::new(Using {
            function: self.boxed(),
            devices,
        })
    }
}

/// A function that declares what it uses.
struct Using {
    function: Box<dyn Function>,
    devices: Vec<String>,
}

impl Function for Using {
    fn method(&self) -> Method {
        self.function.method()
    }

    fn probe(&self) -> Probe {
        self.function.probe()
    }

    fn uses(&self) -> Option<&[String]> {
        Some(&self.devices)
    }

    fn mistake(&self) -> Option<String> {
        self.function.mistake()
    }

    fn run(&mut self, invocation: &mut Invocation<'_>) -> Result<(), Failure> {
        self.function.run(invocation)
    }
}

impl BoxedFunction for Box<dyn Function> {
    fn boxed(self) -> Self {
        self
    }
}

/// What a closure may return: a plain value, or `Result<T, E>` with an `E` that is an error, a `String` or a `&str`.
#[diagnostic::on_unimplemented(
    message = "a served closure cannot return `{Self}`",
    note = "return `Result<{Self}, String>` (with any error type) or put `#[remote]` on `{Self}`"
)]
pub trait Returns {
    /// What the caller gets.
    type Value: Wire;

    /// The type of the error, if there can be one.
    fn error_name() -> Option<String> {
        None
    }

    /// Tells a result from an error.
    fn into_result(self) -> Result<Self::Value, Box<Fault>>;
}

impl<T: Wire, E: Into<Box<dyn Error + Send + Sync>>> Returns for Result<T, E> {
    type Value = T;

    fn error_name() -> Option<String> {
        Some(short_name(std::any::type_name::<E>()))
    }

    fn into_result(self) -> Result<T, Box<Fault>> {
        self.map_err(|error| {
            let error = error.into();
            let sources = sources(error.source());
            Box::new(Fault {
                kind: FaultKind::Error,
                type_name: short_name(std::any::type_name::<E>()),
                message: error.to_string(),
                sources,
                value: None,
            })
        })
    }
}

/// What the sources of an error display, the nearest first. A chain of more than 32 is cut.
pub(crate) fn sources(first: Option<&(dyn Error + 'static)>) -> Vec<String> {
    std::iter::successors(first, |error: &&dyn Error| (*error).source())
        .take(32)
        .map(|e| e.to_string())
        .collect()
}

macro_rules! returns_itself {
    ($([$($param:ident),*] $ty:ty;)*) => {
        $(impl<$($param: Wire),*> Returns for $ty
        where
            $ty: Wire,
        {
            type Value = Self;

            fn into_result(self) -> Result<Self, Box<Fault>> {
                Ok(self)
            }
        })*
    };
}

returns_itself! {
    [] (); [] bool; [] char; [] String; [] f32; [] f64;
    [] u8; [] u16; [] u32; [] u64; [] u128; [] usize; [] i8; [] i16; [] i32; [] i64; [] i128; [] isize;
    [] std::time::Duration; [] std::time::SystemTime; [] std::path::PathBuf; [] std::net::IpAddr;
    [] std::net::SocketAddr;
    [T] Vec<T>; [T] Option<T>; [T] Box<T>;
    [T] std::collections::VecDeque<T>; [T] std::collections::BTreeSet<T>; [K, V] std::collections::BTreeMap<K, V>;
    [A] (A,); [A, B] (A, B); [A, B, C] (A, B, C); [A, B, C, D] (A, B, C, D);
    [A, B, C, D, E] (A, B, C, D, E); [A, B, C, D, E, F] (A, B, C, D, E, F);
}

impl<T, const N: usize> Returns for [T; N]
where
    [T; N]: Wire,
{
    type Value = Self;

    fn into_result(self) -> Result<Self, Box<Fault>> {
        Ok(self)
    }
}

impl<T, S> Returns for std::collections::HashSet<T, S>
where
    Self: Wire,
{
    type Value = Self;

    fn into_result(self) -> Result<Self, Box<Fault>> {
        Ok(self)
    }
}

impl<K, V, S> Returns for std::collections::HashMap<K, V, S>
where
    Self: Wire,
{
    type Value = Self;

    fn into_result(self) -> Result<Self, Box<Fault>> {
        Ok(self)
    }
}
