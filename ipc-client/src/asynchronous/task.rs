//! The task behind an async client: it alone has the socket and the session.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_core::NotSent;
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{Notify, oneshot};

use crate::builder::Settings;
use crate::call::{Ended, Timing};
use crate::callback::ProgressCallback;
use crate::cancel::CancelToken;
use crate::engine::{CallEvent, Engine, News, Progress, Step, Written};
use crate::error::ConnectError;
use crate::state::Watch;

/// What handles and futures ask of the task.
pub(super) enum Command {
    Call(Order),
    /// Some future was dropped; the calls of those that are gone are given up.
    Sweep,
    Connect {
        timeout: Duration,
        reply: oneshot::Sender<Result<(), ConnectError>>,
    },
    Close {
        done: oneshot::Sender<()>,
    },
}

/// A call to be made.
pub(super) struct Order {
    pub(super) frame: Vec<u8>,
    pub(super) idempotent: bool,
    pub(super) timing: Timing,
    pub(super) asker: Asker,
}

/// Who is told what becomes of a call, and may give it up.
pub(super) struct Asker {
    pub(super) token: Option<CancelToken>,
    pub(super) on_progress: Option<ProgressCallback>,
    /// Closed once the future is gone.
    pub(super) reply: oneshot::Sender<Ended>,
}

pub(super) struct Task {
    engine: Engine,
    watch: Arc<Watch>,
    commands: UnboundedReceiver<Command>,
    /// Notified when the token of some call is cancelled.
    cancelled: Arc<Notify>,
    stream: Option<TcpStream>,
    calls: Vec<Pending>,
    /// Who waits for the first connection.
    connecting: Option<oneshot::Sender<Result<(), ConnectError>>>,
    buffer: Vec<u8>,
}

struct Pending {
    call: u64,
    asker: Asker,
}

impl Task {
    pub(super) fn new(
        settings: Arc<Settings>,
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
            self.settle();
            self.write();
            let wants_write = !self.engine.output().is_empty();
            tokio::select! {
                command = self.commands.recv() => match command {
                    None => break None,
                    Some(Command::Close { done }) => break Some(done),
                    Some(command) => self.obey(command),
                },
                ready = readiness(self.stream.as_ref(), wants_write) => match ready {
                    Ok(()) => self.read(),
                    Err(error) => self.engine.lost_because(&error.to_string()),
                },
                () = self.cancelled.notified() => self.sweep(),
                () = sleep_until(wake) => {}
            }
            self.settle();
        };
        self.finish().await;
        if let Some(done) = done {
            // Whoever asked may have stopped waiting.
            let _ = done.send(());
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Call(order) => self.begin(order),
            Command::Sweep => self.sweep(),
            Command::Connect { timeout, reply } => {
                self.engine.begin_first(timeout, Instant::now());
                self.connecting = Some(reply);
            }
            Command::Close { .. } => {}
        }
    }

    fn begin(&mut self, order: Order) {
        let Order {
            frame,
            idempotent,
            timing,
            asker,
        } = order;
        if let Some(token) = &asker.token {
            token.wakes(&self.cancelled);
        }
        let begun = match asker.has_given_up() {
            true => Err(NotSent::Cancelled),
            false => self.engine.begin(frame, idempotent, timing),
        };
        match begun {
            Ok(call) => self.calls.push(Pending { call, asker }),
            // Nobody may wait for the answer any more.
            Err(reason) => drop(asker.reply.send(Ended::not_sent(reason))),
        }
    }

    /// Gives the calls up whose futures are gone, or whose tokens are cancelled.
    fn sweep(&mut self) {
        self.give_up(Asker::has_given_up, &NotSent::Cancelled);
    }

    fn give_up(&mut self, which: fn(&Asker) -> bool, reason: &NotSent) {
        let calls = self.calls.iter().filter(|pending| which(&pending.asker));
        for call in calls.map(|pending| pending.call).collect::<Vec<_>>() {
            if let Some(ended) = self.engine.give_up(call, reason.clone()) {
                let news = News::Ended(ended);
                self.tell(CallEvent { call, news });
            }
        }
    }

    /// Makes a connection if somebody needs one. Returns when to go on with it, or with whatever else has a time.
    fn advance(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let mut wake = None;
        if self.calls.is_empty() && !self.engine.awaits_first() {
            self.engine.nobody_waits();
        } else {
            wake = match self.engine.next_step(now) {
                Step::Converse => None,
                Step::Wait(until) => Some(until),
                Step::Settle => Some(now),
                Step::Attach(stream, server) => {
                    let stream = TcpStream::from_std(stream).map(|stream| {
                        self.stream = Some(stream);
                    });
                    self.engine.attached(stream, server, now);
                    Some(now)
                }
            };
        }
        wake.into_iter().chain(self.engine.poll_timeout()).min()
    }

    /// Acts on what the engine made of bytes and time, and tells all whom it concerns.
    fn settle(&mut self) {
        let now = Instant::now();
        self.engine.settle(now);
        while let Some(event) = self.engine.poll_event(now) {
            self.tell(event);
        }
        if self.engine.is_disconnected() {
            self.stream = None;
        }
        if let Some(result) = self.engine.poll_first(now)
            && let Some(connecting) = self.connecting.take()
        {
            // Whoever asked may have stopped waiting.
            let _ = connecting.send(result);
        }
        if self.watch.has_notices() {
            self.watch.deliver();
        }
    }

    fn tell(&mut self, CallEvent { call, news }: CallEvent) {
        let Some(at) = self.calls.iter().position(|pending| pending.call == call) else {
            return;
        };
        match news {
            News::Ended(ended) => {
                // A future that was dropped meanwhile misses nothing.
                let _ = self.calls.swap_remove(at).asker.reply.send(ended);
            }
            News::Progress(Progress { fraction, message }) => {
                let pending = self.calls.get(at);
                if let Some(on_progress) = pending.and_then(|p| p.asker.on_progress.as_ref()) {
                    on_progress.run(|tell| tell(fraction, &message));
                }
            }
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

    /// Reads what is there, but not for ever: commands want their turn, too.
    fn read(&mut self) {
        for _ in 0..READS_IN_A_ROW {
            let Some(stream) = &self.stream else { return };
            let result = stream.try_read(&mut self.buffer);
            if !self.engine.received(&self.buffer, result, Instant::now()) {
                return;
            }
        }
    }

    /// Ends the session and all calls, and says goodbye as far as the network takes it at once.
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
                // It may have ended before.
                let _ = stream.shutdown().await;
            };
            // A server that does not take the goodbye finds out by itself.
            let _ = tokio::time::timeout(GOODBYE, goodbye).await;
        }
        self.watch.deliver();
    }
}

impl Asker {
    fn has_given_up(&self) -> bool {
        let is_cancelled = self.token.as_ref().is_some_and(CancelToken::is_cancelled);
        is_cancelled || self.reply.is_closed()
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
const READS_IN_A_ROW: usize = 16;
/// So long the goodbye may take.
const GOODBYE: Duration = Duration::from_millis(200);
