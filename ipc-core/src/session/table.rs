//! The sessions of a server: who may resume what.

use std::collections::BTreeMap;
use std::time::Instant;

mod limits;
#[cfg(feature = "proof")]
mod proof;
#[cfg(test)]
mod tests;

pub use self::limits::TableLimits;
#[cfg(feature = "proof")]
use super::mutant::Mutants;
use super::server::ServerSession;
use crate::wire::ctrl::{Hello, SessionKey};

/// The sessions of one run of a server.
///
/// A session is *out* while a connection or a running call holds it, and *parked* here otherwise. Ids are chosen by the
/// server alone: no hello creates or revives a session by naming it.
#[cfg_attr(feature = "proof", derive(Clone))]
#[derive(Debug)]
pub struct SessionTable<S = Box<ServerSession>> {
    incarnation: u128,
    limits: TableLimits,
    entries: BTreeMap<u128, TableEntry<S>>,
    #[cfg(feature = "proof")]
    pub(super) mutants: Mutants,
}

#[cfg_attr(feature = "proof", derive(Clone))]
#[derive(Debug)]
struct TableEntry<S> {
    /// The number of the newest connection of this session.
    connection: u64,
    state: EntryState<S>,
}

#[cfg_attr(feature = "proof", derive(Clone))]
#[derive(Debug)]
enum EntryState<S> {
    Out,
    Parked { session: S, since: Instant },
}

/// A session as a table keeps it.
pub trait Stored: From<Box<ServerSession>> {
    /// Which session it is.
    fn key(&self) -> SessionKey;

    /// How many bytes of answers it keeps.
    fn kept(&self) -> usize;

    /// Keeps of each answer only whether the driver was entered.
    fn forget_results(&mut self);

    /// True while one of its calls is inside a driver: the session then outlives the time and the room that there are for
    /// parked ones.
    fn is_in_use(&self) -> bool;
}

impl Stored for Box<ServerSession> {
    fn key(&self) -> SessionKey {
        ServerSession::key(self)
    }

    fn kept(&self) -> usize {
        ServerSession::kept(self)
    }

    fn forget_results(&mut self) {
        ServerSession::forget_results(self);
    }

    fn is_in_use(&self) -> bool {
        self.has_running()
    }
}

/// What a hello amounts to.
#[derive(Debug)]
#[allow(clippy::exhaustive_enums)]
pub enum Greeted<S = Box<ServerSession>> {
    /// A session for it to hold: a new one, or the one it asked for.
    Session(S),
    /// Its session is out: in the hands of an earlier connection, which is to be fenced.
    Out(SessionKey),
    /// A newer connection of the same session has been here already.
    Stale,
    /// There are too many sessions.
    Full,
}

impl<S: Stored> SessionTable<S> {
    /// An empty table; `incarnation` is random for each run of the server.
    pub fn new(incarnation: u128, limits: TableLimits) -> Self {
        Self {
            incarnation,
            limits,
            entries: BTreeMap::new(),
            #[cfg(feature = "proof")]
            mutants: Mutants::default(),
        }
    }

    /// Finds or makes the session for a hello: [`resume`](Self::resume), or else [`open`](Self::open).
    pub fn greet(&mut self, hello: &Hello, fresh: u128, now: Instant) -> Greeted<S> {
        match self.resume(hello, now) {
            Some(greeted) => greeted,
            None => self
                .open(hello, fresh, now)
                .map_or(Greeted::Full, Greeted::Session),
        }
    }

    /// Finds the session that a hello asks for; `None` if there is no such session here, and a new one is to be
    /// [opened](Self::open). A session that is given out comes back by [`park`](Self::park) or
    /// [`remove`](Self::remove).
    pub fn resume(&mut self, hello: &Hello, now: Instant) -> Option<Greeted<S>> {
        self.expire(now);
        let key = hello.resume.filter(|key| {
            key.incarnation == self.incarnation || has_mutant!(self, NoIncarnation)
        })?;
        let takes_stale = has_mutant!(self, StaleHelloSteals);
        let entry = self.entries.get_mut(&key.session)?;
        if hello.connection <= entry.connection && !takes_stale {
            return Some(Greeted::Stale);
        }
        entry.connection = hello.connection;
        Some(match entry.take() {
            Some(session) => Greeted::Session(session),
            None => Greeted::Out(key),
        })
    }

    /// Makes a session, which comes back like one that was resumed; `None` if there are too many. `fresh` is random and
    /// becomes the id.
    ///
    /// At the limit the session parked for longest is forgotten, so call this only for a client that is about to be
    /// served.
    pub fn open(&mut self, hello: &Hello, fresh: u128, now: Instant) -> Option<S> {
        self.expire(now);
        if self.entries.contains_key(&fresh) || !self.has_room() {
            return None;
        }
        let key = self.new_key(hello, fresh);
        self.entries.insert(
            key.session,
            TableEntry {
                connection: hello.connection,
                state: EntryState::Out,
            },
        );
        let session = ServerSession::new(key, self.limits.session.clone());
        #[cfg(feature = "proof")]
        let session = session.with_mutants(self.mutants);
        Some(Box::new(session).into())
    }

    fn new_key(&self, hello: &Hello, fresh: u128) -> SessionKey {
        match hello.resume {
            Some(named) if has_mutant!(self, RevivesSessions) => named,
            _ => SessionKey {
                incarnation: self.incarnation,
                session: fresh,
            },
        }
    }

    /// True if there is room for another session, or could be made: clients that crash leave their sessions behind,
    /// and must not keep others out for as long as sessions are kept.
    fn has_room(&mut self) -> bool {
        if self.entries.len() < self.limits.sessions {
            return true;
        }
        let parked = self
            .entries
            .iter()
            .filter_map(|(id, entry)| match entry.state {
                EntryState::Parked { since, ref session } if !session.is_in_use() => {
                    Some((since, *id))
                }
                _ => None,
            });
        match parked.min() {
            Some((_, oldest)) => self.entries.remove(&oldest).is_some(),
            None => false,
        }
    }

    /// The parked session that connection number `connection` asked for while it was out, unless a newer connection has
    /// asked for it since.
    pub fn reclaim(&mut self, key: SessionKey, connection: u64) -> Option<S> {
        let entry = self
            .entries
            .get_mut(&key.session)
            .filter(|entry| entry.connection == connection)?;
        entry.take()
    }

    /// True if no newer connection of this session has been here than `connection`.
    pub fn is_newest(&self, key: SessionKey, connection: u64) -> bool {
        self.entries
            .get(&key.session)
            .is_some_and(|entry| entry.connection == connection)
    }

    /// True as long as a session has neither ended nor been forgotten.
    pub fn has(&self, key: SessionKey) -> bool {
        self.entries.contains_key(&key.session)
    }

    /// Takes a session back that may be resumed.
    pub fn park(&mut self, session: S, now: Instant) {
        if let Some(entry) = self.entries.get_mut(&session.key().session) {
            entry.state = EntryState::Parked {
                session,
                since: now,
            };
        }
        self.bound_answers();
    }

    /// Keeps the answers of parked sessions within their limit. To be called when a call has ended whose session is parked.
    pub fn bound_answers(&mut self) {
        let mut keeping: Vec<_> = self
            .entries
            .values_mut()
            .filter_map(|entry| match &mut entry.state {
                EntryState::Parked { session, since } if session.kept() > 0 => {
                    Some((*since, session))
                }
                _ => None,
            })
            .collect();
        let mut kept: usize = keeping.iter().map(|(_, session)| session.kept()).sum();
        keeping.sort_by_key(|(since, _)| *since);
        for (_, session) in keeping {
            if kept <= self.limits.parked_replies {
                return;
            }
            kept -= session.kept();
            session.forget_results();
        }
    }

    /// Forgets a session that is over.
    pub fn remove(&mut self, key: SessionKey) {
        self.entries.remove(&key.session);
    }

    /// Forgets sessions that were parked for too long.
    pub fn expire(&mut self, now: Instant) {
        let parked = self.limits.parked;
        self.entries.retain(|_, entry| match &entry.state {
            EntryState::Parked { session, since } => {
                session.is_in_use() || now.saturating_duration_since(*since) < parked
            }
            EntryState::Out => true,
        });
    }
}

impl<S> TableEntry<S> {
    /// Gives the session out if it is parked.
    fn take(&mut self) -> Option<S> {
        match std::mem::replace(&mut self.state, EntryState::Out) {
            EntryState::Parked { session, .. } => Some(session),
            EntryState::Out => None,
        }
    }
}
