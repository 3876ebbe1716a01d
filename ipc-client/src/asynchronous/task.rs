//! The task behind an async client, which owns its socket and its session.

use std::io::{self, IoSlice};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_core::NotSent;
use ipc_core::session::by_number::ByNumber;
use ipc_core::session::client::{Clock, Event};
use ipc_core::session::link::grow_read_buffer;
use ipc_core::wire::frame::CallFrame;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{Notify, oneshot};

use super::wait::{Alarm, Reading, exchange};
use crate::call::{CallEnd, Timing};
use crate::cancel::CancellationToken;
use crate::clock::StepTime;
use crate::engine::{Engine, Step, Written};
use crate::error::ConnectError;
use crate::reporting::{Report, Reporting};
use crate::settings::ClientSettings;
use crate::watch::Watch;

/// What handles and futures ask of the task.
pub(super) enum Command {
    Call(CallRequest),
    /// A future has been dropped: cancel the calls whose futures are gone.
    CancelDropped,
    Connect {
        timeout: Duration,
        reply: oneshot::Sender<Result<(), ConnectError>>,
    },
    /// End a claim.
    Withdraw {
        claim: u128,
    },
    Close {
        done: oneshot::Sender<()>,
    },
}

/// A call to be made.
pub(super) struct CallRequest {
    pub(super) frame: CallFrame,
    pub(super) idempotent: bool,
    pub(super) timing: Timing,
    pub(super) owner: CallOwner,
}

/// The task's link to the future of a call.
pub(super) struct CallOwner {
    pub(super) token: Option<CancellationToken>,
    pub(super) reporting: Reporting,
    /// Closed once the future is gone.
    pub(super) reply: oneshot::Sender<CallEnd>,
}

pub(super) struct ClientTask {
    engine: Engine,
    watch: Arc<Watch>,
    commands: UnboundedReceiver<Command>,
    /// Notified when the token of some call is cancelled.
    cancelled: Arc<Notify>,
    stream: Option<TcpStream>,
    /// The calls in flight, by their numbers.
    calls: ByNumber<CallOwner>,
    /// True once a call has had a token.
    has_tokens: bool,
    /// True if the futures of some calls may be gone.
    has_dropped: bool,
    /// The program that waits for the first connection, if one does.
    connecting: Option<oneshot::Sender<Result<(), ConnectError>>>,
    reading: Reading,
}

impl ClientTask {
    pub(super) fn new(
        settings: Arc<ClientSettings>,
        watch: Arc<Watch>,
        commands: UnboundedReceiver<Command>,
    ) -> Self {
        Self {
            engine: Engine::new(settings, Arc::clone(&watch)),
            watch,
            commands,
            cancelled: Arc::default(),
            stream: None,
            calls: ByNumber::new(),
            has_tokens: false,
            has_dropped: false,
            connecting: None,
            reading: Reading::default(),
        }
    }

    /// Runs until the client is closed, or its last handle and future are gone.
    pub(super) async fn run(mut self) {
        let cancelled = Arc::clone(&self.cancelled);
        let mut cancellation = pin!(cancelled.notified());
        let mut alarm = Alarm::default();
        // A time that is not later than now.
        let mut earlier = Instant::now();
        let done = loop {
            let now = StepTime::after(earlier);
            self.process_events(&now);
            let wake = self.advance(&now);
            if self.engine.has_events() || self.engine.is_disconnected() {
                self.process_events(&now);
            }
            self.write();
            earlier = now.at_least();
            let wants_write = !self.engine.output().is_empty();
            tokio::select! {
                biased;
                () = &mut cancellation, if self.has_tokens => {
                    cancellation.set(cancelled.notified());
                    self.give_up_cancelled();
                }
                result = exchange(self.stream.as_mut(), &mut self.reading, wants_write),
                    if self.stream.is_some() => {
                    if let Some(result) = result {
                        self.received(result, &StepTime::after(earlier));
                    }
                    // A server that never falls silent must not keep them waiting.
                    if let Some(done) = self.execute_waiting() {
                        break Some(done);
                    }
                }
                command = self.commands.recv() => match command {
                    None => break None,
                    Some(Command::Close { done }) => break Some(done),
                    Some(command) => {
                        self.execute(command);
                        if let Some(done) = self.execute_waiting() {
                            break Some(done);
                        }
                    }
                },
                () = alarm.at(wake), if wake.is_some() => alarm.has_rung(),
            }
        };
        self.finish().await;
        if let Some(done) = done {
            // Fails if the future of `close` has been dropped.
            let _ = done.send(());
        }
    }

    /// Executes the commands that are there, up to a limit, so that calls that are made together leave together. Returns
    /// the request to close, if it is among them.
    fn execute_waiting(&mut self) -> Option<oneshot::Sender<()>> {
        for _ in 0..COMMANDS_IN_A_ROW {
            match self.commands.try_recv() {
                Err(_) => break,
                Ok(Command::Close { done }) => return Some(done),
                Ok(command) => self.execute(command),
            }
        }
        if std::mem::take(&mut self.has_dropped) {
            self.give_up_cancelled();
        }
        None
    }

    fn execute(&mut self, command: Command) {
        match command {
            Command::Call(request) => self.begin(request),
            Command::CancelDropped => self.has_dropped = true,
            Command::Connect { timeout, reply } => {
                self.engine.start_first_connection(timeout, Instant::now());
                self.connecting = Some(reply);
            }
            Command::Withdraw { claim } => self.engine.withdraw(claim, Instant::now()),
            Command::Close { .. } => {}
        }
    }

    fn begin(&mut self, request: CallRequest) {
        let CallRequest {
            frame,
            idempotent,
            timing,
            owner,
        } = request;
        if let Some(token) = &owner.token {
            token.notify(&self.cancelled);
            self.has_tokens = true;
        }
        let begun = match owner.has_cancelled() {
            true => Err(NotSent::Cancelled),
            false => self.engine.begin(frame, idempotent, timing),
        };
        match begun {
            Ok(number) => self.calls.push(number, owner),
            // Fails if the future has been dropped.
            Err(reason) => drop(owner.reply.send(CallEnd::not_sent(reason))),
        }
    }

    /// Gives up the calls whose futures are gone or whose tokens are cancelled.
    fn give_up_cancelled(&mut self) {
        self.give_up(CallOwner::has_cancelled, &NotSent::Cancelled);
    }

    fn give_up(&mut self, which: fn(&CallOwner) -> bool, reason: &NotSent) {
        let calls = self.calls.iter().filter(|(_, owner)| which(owner));
        for number in calls.map(|(number, _)| number).collect::<Vec<_>>() {
            if let Some(end) = self.engine.give_up(number, reason.clone()) {
                self.end(number, end);
            }
        }
    }

    /// Takes the next step towards a connection, if one is needed. Returns when to wake up for the next step or for a
    /// timeout.
    fn advance(&mut self, now: &StepTime) -> Option<Instant> {
        let mut wake = None;
        if self.calls.is_empty() && !self.engine.awaits_first_connection() {
            self.engine.became_idle();
        } else if self.engine.is_disconnected() {
            wake = self.connect(now.now());
        }
        wake.into_iter().chain(self.engine.poll_timeout()).min()
    }

    /// Takes the next step towards a connection. Returns when to take another one.
    fn connect(&mut self, now: Instant) -> Option<Instant> {
        match self.engine.next_step(now) {
            Step::Exchange => None,
            Step::Wait(until) => Some(until),
            Step::ProcessEvents => Some(now),
            Step::Attach(stream, server) => {
                let result = TcpStream::from_std(stream).map(|stream| {
                    self.stream = Some(stream);
                });
                self.engine.attached(result, server, now);
                Some(now)
            }
        }
    }

    /// Hands out the results of everything that has happened to the engine.
    fn process_events(&mut self, now: &StepTime) {
        self.engine.handle_timeout(now);
        while let Some(event) = self.engine.poll_event(now) {
            match event {
                Event::Ended { call, outcome } => self.end(call, CallEnd::Outcome(outcome)),
                event => self.report(event),
            }
        }
        if self.engine.is_disconnected() {
            self.stream = None;
            self.reading.partial = None;
        }
        if self.connecting.is_some()
            && let Some(result) = self.engine.poll_first_connection(now.now())
            && let Some(connecting) = self.connecting.take()
        {
            // Fails if the future of `connect` has been dropped.
            let _ = connecting.send(result);
        }
        if self.watch.has_events() {
            self.watch.deliver();
        }
    }

    fn end(&mut self, number: u64, end: CallEnd) {
        if let Some(owner) = self.calls.remove(number) {
            // Fails if the future has been dropped.
            let _ = owner.reply.send(end);
        }
    }

    fn report(&self, event: Event) {
        if let Some((number, report)) = Report::of(event)
            && let Some(owner) = self.calls.get(number)
        {
            owner.reporting.deliver(&report);
        }
    }

    fn write(&mut self) {
        let Some(stream) = &self.stream else { return };
        let write = |slices: &[IoSlice<'_>]| match slices {
            [only] => stream.try_write(only),
            _ => stream.try_write_vectored(slices),
        };
        while let Some(written) = self.engine.write(write) {
            if written == Written::Blocked {
                return;
            }
        }
    }

    /// Takes what was read, and reads on for as long as there is more, up to a limit, so that commands get their turn.
    fn received(&mut self, mut result: io::Result<usize>, now: &StepTime) {
        for _ in 0..READS_IN_A_ROW {
            if !self.take_in(result, now) {
                return;
            }
            let Some(stream) = &self.stream else { return };
            result = match &mut self.reading.partial {
                Some(partial) => stream.try_read(partial.room()),
                None => stream.try_read(&mut self.reading.buffer),
            };
        }
        self.take_in(result, now);
    }

    /// Takes the result of one read. Returns true if there may be more to read.
    fn take_in(&mut self, result: io::Result<usize>, now: &StepTime) -> bool {
        let may_be_more = match self.reading.partial.take() {
            Some(partial) => {
                let has_read = result.as_ref().is_ok_and(|count| *count > 0);
                self.engine.received_partial(partial, result, now);
                has_read
            }
            None => {
                let buffer = &mut self.reading.buffer;
                let is_full = self.engine.received(buffer, result, now);
                if is_full {
                    grow_read_buffer(buffer);
                }
                is_full
            }
        };
        self.reading.partial = self.engine.take_partial();
        may_be_more
    }

    /// Ends the session and all calls, and says goodbye, unless the network does not take it in time.
    async fn finish(mut self) {
        self.commands.close();
        self.give_up(|_| true, &NotSent::Closed);
        self.engine.close();
        let Self { engine, stream, .. } = &mut self;
        if let Some(stream) = stream {
            let goodbye = async {
                while !engine.output().is_empty() {
                    let output = engine.output();
                    let offered = output.len();
                    let result = stream.write(output).await;
                    engine.written(offered, result);
                }
                // Fails if the connection has already ended.
                let _ = stream.shutdown().await;
            };
            // A server that does not get the goodbye notices the end of the connection.
            let _ = tokio::time::timeout(GOODBYE_TIMEOUT, goodbye).await;
        }
        self.stream = None;
        self.watch.deliver();
    }
}

/// A runtime that ends drops the task wherever it is, and a program may end without having closed its client. The goodbye is
/// sent nevertheless, as far as the network takes it at once: otherwise the server would keep the place of a client that is
/// not coming back.
impl Drop for ClientTask {
    fn drop(&mut self) {
        if self.stream.is_some() {
            if !self.engine.is_closed() {
                self.engine.close();
            }
            self.write();
        }
    }
}

impl CallOwner {
    fn has_cancelled(&self) -> bool {
        let token = self.token.as_ref();
        token.is_some_and(CancellationToken::is_cancelled) || self.reply.is_closed()
    }
}

/// Maximum number of reads before commands get their turn.
const READS_IN_A_ROW: usize = 16;
/// Maximum number of commands that are executed before their calls are written.
const COMMANDS_IN_A_ROW: usize = 256;
/// How long sending the goodbye may take.
const GOODBYE_TIMEOUT: Duration = Duration::from_millis(200);
