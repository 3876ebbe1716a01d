//! The state machines of a connection and of a session: bytes and time in, bytes and events out.

/// True if a proof has planted this [fault](mutant::Mutant) in a state machine. Without the feature `proof`, it is the
/// constant `false`.
#[cfg(feature = "proof")]
macro_rules! has_mutant {
    ($machine:expr, $mutant:ident) => {
        $machine
            .mutants
            .has($crate::session::mutant::Mutant::$mutant)
    };
}
#[cfg(not(feature = "proof"))]
macro_rules! has_mutant {
    ($machine:expr, $mutant:ident) => {
        false
    };
}

pub mod arrival;
pub mod by_number;
pub mod client;
#[cfg(feature = "proof")]
pub mod digest;
pub mod link;
#[cfg(feature = "proof")]
pub mod mutant;
pub mod server;
pub mod table;
#[cfg(test)]
mod tests;
