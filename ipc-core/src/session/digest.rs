//! The states of both ends in a form in which equal futures look equal, for the model checker.

use std::hash::{Hash, Hasher};

use super::arrival::Arrival;
use super::client::ClientSession;
use super::link::Link;
use super::mutant::{Mutant, Mutants};
use super::server::ServerSession;
use super::table::SessionTable;

/// A state machine that a model can tell apart from others, and spoil.
pub trait Subject {
    /// Feeds what decides the future into a hasher; no times.
    fn digest(&self, hasher: &mut impl Hasher);
}

impl Subject for ClientSession {
    fn digest(&self, hasher: &mut impl Hasher) {
        self.digest_into(hasher);
    }
}

impl Subject for ServerSession {
    fn digest(&self, hasher: &mut impl Hasher) {
        self.digest_into(hasher);
    }
}

impl Subject for SessionTable {
    fn digest(&self, hasher: &mut impl Hasher) {
        self.digest_into(hasher);
    }
}

impl Subject for Arrival {
    fn digest(&self, hasher: &mut impl Hasher) {
        self.hello().hash(hasher);
        self.link().digest(hasher);
    }
}

impl Subject for Link {
    fn digest(&self, hasher: &mut impl Hasher) {
        self.digest_into(hasher);
    }
}

impl ServerSession {
    pub(super) fn with_mutants(mut self, mutants: Mutants) -> Self {
        self.mutants = mutants;
        self
    }
}

impl ClientSession {
    /// Plants mutants.
    pub fn plant(&mut self, mutants: &[Mutant]) {
        self.mutants = Mutants::plant(mutants);
    }
}

impl<S> SessionTable<S> {
    /// Plants mutants, here and in all sessions that are made.
    pub fn plant(&mut self, mutants: &[Mutant]) {
        self.mutants = Mutants::plant(mutants);
    }
}
