//! A thread that serves a client: it reads, runs the driver and writes, with no other thread in between.

use std::io;
use std::sync::{Arc, MutexGuard};
use std::thread;
use std::time::Instant;

use ipc_core::Release;
use ipc_core::interface::batch::runs_methods;
use ipc_core::interface::commands::name;
use ipc_core::interface::context::{CallContext, CallHost};
use ipc_core::interface::current::Serves;
use ipc_core::interface::job::{Job, Reply};
use ipc_core::interface::registry::Offers;
use ipc_core::native::{self, Scratch};
use ipc_core::wire::ctrl::{ConnectionRole, Form};
use ipc_core::wire::failure::{Failure, Refusal};
use ipc_core::wire::frame::ReplyFrame;
use ipc_hub::OffersView;
use ipc_hub::log::{self, About};
use ipc_hub::stay::Departure;
use ipc_hub::work::Work;

use super::batch::Batch;
use super::pump::{Pump, TakenCall};
use super::reader::SocketReader;
use super::serving::Serving;
use crate::session::calls::{self, CallNote, CallerAtEnd};

/// A thread that serves a client.
///
/// The thread that owns the [`SocketReader`] reads, and runs the calls that it has read. While it is inside a driver, the
/// reader lies in the [`Pump`]. A thread whose call has run for longer than two ticks finds, on its return, that a
/// companion has taken the reader: it then writes the answer, runs the calls that wait, and becomes the companion itself.
pub(super) struct Worker {
    serving: Arc<Serving>,
    offers: OffersView,
    /// The context of the current call.
    context: CallContext,
    work: Option<Work>,
    /// The devices that were stuck until the last call returned.
    recovered: Vec<String>,
    batch: Batch,
    scratch: Scratch,
    is_observer: bool,
}

/// A call that has ended.
struct Ran {
    reply: ReplyFrame,
    ended: Instant,
    /// True if the call entered a driver: it was not refused, and was no question about what there is to call.
    has_entered: bool,
}

/// Starts a companion, which waits for the reader of a thread that is inside a driver.
pub(super) fn spawn_companion(serving: Arc<Serving>) -> io::Result<()> {
    let work = serving.state.hub.begin_work();
    let threads = Arc::clone(&serving.state.threads);
    threads.run(move || {
        if let Some(mut worker) = Worker::new(&serving, work) {
            worker.serve(None);
        }
    })
}

impl Worker {
    /// Returns `None` if the server has stopped.
    pub(super) fn new(serving: &Arc<Serving>, work: Work) -> Option<Self> {
        let hub = &serving.state.hub;
        if hub.is_closed() {
            return None;
        }
        let host = Arc::clone(serving) as Arc<dyn CallHost>;
        let client = Arc::clone(&serving.pump().client);
        Some(Self {
            serving: Arc::clone(serving),
            offers: hub.offers().view(),
            context: CallContext::new(host, 0, client, None)
                .of_session(serving.activity.id())
                .of_party(serving.party.id()),
            work: Some(work),
            recovered: Vec::new(),
            batch: Batch::default(),
            scratch: Scratch::default(),
            is_observer: serving.role == ConnectionRole::Observer,
        })
    }

    /// Serves the client until it is gone, or another thread does. Blocks.
    pub(super) fn serve(&mut self, mut reader: Option<Box<SocketReader>>) {
        let serving = Arc::clone(&self.serving);
        // Plain methods of drivers find the runtime as async ones do.
        let _runtime = serving.state.hub.runtime().enter();
        let _inside = serving.state.hub.enter();
        let _calls = Serves::calls_of(Arc::clone(&serving) as Arc<dyn CallHost>);
        let _ended = EndedByPanic(&serving);
        loop {
            let taken = match reader.take() {
                Some(reader) => Some(reader),
                None => serving.await_reader(serving.pump()),
            };
            let Some(taken) = taken else { return };
            if let Some(departure) = self.read_and_run(taken) {
                return serving.stop_serving(departure);
            }
        }
    }

    /// Reads and runs calls until the client has left, and returns how it left. Returns `None` once another thread has
    /// taken the reader.
    fn read_and_run(&mut self, mut reader: Box<SocketReader>) -> Option<Departure> {
        let serving = Arc::clone(&self.serving);
        let mut now = Instant::now();
        loop {
            let mut pump = serving.pump();
            let offers = serving.state.hub.offers();
            pump.take_in(&mut reader, &serving.activity, offers, now);
            while let Some(mut taken) = serving.begin_call(&mut pump, now, &mut self.work) {
                let limit = pump.session.reply_limit();
                self.follow_client(&pump);
                serving.park(pump, reader);
                let ran = self.run(&mut taken, limit, now);
                let began = std::mem::replace(&mut now, ran.ended);
                pump = serving.pump();
                self.end(&mut pump, &taken, ran.reply);
                match serving.unpark(&mut pump) {
                    Some(mine) => reader = mine,
                    None => {
                        self.run_waiting(&serving, pump, now);
                        return None;
                    }
                }
                if pump.session.has_waiting() {
                    if ran.has_entered {
                        let took = now.saturating_duration_since(began);
                        self.batch.note(taken.0.method(), took);
                    }
                    let (next, size) = (pump.session.next_method(), pump.session.backlog());
                    if !self.batch.may_grow(next, size, now) {
                        pump = serving.flush(pump, &reader);
                        // Another process may have had the processor.
                        now = Instant::now();
                    }
                }
                if !self.recovered.is_empty() {
                    pump = self.announce_recovered(&serving, pump);
                }
            }
            pump = serving.flush(pump, &reader);
            self.batch.end();
            let has_ended = pump.session.end().is_some();
            let mut has_room = pump.has_room();
            drop(pump);
            if has_ended || serving.is_asked_to_leave() {
                if let Some(departure) = serving.follow_stay(&mut reader) {
                    return Some(departure);
                }
                has_room = serving.pump().has_room();
            }
            match has_room {
                true => reader.read(),
                false => serving.await_room(),
            }
            now = Instant::now();
        }
    }

    /// Runs the calls that wait while another thread reads.
    fn run_waiting<'a>(
        &mut self,
        serving: &'a Serving,
        mut pump: MutexGuard<'a, Pump>,
        mut now: Instant,
    ) {
        pump = serving.flush_unlocked(pump);
        pump = self.announce_recovered(serving, pump);
        while serving.is_served(&pump)
            && let Some(mut taken) = serving.begin_call(&mut pump, now, &mut self.work)
        {
            let limit = pump.session.reply_limit();
            self.follow_client(&pump);
            drop(pump);
            // It may have gone to sleep while an answer was written to a slow client.
            serving.state.hub.tick().wake();
            let ran = self.run(&mut taken, limit, now);
            now = ran.ended;
            pump = serving.pump();
            self.end(&mut pump, &taken, ran.reply);
            pump = serving.flush_unlocked(pump);
            pump = self.announce_recovered(serving, pump);
        }
        if !serving.is_served(&pump) {
            drop(pump);
            // The session may be parked, and its answers are limited.
            serving.state.table().bound_answers();
        }
    }

    /// Reports the devices that were stuck until the last call returned.
    #[cold]
    fn announce_recovered<'a>(
        &mut self,
        serving: &'a Serving,
        pump: MutexGuard<'a, Pump>,
    ) -> MutexGuard<'a, Pump> {
        if self.recovered.is_empty() {
            return pump;
        }
        drop(pump);
        for device in std::mem::take(&mut self.recovered) {
            serving.state.hub.report_recovered(&device);
        }
        serving.pump()
    }

    /// Shows drivers the present address of the client, which may have returned from another one.
    fn follow_client(&mut self, pump: &Pump) {
        self.context.set_client(&pump.client);
    }

    fn run(&mut self, taken: &mut TakenCall, limit: usize, begins: Instant) -> Ran {
        let (call, deadline) = taken;
        let number = call.number;
        self.context.turn_to(number, *deadline);
        let is_question = match call.form {
            Form::Typed | Form::ByName => false,
            Form::Describe => true,
            Form::Command => !runs_methods(call.method()),
        };
        let job = native::job(call, limit, &mut self.scratch);
        let method = (!is_question).then_some(job.method);
        self.serving.activity.call_begins(number, method, begins);
        let outcome = match is_question || self.is_observer {
            true => self.run_unusual(job),
            false => self.offers.now().run(job, &self.context),
        };
        let activity = &self.serving.activity;
        let ended = Instant::now();
        let is_refused = outcome.as_ref().is_err_and(|failure| failure.is_refusal());
        let has_entered = !is_question && !is_refused;
        let is_awaited = activity.call_ends(number, has_entered, ended) || is_question;
        if !calls::is_ordinary(&outcome, is_awaited, begins, ended) {
            let caller = match is_awaited {
                true => CallerAtEnd::Waits,
                false if activity.forget_given_up(number) => CallerAtEnd::GaveUp,
                false => CallerAtEnd::GaveUpBefore,
            };
            let note = CallNote {
                method: call.method(),
                failure: outcome.as_ref().err().map(Box::as_ref),
                took: ended.saturating_duration_since(begins),
                caller,
            };
            note.log(&self.serving.state, self.context.client());
        }
        let reply = native::answer(call, outcome, limit, &mut self.scratch);
        Ran {
            reply,
            ended,
            has_entered,
        }
    }

    /// Runs a command of the server, a question, or a call of an observer.
    #[cold]
    fn run_unusual(&mut self, job: Job<'_>) -> Result<Reply, Box<Failure>> {
        if job.form == Form::Command && !runs_methods(job.method) {
            return self.run_command(job);
        }
        let offers = self.offers.now();
        match self.is_observer && is_for_holders(offers, &job) {
            true => Err(for_observer(job.method)),
            false => offers.run(job, &self.context),
        }
    }

    fn run_command(&self, job: Job<'_>) -> Result<Reply, Box<Failure>> {
        let is_about_own_lease = job.method.starts_with("lease.")
            && job.method != name::LEASES
            && job.method != name::KICK_LEASE;
        if self.serving.role == ConnectionRole::Observer && is_about_own_lease {
            let method = job.method.to_string();
            let reason = "leases belong to clients that hold the server, and not to observers";
            let reason = reason.to_string();
            return Err(Box::new(Refusal::Protocol { method, reason }.into()));
        }
        let outcome = self.serving.state.hub.run_command(job, &self.context);
        self.serving.follow_leases();
        outcome
    }

    fn end(&mut self, pump: &mut Pump, taken: &TakenCall, reply: ReplyFrame) {
        let ended = pump.end(taken.0.number, reply);
        (self.work, self.recovered) = ended;
        if self.work.is_none() && self.serving.is_served(pump) {
            // The device was stuck, and the server has gone on without this thread.
            self.work = Some(self.serving.state.hub.begin_work());
        }
        if pump.is_awaited {
            self.serving.mailbox.wake();
        }
    }
}

/// True for a command that runs methods, and for a method that is not urgent. What does not exist is refused as such.
fn is_for_holders(offers: &Offers, job: &Job<'_>) -> bool {
    match job.form {
        Form::Describe => false,
        Form::Command => true,
        Form::Typed | Form::ByName => offers.has(job.method) && !offers.is_urgent(job.method),
    }
}

/// The refusal of a call over a connection that does not hold the server.
#[cold]
fn for_observer(method: &str) -> Box<Failure> {
    let reason =
        "this connection is an observer's, which may call commands and urgent methods only";
    let (method, reason) = (method.to_string(), reason.to_string());
    Box::new(Refusal::Protocol { method, reason }.into())
}

/// Cleans up if a thread ends by a panic: the client must not wait for a connection that nobody serves.
struct EndedByPanic<'a>(&'a Serving);

impl Drop for EndedByPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let serving = self.0;
            log::error(
                About::client(serving.activity.name()),
                "a thread that serves this client panicked; its connection is closed",
            );
            serving.mailbox.close();
            serving.activity.cut();
            serving.state.set_active_session(serving.key, None);
            serving.leave_party();
            serving
                .state
                .hub
                .party_gone(serving.party.id(), Release::Lost);
            serving.end_companions(&mut serving.pump());
            serving.state.table().remove(serving.key);
            serving.give_up_place();
        }
    }
}
