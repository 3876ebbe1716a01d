//! The thread that serves one client: reads, runs the driver, writes, with nobody in between.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use ipc_core::interface::context::{CallContext, CallHost};
use ipc_core::session::link::LinkError;
use ipc_core::session::server::{End, ServerSession};
use ipc_core::wire::ctrl::{ByeReason, Hello};
use ipc_core::wire::message::IncomingCall;
use ipc_core::{Release, wire::ctrl::SessionKey};
use tokio::sync::watch;

use crate::activity::Activity;
use crate::arrivals::{Claim, Place};
use crate::connection::Connection;
use crate::conversation::Conversation;
use crate::handle::ServerEvent;
use crate::hosted::Hosted;
use crate::log::{self, About};
use crate::state::{Mail, OutSession, ServerState, later};

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
    let _ended = EndedByPanic {
        state: &state,
        activity: &activity,
        key,
    };
    let (mailbox, mail) = mpsc::channel();
    let (wants, wants_connection) = watch::channel(false);
    let expected = Arc::new(AtomicUsize::new(0));
    let out = OutSession {
        mailbox,
        wants_connection,
        activity: Arc::clone(&activity),
        expected: Arc::clone(&expected),
    };
    state.set_out(key, Some(out));

    let host = Rc::new(Host {
        conversation: RefCell::new(Conversation::new(session, Arc::clone(&activity))),
        client: RefCell::new("".into()),
        lease_epoch: Cell::new(state.admission().begin(key)),
        lost_since: Cell::new(None),
        mail,
        wants,
        expected,
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
    /// Since when a running call has no client, as far as its driver has looked.
    lost_since: Cell<Option<Instant>>,
    mail: Receiver<Mail>,
    wants: watch::Sender<bool>,
    expected: Arc<AtomicUsize>,
    hosted: Arc<Hosted>,
    state: Arc<ServerState>,
}

/// Cleans up if the session's thread ends by a panic: the client must not wait for a connection that nobody serves.
struct EndedByPanic<'a> {
    state: &'a ServerState,
    activity: &'a Activity,
    key: SessionKey,
}

impl Drop for EndedByPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            log::error(
                About::client(self.activity.name()),
                "the thread of this client's session panicked; its connection is closed",
            );
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
        tracing::info!(%peer, client = hello.name, "has the server");
        *self.client.borrow_mut() = format!("{} at {peer}", hello.name).into();
        let mut conversation = self.conversation.borrow_mut();
        conversation
            .activity
            .connected(peer, stream.try_clone().ok());
        conversation
            .session
            .attach(link, hello, self.lease_epoch.get());
        conversation.stream = Some(stream);
        conversation.has_vanished = false;
        self.lost_since.set(None);
        conversation.flush();
        // The hello may have had company.
        conversation.session.handle_input(&[], Instant::now());
    }

    fn converse(self: &Rc<Self>) -> Over {
        loop {
            while let Some((call, deadline)) = self.next_call() {
                self.run(&call, deadline);
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

    fn next_call(&self) -> Option<(IncomingCall, Option<Instant>)> {
        let mut conversation = self.conversation.borrow_mut();
        if self.state.is_stopping() {
            conversation.refuse_all(ByeReason::Stopping);
            return None;
        }
        let call = conversation.session.next_call(Instant::now());
        if call.is_none() {
            conversation.flush();
        }
        call
    }

    fn run(self: &Rc<Self>, call: &IncomingCall, deadline: Option<Instant>) {
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
        activity.call_begins();
        let reply = self.hosted.registry.run(call, &context, limit);
        activity.call_ends(Instant::now());
        let mut conversation = self.conversation.borrow_mut();
        conversation.session.reply(number, reply);
        conversation.flush();
    }

    /// Keeps the place of a client whose connection was lost, for a while. A client that vanished may not know yet that
    /// it has to come back; one whose connection was closed has gone or is on its way, and makes room for others.
    fn await_return(&self, error: &LinkError) -> Option<Over> {
        let client = Rc::clone(&self.client.borrow());
        tracing::info!(%client, "connection lost: {error}");
        self.conversation.borrow_mut().disconnect();
        if self.state.is_stopping() {
            return Some(Over::for_now(Release::Stopping));
        }
        if !matches!(error, LinkError::Lost(_) | LinkError::Silent) {
            return Some(Over::for_now(Release::Lost));
        }
        let has_vanished = self.conversation.borrow().has_vanished;
        let deadline = later(Instant::now(), self.state.config.grace);
        self.wants.send_replace(true);
        let over = loop {
            let is_wanted = self.state.admission().waiting() > 0;
            let patience = match self.expected.load(Ordering::SeqCst) {
                0 if is_wanted && !has_vanished => Duration::ZERO,
                0 => deadline.saturating_duration_since(Instant::now()),
                _ => HAND_OVER_WITHIN,
            };
            match self.mail.recv_timeout(patience) {
                Ok(Mail::Resume(resumption)) => {
                    self.attach(resumption.connection, &resumption.hello);
                    break None;
                }
                Ok(Mail::MakeRoom) => {}
                Ok(Mail::Stop) => break Some(Over::for_now(Release::Stopping)),
                // The connection that was expected did not come after all.
                Err(_) if Instant::now() < deadline && (has_vanished || !is_wanted) => {}
                Err(_) => break Some(Over::for_now(Release::Lost)),
            }
        };
        self.wants.send_replace(false);
        over
    }

    fn leave_if_asked(&self) -> Option<Over> {
        let mut conversation = self.conversation.borrow_mut();
        let asked = match self.state.is_stopping() {
            true => Some((ByeReason::Stopping, "the server is stopping".to_string())),
            false => conversation.activity.request(),
        };
        let (reason, message) = asked?;
        tracing::info!(client = %self.client.borrow(), "asked to leave: {message}");
        // What is left unread would make the system throw the goodbye away, and its calls would end in doubt.
        conversation.read_available();
        if conversation.session.end() == Some(&End::Finished) {
            return Some(Over::for_good(Release::Finished));
        }
        if reason == ByeReason::IdleHandover && conversation.session.has_waiting() {
            // It came in time: not so idle after all. What it asked for is answered first.
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
        tracing::info!(client = %self.client.borrow(), "gave the server back");
    }

    /// Looks, without waiting, for what came while a call runs.
    fn look(&self) {
        let mut conversation = self.conversation.borrow_mut();
        conversation.read_available();
        if conversation.session.end().is_none() {
            return;
        }
        conversation.disconnect();
        drop(conversation);
        if self.lost_since.get().is_none() {
            self.lost_since.set(Some(Instant::now()));
        }
        self.wants.send_replace(true);
        while let Ok(mail) = self.mail.try_recv() {
            if let Mail::Resume(resumption) = mail {
                self.wants.send_replace(false);
                self.attach(resumption.connection, &resumption.hello);
            }
        }
    }
}

impl Host {
    /// True once the client of a running call is gone and is not expected back: it keeps nobody waiting for long, and
    /// nobody at all for longer than the grace.
    fn is_abandoned(&self) -> bool {
        let Some(since) = self.lost_since.get() else {
            return false;
        };
        if self.conversation.borrow().session.end() == Some(&End::Finished) {
            return true;
        }
        let has_vanished = self.conversation.borrow().has_vanished;
        let is_wanted = self.state.admission().waiting() > 0;
        let patience = match is_wanted && !has_vanished {
            true => self.state.config.grace.min(RETURN_WITHIN),
            false => self.state.config.grace,
        };
        self.expected.load(Ordering::SeqCst) == 0 && since.elapsed() >= patience
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
/// A client that lost its connection in mid-call and is still there has tried to come back by then.
const RETURN_WITHIN: Duration = Duration::from_secs(2);
/// A connection that waits for this thread is handed over at once, if at all.
const HAND_OVER_WITHIN: Duration = Duration::from_secs(1);
