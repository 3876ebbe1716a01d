//! The task behind an async client, which owns its socket and its session.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_core::NotSent;
use ipc_core::session::client::Event;
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{Notify, oneshot};

use crate::call::{CallEnd, Timing};
use crate::callback::ProgressCallback;
use crate::cancel::CancellationToken;
use crate::engine::{Engine, Step, Written};
use crate::error::ConnectError;
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
    Close {
        done: oneshot::Sender<()>,
    },
}

/// A call to be made.
pub(super) struct CallRequest {
    pub(super) frame: Vec<u8>,
    pub(super) idempotent: bool,
    pub(super) timing: Timing,
    pub(super) owner: CallOwner,
}

/// The task's link to the future of a call.
pub(super) struct CallOwner {
    pub(super) token: Option<CancellationToken>,
    pub(super) on_progress: Option<ProgressCallback>,
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
    calls: Vec<PendingCall>,
    /// The program that waits for the first connection, if one does.
    connecting: Option<oneshot::Sender<Result<(), ConnectError>>>,
    buffer: Vec<u8>,
}

struct PendingCall {
    number: u64,
    owner: CallOwner,
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
            calls: Vec::new(),
            connecting: None,
            buffer: vec![0; BUFFER],
        }
    }

    /// Runs until the client is closed, or its last handle and future are gone.
    pub(super) async fn run(mut self) {
        let done = loop {
            let wake = self.advance();
            self.process_events();
            self.write();
            let wants_write = !self.engine.output().is_empty();
            tokio::select! {
                command = self.commands.recv() => match command {
                    None => break None,
                    Some(Command::Close { done }) => break Some(done),
                    Some(command) => self.execute(command),
                },
                ready = readiness(self.stream.as_ref(), wants_write) => match ready {
                    Ok(()) => self.read(),
                    Err(error) => self.engine.lost_because(&error.to_string()),
                },
                () = self.cancelled.notified() => self.give_up_cancelled(),
                () = sleep_until(wake) => {}
            }
            self.process_events();
        };
        self.finish().await;
        if let Some(done) = done {
            // Fails if the future of `close` has been dropped.
            let _ = done.send(());
        }
    }

    fn execute(&mut self, command: Command) {
        match command {
            Command::Call(request) => self.begin(request),
            Command::CancelDropped => self.give_up_cancelled(),
            Command::Connect { timeout, reply } => {
                self.engine.start_first_connection(timeout, Instant::now());
                self.connecting = Some(reply);
            }
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
        }
        let begun = match owner.has_cancelled() {
            true => Err(NotSent::Cancelled),
            false => self.engine.begin(frame, idempotent, timing),
        };
        match begun {
            Ok(number) => self.calls.push(PendingCall { number, owner }),
            // Fails if the future has been dropped.
            Err(reason) => drop(owner.reply.send(CallEnd::not_sent(reason))),
        }
    }

    /// Gives up the calls whose futures are gone or whose tokens are cancelled.
    fn give_up_cancelled(&mut self) {
        self.give_up(CallOwner::has_cancelled, &NotSent::Cancelled);
    }

    fn give_up(&mut self, which: fn(&CallOwner) -> bool, reason: &NotSent) {
        let calls = self.calls.iter().filter(|call| which(&call.owner));
        for number in calls.map(|call| call.number).collect::<Vec<_>>() {
            if let Some(end) = self.engine.give_up(number, reason.clone()) {
                self.end(number, end);
            }
        }
    }

    /// Takes the next step towards a connection, if one is needed. Returns when to wake up for the next step or for a
    /// timeout.
    fn advance(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let mut wake = None;
        if self.calls.is_empty() && !self.engine.awaits_first_connection() {
            self.engine.became_idle();
        } else {
            wake = match self.engine.next_step(now) {
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
            };
        }
        wake.into_iter().chain(self.engine.poll_timeout()).min()
    }

    /// Hands out the results of everything that has happened to the engine.
    fn process_events(&mut self) {
        let now = Instant::now();
        self.engine.handle_timeout(now);
        while let Some(event) = self.engine.poll_event(now) {
            match event {
                Event::Ended { call, outcome } => self.end(call, CallEnd::Outcome(outcome)),
                Event::Progress {
                    call,
                    fraction,
                    message,
                } => self.progress(call, fraction, &message),
                _ => {}
            }
        }
        if self.engine.is_disconnected() {
            self.stream = None;
        }
        if let Some(result) = self.engine.poll_first_connection(now)
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
        if let Some(at) = self.calls.iter().position(|call| call.number == number) {
            // Fails if the future has been dropped.
            let _ = self.calls.swap_remove(at).owner.reply.send(end);
        }
    }

    fn progress(&self, number: u64, fraction: f64, message: &str) {
        let call = self.calls.iter().find(|call| call.number == number);
        if let Some(on_progress) = call.and_then(|call| call.owner.on_progress.as_ref()) {
            on_progress.run(|on_progress| on_progress(fraction, message));
        }
    }

    fn write(&mut self) {
        let Some(stream) = &self.stream else { return };
        while !self.engine.output().is_empty() {
            let result = stream.try_write(self.engine.output());
            if self.engine.written(result) == Written::Blocked {
                return;
            }
        }
    }

    /// Reads what is there, up to a limit, so that commands get their turn.
    fn read(&mut self) {
        for _ in 0..READS_IN_A_ROW {
            let Some(stream) = &self.stream else { return };
            let result = stream.try_read(&mut self.buffer);
            if !self.engine.received(&self.buffer, result, Instant::now()) {
                return;
            }
        }
    }

    /// Ends the session and all calls, and says goodbye, unless the network does not take it in time.
    async fn finish(mut self) {
        self.commands.close();
        self.give_up(|_| true, &NotSent::Closed);
        self.engine.close();
        if let Some(mut stream) = self.stream.take() {
            let goodbye = async {
                while !self.engine.output().is_empty() {
                    let result = stream.write(self.engine.output()).await;
                    self.engine.written(result);
                }
                // Fails if the connection has already ended.
                let _ = stream.shutdown().await;
            };
            // A server that does not get the goodbye notices the end of the connection.
            let _ = tokio::time::timeout(GOODBYE_TIMEOUT, goodbye).await;
        }
        self.watch.deliver();
    }
}

impl CallOwner {
    fn has_cancelled(&self) -> bool {
        let token = self.token.as_ref();
        token.is_some_and(CancellationToken::is_cancelled) || self.reply.is_closed()
    }
}

async fn readiness(stream: Option<&TcpStream>, wants_write: bool) -> io::Result<()> {
    let Some(stream) = stream else {
        return pending().await;
    };
    let interest = match wants_write {
        true => Interest::READABLE | Interest::WRITABLE,
        false => Interest::READABLE,
    };
    stream.ready(interest).await.map(drop)
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => pending().await,
    }
}

const BUFFER: usize = 64 * 1024;
/// Maximum number of reads before commands get their turn.
const READS_IN_A_ROW: usize = 16;
/// How long sending the goodbye may take.
const GOODBYE_TIMEOUT: Duration = Duration::from_millis(200);
