//! The server's log.
//!
//! A thread of its own writes log lines and the start-up hint. Writing blocks while a terminal is stopped by Ctrl-S or a
//! parent does not read a pipe; the server must go on serving and be able to stop. Lines that do not fit into the
//! thread's queue are dropped and counted.

pub mod limited;

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

/// The subject of a log line: a client, a peer, or the server itself.
#[derive(Clone, Debug, Default)]
pub struct About {
    peer: Option<SocketAddr>,
    client: Option<String>,
}

impl About {
    /// About the server itself.
    pub fn server() -> Self {
        Self::default()
    }

    /// About the peer of a connection that has no name yet.
    pub fn peer(peer: SocketAddr) -> Self {
        Self {
            peer: Some(peer),
            client: None,
        }
    }

    /// About a client, by its name.
    pub fn client(client: impl Into<String>) -> Self {
        Self {
            peer: None,
            client: Some(client.into()),
        }
    }
}

enum LogEntry {
    Event(LogEvent),
    /// Text for standard error, written as it is.
    Text(Vec<u8>),
    /// A request to send `()` once everything queued before it is written.
    Flush(SyncSender<()>),
}

struct LogEvent {
    /// The subscriber of the thread that logs.
    subscriber: Dispatch,
    level: tracing::Level,
    about: About,
    text: String,
}

/// Logs a failure.
pub fn error(about: About, text: impl Display) {
    event(tracing::Level::ERROR, about, text);
}

/// Logs something that is probably a mistake.
pub fn warn(about: About, text: impl Display) {
    event(tracing::Level::WARN, about, text);
}

/// Logs an ordinary event.
pub fn info(about: About, text: impl Display) {
    event(tracing::Level::INFO, about, text);
}

/// Returns false if nobody listens to ordinary events.
pub fn tells_infos() -> bool {
    LevelFilter::current() >= tracing::Level::INFO
}

/// Logs a detail for debugging.
pub fn debug(about: About, text: impl Display) {
    event(tracing::Level::DEBUG, about, text);
}

/// Prints text on standard error.
pub fn print(text: impl Into<Vec<u8>>) {
    send(LogEntry::Text(text.into()));
}

/// Waits until everything logged so far is written, for at most `limit`. Blocks.
pub fn flush(limit: Duration) {
    let (done, written) = sync_channel(1);
    send(LogEntry::Flush(done));
    let _ = written.recv_timeout(limit);
}

fn event(level: tracing::Level, about: About, text: impl Display) {
    if level > LevelFilter::current() {
        return;
    }
    send(LogEntry::Event(LogEvent {
        subscriber: get_default(Clone::clone),
        level,
        about,
        text: text.to_string(),
    }));
}

static LOST: AtomicU64 = AtomicU64::new(0);

fn send(entry: LogEntry) {
    static WRITER: OnceLock<Option<SyncSender<LogEntry>>> = OnceLock::new();
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

fn write_all(entries: &Receiver<LogEntry>) {
    IS_WRITER.set(true);
    for entry in entries {
        match entry {
            LogEntry::Event(event) => {
                // The subscriber is user code, and may panic.
                let _ = ipc_core::contain::contain(|| event.write());
            }
            LogEntry::Text(text) => write_text(&text),
            // The receiver may have given up.
            LogEntry::Flush(done) => drop(done.try_send(())),
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
    // If the terminal is closed, the server goes on.
    let _ = io::stderr().lock().write_all(text);
}

impl LogEvent {
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

/// Installs a subscriber that writes to standard error, unless the program has installed one. Returns whether it did.
#[cfg(feature = "log")]
pub fn install_default() -> bool {
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
            print(format!("RUST_LOG is not valid and is ignored: {error}\n"));
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
        .with_writer(|| LogWriter);
    // Fails if another thread has installed one in the meantime.
    let log = tracing_subscriber::registry().with(levels).with(lines);
    log.try_init().is_ok()
}

/// Without the feature `log`, a program that wants a log installs a `tracing` subscriber itself.
#[cfg(not(feature = "log"))]
pub fn install_default() -> bool {
    false
}

/// Standard error, written by the log's thread: drivers log, too, and must not block.
#[cfg(feature = "log")]
struct LogWriter;

#[cfg(feature = "log")]
impl Write for LogWriter {
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

/// The target of all log lines.
pub const TARGET: &str = "ipc_server";
/// Maximum number of lines in the queue of the log's thread.
const CAPACITY: usize = 1024;
