//! The advice for types that cannot travel, chosen by their names. The compiler decides whether a type can travel, because
//! a type of the user can have any name.

use proc_macro2::Span;
use syn::{Ident, Type};

use crate::types::{is_named, unwrapped};

/// Types of the standard library that have a meaning in one process only.
const HANDLES: &[&str] = &[
    "Child",
    "File",
    "JoinHandle",
    "Receiver",
    "Sender",
    "SyncSender",
    "TcpListener",
    "TcpStream",
    "UdpSocket",
    "UnixStream",
];

/// The function of `ipc_core::private` that checks whether an argument or a result of `driver` can travel.
pub(crate) fn question(ty: &Type, driver: &str) -> Ident {
    let name = match kind(ty) {
        _ if is_named(ty, driver) => "wire_driver",
        Kind::General => "wire",
        Kind::Instant => "wire_instant",
        Kind::Handle => "wire_handle",
        Kind::Array => "wire_array",
    };
    Ident::new(name, Span::call_site())
}

/// The trait of `ipc_core::private` that claims that a field can travel.
pub(crate) fn claim(ty: &Type) -> Ident {
    let name = match kind(ty) {
        Kind::General => "FieldOf",
        Kind::Instant => "InstantFieldOf",
        Kind::Handle => "HandleFieldOf",
        Kind::Array => "ArrayFieldOf",
    };
    Ident::new(name, Span::call_site())
}

enum Kind {
    General,
    Instant,
    Handle,
    Array,
}

fn kind(ty: &Type) -> Kind {
    match unwrapped(ty) {
        Type::Array(_) => Kind::Array,
        ty if is_named(ty, "Instant") => Kind::Instant,
        ty if HANDLES.iter().any(|name| is_named(ty, name)) => Kind::Handle,
        _ => Kind::General,
    }
}
