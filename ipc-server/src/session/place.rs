//! The place of a session's client: kept while the client is away for a moment, given up, and what that means for the
//! devices.

use std::time::{Duration, Instant};

use ipc_core::Release;
use ipc_core::session::link::LinkError;
use ipc_core::session::server::{End, ServerSession};
use ipc_core::wire::ctrl::{ByeReason, SessionKey};

use super::{Host, lock};
use crate::handle::ServerEvent;
use crate::handoff::Resumption;
use crate::log::{self, About};
use crate::pause::overslept;

/// How a conversation ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Over {
    pub(super) why: Release,
    /// True if the session may be resumed.
    may_return: bool,
}

impl Over {
    pub(super) fn for_now(why: Release) -> Self {
        Self {
            why,
            may_return: true,
        }
    }

    pub(super) fn for_good(why: Release) -> Self {
        Self {
            why,
            may_return: false,
        }
    }
}

impl Host {
    /// Keeps the place of a client whose connection was lost, for a while.
    pub(super) fn await_return(&self, error: &LinkError) -> Option<Over> {
        match error {
            // It says so itself.
            LinkError::Lost(how) => self.log(format_args!("connection lost: {how}")),
            error => self.log(format_args!("connection lost: {error}")),
        }
        self.conversation().disconnect();
        self.conversation().activity.disconnected();
        if self.state.is_stopping() {
            return Some(Over::for_now(Release::Stopping));
        }
        if !matches!(error, LinkError::Lost(_) | LinkError::Silent) {
            return Some(Over::for_now(Release::Lost));
        }
        let mut since = lock(&self.lost_since).unwrap_or_else(Instant::now);
        self.handoff.set_waiting(true);
        loop {
            if self.take_connection() {
                return None;
            }
            if self.state.is_stopping() {
                return Some(Over::for_now(Release::Stopping));
            }
            let left = self.patience().saturating_sub(since.elapsed());
            if left.is_zero() && self.handoff.give_up() {
                return Some(Over::for_now(Release::Lost));
            }
            let limit = match left.is_zero() {
                // A client is on its way back, and wakes this thread.
                true => LOOK_AGAIN,
                false => left.min(LOOK_AGAIN),
            };
            let due = Instant::now() + limit;
            self.handoff.wait(limit);
            since += overslept(due);
        }
    }

    /// Goes on over the connection that a returning client has brought, if there is one.
    pub(super) fn take_connection(&self) -> bool {
        let Some(Resumption { connection, hello }) = self.handoff.take() else {
            return false;
        };
        let key = self.conversation().session.key();
        let is_newest = self.is_newest(key, &hello);
        if is_newest {
            self.attach(connection, &hello);
        }
        is_newest
    }

    /// How long the place of a lost client is kept: not for long while others wait.
    fn patience(&self) -> Duration {
        let grace = self.state.config.grace;
        match self.state.admission().waiting() {
            0 => grace,
            _ => grace.min(KEPT_WHILE_OTHERS_WAIT),
        }
    }

    pub(super) fn leave_if_asked(&self) -> Option<Over> {
        let mut conversation = self.conversation();
        let asked = match self.state.is_stopping() {
            true => Some((ByeReason::Stopping, "the server is stopping".to_string())),
            false => conversation.activity.request(),
        };
        let (reason, message) = asked?;
        self.log(format_args!("asked to leave: {message}"));
        if !conversation.has_last_word {
            // What is left unread would make the system throw the goodbye away, and its calls would end in doubt.
            conversation.read_available();
        }
        if conversation.session.end() == Some(&End::Finished) {
            return Some(Over::for_good(Release::Finished));
        }
        if reason == ByeReason::IdleHandover && conversation.session.has_waiting() {
            // These calls came in time and are answered first; those behind them come too late.
            conversation.has_last_word = true;
            return None;
        }
        conversation.refuse_all(reason);
        conversation.session.say_bye(reason, &message);
        conversation.flush();
        conversation.disconnect();
        Some(match reason {
            ByeReason::Stopping => Over::for_now(Release::Stopping),
            ByeReason::IdleHandover => Over::for_now(Release::HandedOver),
            _ => Over::for_good(Release::HandedOver),
        })
    }

    /// Puts the devices into their safe state and gives the session back to the table. The order matters: whoever finds
    /// it out of this thread's hands must find it in the table.
    pub(super) fn retire(&self, key: SessionKey, over: Over) {
        self.handoff.close();
        let mut conversation = self.conversation();
        conversation.disconnect();
        let released = self.hosted.registry.release(over.why);
        if !released.is_empty() {
            self.state.admission().forget_last_session();
        }
        for message in released.into_iter().filter_map(Result::err) {
            log::error(
                About::server(),
                format_args!("a release hook panicked: {message}"),
            );
        }
        if over.may_return {
            let limits = self.state.config.table.session.clone();
            let empty = Box::new(ServerSession::new(key, limits));
            let session = std::mem::replace(&mut conversation.session, empty);
            self.state.table().park(session, Instant::now());
        } else {
            self.state.table().remove(key);
        }
        self.state.set_out(key, None);
        let client = conversation.activity.id();
        self.state.tell(&ServerEvent::Released {
            client,
            why: over.why,
        });
        self.log(format_args!("client gave the server back: {:?}", over.why));
    }

    /// Looks, without waiting, for what came while a call runs.
    pub(super) fn look(&self) {
        let mut conversation = self.conversation();
        conversation.read_available();
        if conversation.session.end().is_none() {
            return;
        }
        conversation.disconnect();
        conversation.activity.disconnected();
        drop(conversation);
        if lock(&self.lost_since).is_none() {
            *lock(&self.lost_since) = Some(Instant::now());
        }
        // Only now: between two looks of the driver, a returning client is still told every few seconds that it waits.
        self.handoff.set_waiting(true);
        self.handoff.await_connection(HAND_OVER_WITHIN);
        if !self.take_connection() {
            self.handoff.set_waiting(false);
        }
    }

    /// True once the client of a running call is gone and is not expected back. The rule is that for a client without a
    /// call.
    pub(super) fn is_abandoned(&self) -> bool {
        let Some(since) = *lock(&self.lost_since) else {
            return false;
        };
        if self.conversation().session.end() == Some(&End::Finished) {
            return true;
        }
        self.handoff.is_deserted() && since.elapsed() >= self.patience()
    }
}

/// How long the place of a client that lost its connection is kept while others wait: long enough for a client that
/// closed its old connection, or lost it, and is on its way back; short enough for those who wait.
const KEPT_WHILE_OTHERS_WAIT: Duration = Duration::from_millis(800);
/// A returning client whose connection is waited for delivers it at once, if at all.
const HAND_OVER_WITHIN: Duration = Duration::from_millis(50);
/// Upper bound on one wait for a lost client.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
