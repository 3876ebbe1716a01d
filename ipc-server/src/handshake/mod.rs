//! From an accepted connection to a client that has identified itself: limits on unauthenticated connections, the
//! handshake, and limits on guessing the secret.

pub(crate) mod guesses;
mod identify;
pub(crate) mod limits;
pub(crate) mod pending;
mod sniff;
pub(crate) mod socket;
pub(crate) mod unidentified;
