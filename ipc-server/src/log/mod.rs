//! The server's log.
//!
//! Log lines and the start-up hint are written by a thread of their own. A terminal after Ctrl-S, or a pipe that its
//! parent does not read, blocks whoever writes to it; the server must go on serving, and must be able to stop. Lines
//! that the thread cannot take are dropped and counted.

pub(crate) mod complaints;

use std::cell::Cell;
use std::fmt::Display;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use tracing::Dispatch;
use tracing::dispatcher::{get_default, with_default};
use tracing::level_filters::LevelFilter;

/// The client or peer that a line is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    peer: Option<SocketAddr>,
    client: Option<String>,
}

impl About {
    /// About the server itself.
    pub(crate) fn server() -> Self {
        Self::default()
    }

    /// About the other end of a connection.
    pub(crate) fn peer(peer: SocketAddr) -> Self {
        Self {
            peer: Some(peer),
            client: None,
        }
    }

    /// About a client, by what it calls itself.
    pub(crate) fn client(client: impl Into<String>) -> Self {
        Self {
            peer: None,
            client: Some(client.into()),
        }
    }
}

enum Entry {
    Event(Event),
    /// Goes to standard error as it is.
    Text(Vec<u8>),
    /// Answered when everything before it is written.
    Flush(SyncSender<()>),
}

struct Event {
    /// The subscriber of the thread that logged.
    subscriber: Dispatch,
    level: tracing::Level,
    about: About,
    text: String,
}

/// Logs something to be looked into.
pub(crate) fn error(about: About, text: impl Display) {
    event(tracing::Level::ERROR, about, text);
}

/// Logs something that is probably not meant to be.
pub(crate) fn warn(about: About, text: impl Display) {
    event(tracing::Level::WARN, about, text);
}

/// Logs an ordinary event.
pub(crate) fn info(about: About, text: impl Display) {
    event(tracing::Level::INFO, about, text);
}

/// Logs what only an investigation wants to know.
pub(crate) fn debug(about: About, text: impl Display) {
    event(tracing::Level::DEBUG, about, text);
}

/// Prints text on standard error.
pub(crate) fn print(text: impl Into<Vec<u8>>) {
    send(Entry::Text(text.into()));
}

/// Waits until everything logged so far is written, for at most `limit`. Blocks.
pub(crate) fn flush(limit: Duration) {
    let (done, written) = sync_channel(1);
    send(Entry::Flush(done));
    // A log that nobody reads is not waited for.
    let _ = written.recv_timeout(limit);
}

fn event(level: tracing::Level, about: About, text: impl Display) {
    if level > LevelFilter::current() {
        return;
    }
    send(Entry::Event(Event {
        subscriber: get_default(Clone::clone),
        level,
        about,
        text: text.to_string(),
    }));
}

static LOST: AtomicU64 = AtomicU64::new(0);

fn send(entry: Entry) {
    static WRITER: OnceLock<Option<SyncSender<Entry>>> = OnceLock::new();
    let writer = WRITER.get_or_init(|| {
        let (sender, entries) = sync_channel(CAPACITY);
        let thread = thread::Builder::new().name("ipc log".into());
        thread.spawn(move || write_all(&entries)).ok()?;
        Some(sender)
    });
    let taken = writer.as_ref().map(|writer| writer.try_send(entry));
    if !matches!(taken, Some(Ok(()))) {
        LOST.fetch_add(1, Ordering::Relaxed);
    }
}

thread_local! {
    static IS_WRITER: Cell<bool> = const { Cell::new(false) };
}

fn write_all(entries: &Receiver<Entry>) {
    IS_WRITER.set(true);
    for entry in entries {
        match entry {
            Entry::Event(event) => {
                // A subscriber is code of the user's program.
                let _ = ipc_core::contain::contain(|| event.write());
            }
            Entry::Text(text) => write_text(&text),
            // Whoever asked may have stopped waiting.
            Entry::Flush(done) => drop(done.try_send(())),
        }
        let lost = LOST.swap(0, Ordering::Relaxed);
        if lost > 0 {
            write_text(
                format!("{lost} log lines were lost: the log is not read fast enough\n").as_bytes(),
            );
        }
    }
}

fn write_text(text: &[u8]) {
    // A server whose terminal was closed goes on serving.
    let _ = io::stderr().lock().write_all(text);
}

impl Event {
    fn write(&self) {
        let About { peer, client } = &self.about;
        let peer = peer.map(tracing::field::display);
        let (client, text) = (client.as_deref(), &self.text);
        with_default(&self.subscriber, || match self.level {
            tracing::Level::ERROR => tracing::error!(target: TARGET, peer, client, "{text}"),
            tracing::Level::WARN => tracing::warn!(target: TARGET, peer, client, "{text}"),
            tracing::Level::INFO => tracing::info!(target: TARGET, peer, client, "{text}"),
            _ => tracing::debug!(target: TARGET, peer, client, "{text}"),
        });
    }
}

/// Sends the log to standard error, if the program has not chosen another place for it. Returns true if that was so.
#[cfg(feature = "log")]
pub(crate) fn install_default() -> bool {
    use std::io::IsTerminal;

    use tracing_subscriber::filter::Targets;
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;

    if tracing::dispatcher::has_been_set() {
        return false;
    }
    let default = || Targets::new().with_default(LevelFilter::INFO);
    let asked = std::env::var("RUST_LOG").unwrap_or_default();
    let levels = match asked.parse::<Targets>() {
        _ if asked.trim().is_empty() => default(),
        Ok(levels) => levels,
        Err(error) => {
            print(format!(
                "RUST_LOG is not understood, and not used: {error}\n"
            ));
            default()
        }
    };
    if asked != "off" && !levels.would_enable(TARGET, &tracing::Level::ERROR) {
        print(format!(
            "RUST_LOG={asked:?} hides the log of the server; `{TARGET}=info` in it shows it\n"
        ));
    }
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(io::stderr().is_terminal())
        // Standard error may be closed.
        .log_internal_errors(false)
        .with_writer(|| Output);
    // Another thread may install one in this very moment.
    let log = tracing_subscriber::registry().with(levels).with(lines);
    log.try_init().is_ok()
}

/// Without the feature `log`, a program that wants a log installs a `tracing` subscriber itself.
#[cfg(not(feature = "log"))]
pub(crate) fn install_default() -> bool {
    false
}

/// Standard error, by way of the log's thread: drivers may log, too, and must not be blocked by a log that nobody reads.
#[cfg(feature = "log")]
struct Output;

#[cfg(feature = "log")]
impl Write for Output {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match IS_WRITER.get() {
            true => write_text(line),
            false => print(line),
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) const TARGET: &str = "ipc_server";
/// How many lines wait to be written before further ones are dropped.
const CAPACITY: usize = 1024;
