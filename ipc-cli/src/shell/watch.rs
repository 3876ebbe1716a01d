//! Watches the server while the shell waits for a line, and tells what happens.
//!
//! A blocking client looks at its connection during calls only. While a line is edited, this thread therefore asks the
//! server something small every second. With a lease, the question belongs to the session of the shell: it keeps the lease
//! through a lost connection, and brings notices about it. Without one, the question goes beside the session, so that a
//! shell that nobody uses neither takes the server nor waits for it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipc_client::{CallError, CancellationToken, Client, ConnectionState};

use crate::connect::Session;
use crate::failure::{ExitCode, Failure};
use crate::output::remark;

/// What watches the server of a session.
pub(super) struct Watch<'a> {
    session: &'a Session,
    prompt: Mutex<Prompt>,
    changed: Condvar,
    /// Number of leases of the shell.
    pub(super) leases: AtomicUsize,
    seen: Mutex<Seen>,
}

/// Whether a line is being edited.
#[derive(Default)]
struct Prompt {
    /// Cancelled when the line is there.
    token: Option<CancellationToken>,
    is_over: bool,
}

/// What the user knows of the connection.
#[derive(Default)]
struct Seen {
    is_away: bool,
    connected: Option<Instant>,
    handovers: u64,
}

impl<'a> Watch<'a> {
    pub(super) fn new(session: &'a Session) -> Self {
        Self {
            session,
            prompt: Mutex::default(),
            changed: Condvar::new(),
            leases: AtomicUsize::new(0),
            seen: Mutex::default(),
        }
    }

    /// Watches until [`end`](Self::end), while lines are edited.
    pub(super) fn run(&self) {
        loop {
            let prompt = self
                .changed
                .wait_timeout_while(lock(&self.prompt), EVERY, |prompt| !prompt.is_over);
            let (prompt, _) = prompt.unwrap_or_else(PoisonError::into_inner);
            if prompt.is_over {
                return;
            }
            let token = prompt.token.clone();
            drop(prompt);
            if let Some(token) = token {
                self.look(&token);
            }
        }
    }

    /// Runs `edit`, during which the server is watched.
    pub(super) fn during<T>(&self, edit: impl FnOnce() -> T) -> T {
        lock(&self.prompt).token = Some(CancellationToken::new());
        let result = edit();
        if let Some(token) = lock(&self.prompt).token.take() {
            token.cancel();
        }
        result
    }

    pub(super) fn end(&self) {
        lock(&self.prompt).is_over = true;
        self.changed.notify_all();
    }

    fn look(&self, token: &CancellationToken) {
        let client = self.session.client.timeout(PATIENCE).cancel_with(token);
        let answer = match self.leases.load(Ordering::Relaxed) {
            0 => client.server().devices().map(drop),
            _ => ask_in_session(&client),
        };
        if token.is_cancelled() {
            return;
        }
        let is_away = answer.is_err_and(is_lost);
        let was_away = std::mem::replace(&mut lock(&self.seen).is_away, is_away);
        let address = &self.session.server.address;
        match (was_away, is_away) {
            (false, true) => remark(format!("no connection to {address} any more")),
            (true, false) => {
                remark(format!("{address} is there again"));
                self.refresh();
            }
            _ => {}
        }
        self.tell();
    }

    /// Reads anew what the server offers. Returns true if it is something else than before.
    pub(super) fn refresh(&self) -> bool {
        let dynamic = self.session.client.dynamic();
        let client = self.session.client.timeout(PATIENCE);
        let Ok(description) = client.server().description() else {
            return false;
        };
        let is_new = dynamic.known_description().as_ref() != Some(&description);
        if is_new {
            dynamic.learn(description);
        }
        is_new
    }

    /// Tells what has become of the session since the last time.
    pub(super) fn tell(&self) {
        let client = &self.session.client;
        let mut seen = lock(&self.seen);
        if let ConnectionState::Connected { since, .. } = client.state() {
            let before = seen.connected.replace(since);
            if before.is_some_and(|before| before != since) {
                remark(client.state().to_string());
            }
        }
        let handovers = client.handovers();
        if std::mem::replace(&mut seen.handovers, handovers) < handovers {
            remark(HANDOVER);
        }
    }
}

/// The smallest question of a session: about a lease that nobody has.
fn ask_in_session(client: &Client) -> Result<(), CallError> {
    client.received_lease(0).map(drop)
}

fn is_lost(error: CallError) -> bool {
    let code = Failure::from(error).code();
    matches!(code, ExitCode::Unreachable | ExitCode::Unknown)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const HANDOVER: &str = "notice: others may have used the instruments meanwhile, or the server was restarted: settings may \
                        have changed, and leases are over";
/// Time between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(6);
