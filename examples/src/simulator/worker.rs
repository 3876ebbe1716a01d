//! The thread behind a simulated instrument: reads commands, lets time pass, sends answers.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::plug::Plug;
use super::{Done, Shared, SimulatorOptions, Speech};

/// What the handle asks of the thread.
pub(super) enum Control {
    Plug(Done),
    Unplug(Done),
    Stop,
}

pub(super) struct Worker {
    shared: Arc<Shared>,
    orders: Receiver<Control>,
    woken: UnixStream,
    path: PathBuf,
    command_delay: Duration,
    byte_time: Duration,
    plug: Option<Plug>,
    input: Vec<u8>,
    output: VecDeque<(Instant, Vec<u8>)>,
    // Commands are executed one after the other, each from here on.
    free_at: Instant,
}

impl Worker {
    pub(super) fn new(
        options: &SimulatorOptions,
        path: PathBuf,
        shared: Arc<Shared>,
        orders: Receiver<Control>,
        woken: UnixStream,
    ) -> io::Result<Self> {
        woken.set_nonblocking(true)?;
        let byte_time = match options.baud {
            Some(baud) => Duration::from_secs(10) / baud.max(1),
            None => Duration::ZERO,
        };
        Ok(Self {
            shared,
            orders,
            woken,
            path,
            command_delay: options.command_delay,
            byte_time,
            plug: None,
            input: Vec::new(),
            output: VecDeque::new(),
            free_at: Instant::now(),
        })
    }

    pub(super) fn run(mut self) {
        while self.follow_orders() {
            self.send_due();
            if self.wait().is_err() {
                // Happens only if the kernel is out of memory. Treated like an instrument that is gone.
                self.unplug();
            }
            self.receive();
        }
    }

    /// Returns false when the thread is to end.
    fn follow_orders(&mut self) -> bool {
        loop {
            match self.orders.try_recv() {
                Ok(Control::Plug(done)) => {
                    let _ = done.send(self.insert());
                }
                Ok(Control::Unplug(done)) => {
                    self.unplug();
                    let _ = done.send(Ok(()));
                }
                Ok(Control::Stop) | Err(TryRecvError::Disconnected) => return false,
                Err(TryRecvError::Empty) => return true,
            }
        }
    }

    fn insert(&mut self) -> io::Result<()> {
        if self.plug.is_none() {
            self.plug = Some(Plug::insert(&self.path)?);
            self.free_at = Instant::now();
            self.shared.bench().instrument.power_on();
        }
        Ok(())
    }

    fn unplug(&mut self) {
        self.plug = None;
        self.input.clear();
        self.output.clear();
    }

    fn send_due(&mut self) {
        let Some(plug) = &self.plug else { return };
        let now = Instant::now();
        while let Some((_, bytes)) = self.output.pop_front_if(|(due, _)| *due <= now) {
            plug.write(&bytes);
        }
    }

    /// Waits for input, for an order, or until an answer is due.
    fn wait(&mut self) -> io::Result<()> {
        let due = self.output.front().map(|(due, _)| *due);
        let timeout = due.map(|due| due.saturating_duration_since(Instant::now()));
        let timeout = timeout.and_then(|left| Timespec::try_from(left).ok());
        let mut sources = vec![PollFd::new(&self.woken, PollFlags::IN)];
        sources.extend(
            self.plug
                .as_ref()
                .map(|plug| PollFd::from_borrowed_fd(plug.line(), PollFlags::IN)),
        );
        match poll(&mut sources, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        // At most one byte per order; the orders themselves are in the channel.
        let _ = (&self.woken).read(&mut [0; 64]);
        Ok(())
    }

    fn receive(&mut self) {
        let Some(plug) = &self.plug else { return };
        match plug.read() {
            Ok(bytes) => self.input.extend(bytes),
            Err(_) => return self.unplug(),
        }
        while let Some(end) = self.input.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.input.drain(..=end).collect();
            self.obey(String::from_utf8_lossy(&line).trim(), line.len());
        }
        if self.input.len() > MAX_COMMAND {
            self.input.clear();
        }
    }

    fn obey(&mut self, command: &str, length: usize) {
        if command.is_empty() {
            return;
        }
        if let Some(plug) = &self.plug {
            plug.release_exclusive();
        }
        let mut bench = self.shared.bench();
        bench.instrument.count(command);
        let answer = match bench.speech.clone() {
            Speech::Normal => bench.instrument.execute(command).map(|mut line| {
                line.push('\n');
                line.into_bytes()
            }),
            Speech::Silent => None,
            Speech::Garbage(bytes) => Some(bytes),
        };
        let extra_delay = answer.as_ref().and_then(|_| bench.extra_delay.take());
        drop(bench);
        self.free_at = self.free_at.max(Instant::now())
            + self.command_delay
            + self.line_time(length)
            + extra_delay.unwrap_or_default();
        if let Some(bytes) = answer {
            self.free_at += self.line_time(bytes.len());
            self.output.push_back((self.free_at, bytes));
        }
        self.shared.received.notify_all();
    }

    fn line_time(&self, bytes: usize) -> Duration {
        self.byte_time
            .saturating_mul(u32::try_from(bytes).unwrap_or(u32::MAX))
    }
}

const MAX_COMMAND: usize = 256;
