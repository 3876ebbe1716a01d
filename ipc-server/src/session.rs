//! The thread that serves one client: reads, runs the driver, writes, with nobody in between.

mod place;

use std::fmt::Display;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use ipc_core::interface::context::{CallContext, CallHost};
use ipc_core::session::server::End;
use ipc_core::wire::ctrl::{ByeReason, CtrlMsg, Hello};
use ipc_core::wire::message::{Form, IncomingCall};
use ipc_core::{Release, wire::ctrl::SessionKey};

use self::place::Over;
use crate::activity::Activity;
use crate::arrivals::{Claim, Place};
use crate::calls::{self, Ended};
use crate::connection::Connection;
use crate::conversation::Conversation;
use crate::handle::ServerEvent;
use crate::handoff::Handoff;
use crate::hosted::Hosted;
use crate::log::{self, About};
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

    let host = Arc::new(Host {
        conversation: Mutex::new(Conversation::new(session, Arc::clone(&activity))),
        client: Mutex::new("".into()),
        lease_epoch: AtomicU64::new(state.admission().begin(key)),
        lost_since: Mutex::new(None),
        activity: Arc::clone(&activity),
        handoff: Arc::clone(&handoff),
        hosted,
        state: Arc::clone(&state),
    });
    let info = host.conversation().activity.info(0, Instant::now());
    host.state.tell(&ServerEvent::Granted(info));
    host.attach(connection, &hello);
    let over = host.converse();
    host.retire(key, over);
    drop(place);
}

/// The session as the thread and the running driver see it.
struct Host {
    conversation: Mutex<Conversation>,
    client: Mutex<Arc<str>>,
    lease_epoch: AtomicU64,
    /// Since when there is no connection, as far as this thread has noticed.
    lost_since: Mutex<Option<Instant>>,
    activity: Arc<Activity>,
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

impl Host {
    fn conversation(&self) -> MutexGuard<'_, Conversation> {
        lock(&self.conversation)
    }

    fn attach(&self, connection: Connection, hello: &Hello) {
        let Connection { stream, link, peer } = connection;
        *lock(&self.client) = format!("{} at {peer}", hello.name).into();
        self.log("client has the server");
        let mut conversation = self.conversation();
        conversation
            .activity
            .connected(peer, stream.try_clone().ok(), Instant::now());
        conversation
            .session
            .attach(link, hello, self.lease_epoch.load(Ordering::Relaxed));
        conversation.stream = Some(stream);
        *lock(&self.lost_since) = None;
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
        self.state.visits.log(lock(&self.client), what);
    }

    fn converse(self: &Arc<Self>) -> Over {
        loop {
            while let Some((call, deadline, begins)) = self.next_call() {
                self.run(&call, deadline, begins);
            }
            let end = self.conversation().session.end().cloned();
            let over = match end {
                Some(End::Finished) => Some(Over::for_good(Release::Finished)),
                Some(End::Lost(error)) => self.await_return(&error),
                None => self.leave_if_asked(),
            };
            match over {
                Some(over) => return over,
                None => self.conversation().read(),
            }
        }
    }

    /// The call to run next, with its deadline and the time.
    fn next_call(&self) -> Option<(IncomingCall, Option<Instant>, Instant)> {
        if lock(&self.lost_since).is_some() {
            self.take_connection();
        }
        let mut conversation = self.conversation();
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

    fn run(self: &Arc<Self>, call: &IncomingCall, deadline: Option<Instant>, begins: Instant) {
        let number = call.header.number;
        let limit = self.conversation().session.reply_limit();
        let host = Arc::clone(self) as Arc<dyn CallHost>;
        let client = Arc::clone(&lock(&self.client));
        let context = CallContext::new(host, number, client, deadline);
        let is_question = call.form == Form::Describe;
        let method = (!is_question).then_some(call.header.method.as_str());
        self.activity.call_begins(method, begins);
        let reply = self.hosted.registry.run(call, &context, limit);
        let kind = reply.ctrl();
        let ended = Instant::now();
        self.activity
            .call_ends(!is_question && kind != Some(CtrlMsg::Error), ended);
        if !calls::is_ordinary(kind, begins, ended) {
            let ended = Ended {
                call,
                reply: &reply,
                began: begins,
                ended,
            };
            calls::note(&self.state, context.client(), &ended);
        }
        let mut conversation = self.conversation();
        conversation.session.reply(number, reply);
        conversation.flush();
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl CallHost for Host {
    fn is_cancelled(&self, call: u64) -> bool {
        self.look();
        let is_cancelled = self.conversation().session.is_cancelled(call);
        is_cancelled || self.is_abandoned() || self.state.asks_calls_to_end()
    }

    fn progress(&self, call: u64, fraction: f64, message: &str) {
        self.look();
        let mut conversation = self.conversation();
        conversation.session.progress(call, fraction, message);
        conversation.flush_available();
    }

    fn block_on(&self, future: Pin<&mut dyn Future<Output = ()>>) {
        self.state.runtime.block_on(future);
    }
}

/// Drivers may recurse; a thread's stack costs only what is used of it.
const STACK: usize = 8 * 1024 * 1024;
