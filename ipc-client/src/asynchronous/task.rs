//! The task behind an async client: it alone has the socket and the session.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_core::NotSent;
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;

use crate::builder::Settings;
use crate::call::{Ended, ProgressCallback, Timing};
use crate::dial::{Dial, Dialled};
use crate::engine::{CallEvent, Engine, Step};
use crate::error::ConnectError;
use crate::socket;
use crate::state::Watch;

/// What handles and futures ask of the task.
pub(super) enum Command {
    Call {
        frame: Vec<u8>,
        idempotent: bool,
        timing: Timing,
        on_progress: Option<ProgressCallback>,
        reply: oneshot::Sender<Ended>,
    },
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

pub(super) struct Task {
    engine: Engine,
    settings: Arc<Settings>,
    watch: Arc<Watch>,
    commands: UnboundedReceiver<Command>,
    stream: Option<TcpStream>,
    dial: Option<Dial>,
    calls: Vec<Pending>,
    connecting: Option<Connecting>,
    buffer: Vec<u8>,
    write_failed: bool,
}

struct Pending {
    call: u64,
    on_progress: Option<ProgressCallback>,
    reply: oneshot::Sender<Ended>,
}

/// One who waits for the first connection.
struct Connecting {
    timeout: Duration,
    until: Option<Instant>,
    reply: oneshot::Sender<Result<(), ConnectError>>,
}

impl Task {
    pub(super) fn new(
        settings: Arc<Settings>,
        watch: Arc<Watch>,
        commands: UnboundedReceiver<Command>,
    ) -> Self {
        Self {
            engine: Engine::new(Arc::clone(&settings), Arc::clone(&watch)),
            settings,
            watch,
            commands,
            stream: None,
            dial: None,
            calls: Vec::new(),
            connecting: None,
            buffer: vec![0; BUFFER],
            write_failed: false,
        }
    }

    /// Runs until the client is closed, or its last handle and future are gone.
    pub(super) async fn run(mut self) {
        let done = loop {
            let wake = self.advance();
            self.settle();
            self.write();
            let wants_write = self.has_output();
            tokio::select! {
                command = self.commands.recv() => match command {
                    None => break None,
                    Some(Command::Close { done }) => break Some(done),
                    Some(command) => self.obey(command),
                },
                ready = readiness(self.stream.as_ref(), wants_write) => match ready {
                    Ok(()) => self.read(),
                    Err(error) => self.engine.session.handle_eof(Some(error.to_string())),
                },
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
        let now = Instant::now();
        match command {
            Command::Call {
                frame,
                idempotent,
                timing,
                on_progress,
                reply,
            } => {
                if reply.is_closed() {
                    return;
                }
                if let Some(refusal) = self.engine.take_untold() {
                    // Nobody may wait for the answer any more.
                    let _ = reply.send(Ended::not_sent(refusal));
                    return;
                }
                let timeout = timing.timeout;
                let session = &mut self.engine.session;
                let call = session.call(frame, idempotent, timeout, timing.started);
                self.calls.push(Pending {
                    call,
                    on_progress,
                    reply,
                });
            }
            Command::Sweep => {
                let session = &mut self.engine.session;
                self.calls.retain(|pending| {
                    let gone = pending.reply.is_closed();
                    if gone {
                        session.give_up(pending.call);
                    }
                    !gone
                });
            }
            Command::Connect { timeout, reply } => {
                self.engine.begin_first(timeout, now);
                self.connecting = Some(Connecting {
                    timeout,
                    until: now.checked_add(timeout),
                    reply,
                });
            }
            Command::Close { .. } => {}
        }
    }

    /// Makes a connection if somebody needs one. Returns when to go on with it, or with whatever else has a time.
    fn advance(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let mut wake = self.connecting.as_ref().and_then(|c| c.until);
        if self.calls.is_empty() && self.connecting.is_none() {
            self.dial = None;
            self.engine.nobody_waits();
        } else {
            let step = match self.engine.next_step(now) {
                Step::Converse => None,
                Step::Pause(until) => Some(until),
                Step::Dial => Some(self.dial(now).unwrap_or(now)),
            };
            wake = earlier(wake, step);
        }
        earlier(wake, self.engine.session.poll_timeout())
    }

    fn dial(&mut self, now: Instant) -> Option<Instant> {
        let dialled = match (&mut self.dial, &self.settings.address) {
            (Some(dial), _) => dial.poll(now),
            (none, Ok(address)) => none.insert(Dial::start(address, now)).poll(now),
            (None, Err(error)) => Dialled::Failed(error.clone()),
        };
        let result = match dialled {
            Dialled::Pending(at) => return Some(at),
            Dialled::Connected(stream, server) => self.attach(stream, server, now),
            Dialled::Failed(error) => Err(error),
        };
        self.dial = None;
        if let Err(error) = result {
            self.engine.attempt_failed(error, now);
        }
        None
    }

    fn attach(
        &mut self,
        stream: std::net::TcpStream,
        server: SocketAddr,
        now: Instant,
    ) -> Result<(), ConnectError> {
        let prepare = || {
            socket::tune(&stream, self.settings.liveness)?;
            TcpStream::from_std(stream)
        };
        let stream =
            prepare().map_err(|error| ConnectError::from_io(server.to_string(), &error))?;
        self.stream = Some(stream);
        self.write_failed = false;
        self.engine.connected(server, now);
        Ok(())
    }

    /// Acts on what the session made of bytes and time, and tells all whom it concerns.
    fn settle(&mut self) {
        let now = Instant::now();
        let session = &mut self.engine.session;
        if session.poll_timeout().is_some_and(|at| at <= now) {
            session.handle_timeout(now);
        }
        while let Some(event) = self.engine.poll_event(now) {
            match event {
                CallEvent::Ended { call, outcome } => {
                    let queue = self.engine.queue().cloned();
                    self.end(
                        call,
                        Ended {
                            queue,
                            ..outcome.into()
                        },
                    );
                }
                CallEvent::Progress {
                    call,
                    fraction,
                    message,
                } => {
                    let pending = self.calls.iter().find(|pending| pending.call == call);
                    if let Some(on_progress) = pending.and_then(|p| p.on_progress.as_ref()) {
                        contain(|| on_progress(fraction, &message));
                    }
                }
            }
        }
        if self.engine.session.is_disconnected() {
            self.stream = None;
        }
        self.answer_connecting(now);
        if self.watch.has_notices() {
            contain(|| self.watch.deliver());
        }
    }

    fn answer_connecting(&mut self, now: Instant) {
        let Some(connecting) = self.connecting.take() else {
            return;
        };
        let answer = if self.engine.session.is_ready() {
            self.engine.end_first();
            Ok(())
        } else if let Some(error) = self.engine.take_failure() {
            Err(error)
        } else if connecting.until.is_some_and(|until| until <= now) {
            Err(self.engine.waited_too_long(connecting.timeout))
        } else {
            self.connecting = Some(connecting);
            return;
        };
        // Whoever asked may have stopped waiting.
        let _ = connecting.reply.send(answer);
    }

    fn end(&mut self, call: u64, ended: Ended) {
        let at = self.calls.iter().position(|pending| pending.call == call);
        if let Some(at) = at {
            // A future that was dropped meanwhile misses nothing.
            let _ = self.calls.swap_remove(at).reply.send(ended);
        }
    }

    fn has_output(&self) -> bool {
        !self.write_failed && !self.engine.session.transmit().is_empty()
    }

    fn write(&mut self) {
        let Some(stream) = &self.stream else { return };
        while !self.write_failed && !self.engine.session.transmit().is_empty() {
            match stream.try_write(self.engine.session.transmit()) {
                // What the peer said before it went away is still to be read, so this is not the end yet.
                Ok(0) => self.write_failed = true,
                Ok(written) => self.engine.session.consume(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.write_failed = true,
            }
        }
    }

    /// Reads what is there, but not for ever: commands want their turn, too.
    fn read(&mut self) {
        for _ in 0..READS_IN_A_ROW {
            let Some(stream) = &self.stream else { return };
            let now = Instant::now();
            let session = &mut self.engine.session;
            match stream.try_read(&mut self.buffer) {
                Ok(0) => return session.handle_eof(None),
                Ok(count) => {
                    session.handle_input(self.buffer.get(..count).unwrap_or_default(), now);
                    if count < self.buffer.len() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => return session.handle_eof(Some(error.to_string())),
            }
        }
    }

    /// Ends the session and all calls, and says goodbye as far as the network takes it at once.
    async fn finish(mut self) {
        self.commands.close();
        for pending in std::mem::take(&mut self.calls) {
            let given_up = self.engine.session.give_up(pending.call);
            if let Some(ended) = Ended::given_up(given_up, NotSent::Closed) {
                let _ = pending.reply.send(ended);
            }
        }
        self.engine.close();
        if let Some(mut stream) = self.stream.take() {
            let goodbye = async {
                while !self.engine.session.transmit().is_empty() {
                    let written = stream.write(self.engine.session.transmit()).await?;
                    if written == 0 {
                        return Err(io::ErrorKind::WriteZero.into());
                    }
                    self.engine.session.consume(written);
                }
                stream.shutdown().await
            };
            // A server that does not take the goodbye finds out by itself.
            let _ = tokio::time::timeout(GOODBYE, goodbye).await;
        }
        contain(|| self.watch.deliver());
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

fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// A callback that panics has told so already; it does not take the connection along.
fn contain(callback: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(callback));
}

const BUFFER: usize = 64 * 1024;
const READS_IN_A_ROW: usize = 16;
/// So long the goodbye may take.
const GOODBYE: Duration = Duration::from_millis(200);
