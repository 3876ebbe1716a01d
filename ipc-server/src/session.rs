//! The thread that serves one client: reads, runs the driver, writes, with nobody in between.

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ipc_core::interface::context::{CallContext, CallHost};
use ipc_core::session::link::LinkError;
use ipc_core::session::server::{End, ServerSession};
use ipc_core::wire::ctrl::{ByeReason, CtrlMsg, Hello};
use ipc_core::wire::message::{Form, IncomingCall};
use ipc_core::{Release, wire::ctrl::SessionKey};

use crate::activity::Activity;
use crate::arrivals::{Claim, Place};
use crate::calls;
use crate::connection::Connection;
use crate::conversation::Conversation;
use crate::handle::ServerEvent;
use crate::handoff::{Handoff, Resumption};
use crate::hosted::Hosted;
use crate::log::{self, About};
use crate::pause::overslept;
use crate::state::{OutSession, ServerState};

/// All that a session thread starts with.
pub(crate) struct Seat {
    pub(crate) state: Arc<ServerState>,
    pub(crate) place: Place,
    pub(crate) activity: Arc<Activity>,
    /// Puts the session back if no thread can be had.
    pub(crate) claim: Claim,
    pub(crate) connection: Connection,
    pub(crate) hello: Hello,
}

/// Serves the seat on a thread of its own.
pub(crate) fn spawn(seat: Seat) -> io::Result<()> {
    let work = seat.state.begin_work();
    let thread = thread::Builder::new()
        .name("ipc session".into())
        .stack_size(STACK);
    let spawned = thread.spawn(move || {
        serve(seat);
        drop(work);
    });
    spawned.map(drop)
}

fn serve(seat: Seat) {
    let Seat {
        state,
        place,
        activity,
        claim,
        connection,
        hello,
    } = seat;
    // Without them the server has stopped meanwhile. The claim puts the session back.
    let Some(hosted) = state.hosted() else {
        return;
    };
    let Some(session) = claim.take() else {
        return;
    };
    let key = session.key();
    // Plain methods of drivers find the runtime as async ones do.
    let _runtime = state.runtime.enter();
    let _inside = state.enter();
    let handoff = Arc::new(Handoff::new());
    let _ended = EndedByPanic {
        state: &state,
        activity: &activity,
        handoff: &handoff,
        key,
    };
    let out = OutSession {
        handoff: Arc::clone(&handoff),
        activity: Arc::clone(&activity),
    };
    state.set_out(key, Some(out));

    let host = Rc::new(Host {
        conversation: RefCell::new(Conversation::new(session, Arc::clone(&activity))),
        client: RefCell::new("".into()),
        lease_epoch: Cell::new(state.admission().begin(key)),
        lost_since: Cell::new(None),
        handoff: Arc::clone(&handoff),
        hosted,
        state: Arc::clone(&state),
    });
    let info = host.conversation.borrow().activity.info(0, Instant::now());
    host.state.tell(&ServerEvent::Granted(info));
    host.attach(connection, &hello);
    let over = host.converse();
    host.retire(key, over);
    drop(place);
}

/// The session as the thread and the running driver see it.
struct Host {
    conversation: RefCell<Conversation>,
    client: RefCell<Rc<str>>,
    lease_epoch: Cell<u64>,
    /// Since when there is no connection, as far as this thread has noticed.
    lost_since: Cell<Option<Instant>>,
    handoff: Arc<Handoff>,
    hosted: Arc<Hosted>,
    state: Arc<ServerState>,
}

/// Cleans up if the session's thread ends by a panic: the client must not wait for a connection that nobody serves.
struct EndedByPanic<'a> {
    state: &'a ServerState,
    activity: &'a Activity,
    handoff: &'a Handoff,
    key: SessionKey,
}

impl Drop for EndedByPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            log::error(
                About::client(self.activity.name()),
                "the thread of this client's session panicked; its connection is closed",
            );
            self.handoff.close();
            self.activity.cut();
            self.state.set_out(self.key, None);
            self.state.table().remove(self.key);
        }
    }
}

/// How a conversation ended.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Over {
    why: Release,
    /// True if the session may be resumed.
    may_return: bool,
}

impl Over {
    fn for_now(why: Release) -> Self {
        Self {
            why,
            may_return: true,
        }
    }

    fn for_good(why: Release) -> Self {
        Self {
            why,
            may_return: false,
        }
    }
}

impl Host {
    fn attach(&self, connection: Connection, hello: &Hello) {
        let Connection { stream, link, peer } = connection;
        *self.client.borrow_mut() = format!("{} at {peer}", hello.name).into();
        self.log("has the server");
        let mut conversation = self.conversation.borrow_mut();
        conversation
            .activity
            .connected(peer, stream.try_clone().ok(), Instant::now());
        conversation
            .session
            .attach(link, hello, self.lease_epoch.get());
        conversation.stream = Some(stream);
        self.lost_since.set(None);
        self.handoff.set_waiting(false);
        // A newer connection may have come before there was a socket to cut.
        if !self.is_newest(conversation.session.key(), hello) {
            conversation.activity.cut();
        }
        conversation.flush();
        // The hello may have had company.
        conversation.session.handle_input(&[], Instant::now());
    }

    /// True if no newer connection of this session has arrived than the one with this hello.
    fn is_newest(&self, key: SessionKey, hello: &Hello) -> bool {
        self.state.table().is_newest(key, hello.connection)
    }

    fn log(&self, what: impl Display) {
        self.state.visits.log(self.client.borrow(), what);
    }

    fn converse(self: &Rc<Self>) -> Over {
        loop {
            while let Some((call, deadline, begins)) = self.next_call() {
                self.run(&call, deadline, begins);
            }
            let end = self.conversation.borrow().session.end().cloned();
            let over = match end {
                Some(End::Finished) => Some(Over::for_good(Release::Finished)),
                Some(End::Lost(error)) => self.await_return(&error),
                None => self.leave_if_asked(),
            };
            match over {
                Some(over) => return over,
                None => self.conversation.borrow_mut().read(),
            }
        }
    }

    /// The call to run next, with its deadline and the time.
    fn next_call(&self) -> Option<(IncomingCall, Option<Instant>, Instant)> {
        if self.lost_since.get().is_some() {
            self.take_connection();
        }
        let mut conversation = self.conversation.borrow_mut();
        if self.state.is_stopping() {
            conversation.refuse_all(ByeReason::Stopping);
            return None;
        }
        let now = Instant::now();
        let call = conversation.session.next_call(now);
        if call.is_none() {
            conversation.flush();
        }
        call.map(|(call, deadline)| (call, deadline, now))
    }

    fn run(self: &Rc<Self>, call: &IncomingCall, deadline: Option<Instant>, begins: Instant) {
        let number = call.header.number;
        let (limit, activity) = {
            let conversation = self.conversation.borrow();
            (
                conversation.session.reply_limit(),
                Arc::clone(&conversation.activity),
            )
        };
        let host = Rc::clone(self) as Rc<dyn CallHost>;
        let client = Rc::clone(&self.client.borrow());
        let context = CallContext::new(host, number, client, deadline);
        let is_question = call.form == Form::Describe;
        let method = (!is_question).then_some(call.header.method.as_str());
        activity.call_begins(method, begins);
        let reply = self.hosted.registry.run(call, &context, limit);
        let has_entered = !is_question && reply.ctrl() != Some(CtrlMsg::Error);
        let ended = Instant::now();
        activity.call_ends(has_entered, ended);
        let took = ended.saturating_duration_since(begins);
        calls::note(&self.state, context.client(), call, &reply, took);
        let mut conversation = self.conversation.borrow_mut();
        conversation.session.reply(number, reply);
        conversation.flush();
    }

    /// Keeps the place of a client whose connection was lost, for a while.
    fn await_return(&self, error: &LinkError) -> Option<Over> {
        self.log(format_args!("connection lost: {error}"));
        self.conversation.borrow_mut().disconnect();
        self.conversation.borrow().activity.disconnected();
        if self.state.is_stopping() {
            return Some(Over::for_now(Release::Stopping));
        }
        if !matches!(error, LinkError::Lost(_) | LinkError::Silent) {
            return Some(Over::for_now(Release::Lost));
        }
        let mut since = self.lost_since.get().unwrap_or_else(Instant::now);
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
    fn take_connection(&self) -> bool {
        let Some(Resumption { connection, hello }) = self.handoff.take() else {
            return false;
        };
        let key = self.conversation.borrow().session.key();
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

    fn leave_if_asked(&self) -> Option<Over> {
        let mut conversation = self.conversation.borrow_mut();
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
    fn retire(&self, key: SessionKey, over: Over) {
        self.handoff.close();
        let mut conversation = self.conversation.borrow_mut();
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
        self.log("gave the server back");
    }

    /// Looks, without waiting, for what came while a call runs.
    fn look(&self) {
        let mut conversation = self.conversation.borrow_mut();
        conversation.read_available();
        if conversation.session.end().is_none() {
            return;
        }
        conversation.disconnect();
        conversation.activity.disconnected();
        drop(conversation);
        if self.lost_since.get().is_none() {
            self.lost_since.set(Some(Instant::now()));
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
    fn is_abandoned(&self) -> bool {
        let Some(since) = self.lost_since.get() else {
            return false;
        };
        if self.conversation.borrow().session.end() == Some(&End::Finished) {
            return true;
        }
        self.handoff.is_deserted() && since.elapsed() >= self.patience()
    }
}

impl CallHost for Host {
    fn is_cancelled(&self, call: u64) -> bool {
        self.look();
        self.conversation.borrow().session.is_cancelled(call) || self.is_abandoned()
    }

    fn progress(&self, call: u64, fraction: f64, message: &str) {
        self.look();
        let mut conversation = self.conversation.borrow_mut();
        conversation.session.progress(call, fraction, message);
        conversation.flush_available();
    }

    fn block_on(&self, future: Pin<&mut dyn Future<Output = ()>>) {
        self.state.runtime.block_on(future);
    }
}

/// Drivers may recurse; a thread's stack costs only what is used of it.
const STACK: usize = 8 * 1024 * 1024;
/// How long the place of a client that lost its connection is kept while others wait: long enough for a client that
/// closed its old connection, or lost it, and is on its way back; short enough for those who wait.
const KEPT_WHILE_OTHERS_WAIT: Duration = Duration::from_millis(800);
/// A returning client whose connection is waited for delivers it at once, if at all.
const HAND_OVER_WITHIN: Duration = Duration::from_millis(50);
/// Upper bound on one wait for a lost client.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
