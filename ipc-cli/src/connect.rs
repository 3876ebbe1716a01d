//! The connection to a server, which all commands share.

use std::sync::Arc;
use std::time::Duration;

use ipc_client::{
    CallError, CancellationToken, Client, ConnectError, ConnectionState, NotSent, Notice,
    NoticeKind, Refusal, Retry, Secret, ServerDescription, client_name,
};

use crate::arguments::{Global, SHELL};
use crate::failure::{ExitCode, Failure};
use crate::hosts::{self, Server};
use crate::output::remark;
use crate::secret::secret;
use crate::waiting::{GivenUp, Waiting};
use crate::{interrupt, lane, progress, times};

/// A server, and how long to wait for it. The connection is made by the first call.
pub(crate) struct Session {
    pub(crate) client: Client,
    /// The server, as the user has named it.
    pub(crate) server: Server,
    pub(crate) secret: Option<Secret>,
    /// How long to wait for a server or a device that others use; `Duration::MAX` is without limit.
    pub(crate) wait: Duration,
    waiting: Arc<Waiting>,
}

/// The session with the server that the command line names. `program` is what other users see: `ipc call`.
pub(crate) fn session(global: &Global, program: &str) -> Result<Session, Failure> {
    let server = hosts::server(global)?;
    let secret = secret(global, server.secret_file.as_deref())?;
    let waiting = Arc::<Waiting>::default();
    let mut client = Client::builder(server.address.as_str())
        .name(client_name(program))
        .service(server.service.as_str())
        .retry(Retry::up_to(REACH))
        .on_notice(on_notice)
        .on_state({
            let waiting = Arc::clone(&waiting);
            move |state| waiting.on_state(state)
        });
    // Who types lines for an afternoon is told, before the next one runs, that the instruments were put into their safe state
    // or that the server was restarted. Other commands have made no settings before.
    if program != SHELL {
        client = client.resume_silently();
    }
    if let Some(secret) = secret.clone() {
        client = client.secret(secret);
    }
    if let Some(of) = lane::of_environment(&server)? {
        client = client.lane_of(of);
    }
    Ok(Session {
        client: client.connect_lazy(),
        server,
        secret,
        wait: global.wait.unwrap_or(WAIT),
        waiting,
    })
}

impl Session {
    /// What the server offers: asked for once, then kept. Does not wait for others that use the server.
    pub(crate) fn description(&self) -> Result<ServerDescription, Failure> {
        let dynamic = self.client.dynamic();
        if let Some(description) = dynamic.known_description() {
            return Ok(description);
        }
        // At a server that is free, this is the connection of the calls that follow.
        match self.attempt(Duration::ZERO, |client| client.dynamic().description()) {
            Err(Stopped::Waits(_)) => {
                let description = self.command(|client| client.server().description())?;
                dynamic.learn(description.clone());
                Ok(description)
            }
            result => result.map_err(|stopped| self.failure(stopped)),
        }
    }

    /// Waits until the server serves this session: as long as others use it, and no longer than the user wants to wait.
    pub(crate) fn enter(&self) -> Result<(), Failure> {
        if matches!(self.client.state(), ConnectionState::Connected { .. }) {
            return Ok(());
        }
        let entered = self.attempt(self.wait, |client| match self.wait {
            Duration::ZERO | Duration::MAX => client.describe(),
            wait => client.timeout(wait).describe(),
        });
        let description = entered.map_err(|stopped| self.failure(stopped))?;
        self.client.dynamic().learn(description);
        Ok(())
    }

    /// Makes a call, which Ctrl-C cancels. Shows what it waits for and how far it is.
    pub(crate) fn call<T>(
        &self,
        call: impl Fn(&Client) -> Result<T, CallError>,
    ) -> Result<T, Failure> {
        let result = self.attempt(self.wait, call);
        result.map_err(|stopped| self.failure(stopped))
    }

    /// Makes a call that waits for nobody, such as a command of the server.
    pub(crate) fn command<T>(
        &self,
        call: impl Fn(&Client) -> Result<T, CallError>,
    ) -> Result<T, Failure> {
        self.call(|client| call(&client.timeout(ANSWER)))
    }

    /// The client for many calls that wait for others as long as they need, until `token` is cancelled.
    pub(crate) fn patient(&self, token: &CancellationToken) -> Client {
        self.waiting.begin(token, Duration::MAX);
        self.client.cancel_with(token)
    }

    /// Returns true if others had the server since this was last asked, so that the calls of [`patient`](Self::patient)
    /// had to wait.
    pub(crate) fn others_had_it(&self) -> bool {
        self.waiting.was_queued()
    }

    fn attempt<T>(
        &self,
        patience: Duration,
        call: impl Fn(&Client) -> Result<T, CallError>,
    ) -> Result<T, Stopped> {
        let token = CancellationToken::new();
        let waiting = Arc::clone(&self.waiting);
        let client = self.client.cancel_with(&token);
        let client = client.on_waiting(move |status| waiting.on_waiting(status));
        let client = client.on_progress(progress::runs);
        self.waiting.begin(&token, patience);
        let result = interrupt::cancelling(&token, || {
            loop {
                match call(&client) {
                    // Nothing was run, and nobody tells when the device is free.
                    Err(CallError::Refused(Refusal::Held(held))) if !patience.is_zero() => {
                        let text = holder(&held);
                        self.waiting.waits(&text, text.clone());
                        if interrupt::comes_within(POLL, &token) {
                            return Err(CallError::Refused(Refusal::Held(held)));
                        }
                    }
                    result => return result,
                }
            }
        });
        match (result, self.waiting.end()) {
            (Ok(result), _) => Ok(result),
            // It had begun when the time was over.
            (Err(error @ (CallError::Fault { .. } | CallError::OutcomeUnknown { .. })), _) => {
                Err(Stopped::Failed(error))
            }
            (Err(_), Some(given_up)) => Err(Stopped::Waits(given_up)),
            (Err(error), None) => Err(Stopped::Failed(error)),
        }
    }

    fn failure(&self, stopped: Stopped) -> Failure {
        match stopped {
            Stopped::Waits(GivenUp { waited, reason }) => busy(waited, &reason),
            Stopped::Failed(CallError::NotSent {
                reason: NotSent::Busy { waited, queue },
                ..
            }) => busy(waited, &queue),
            Stopped::Failed(error) => match (&error, self.client.connect_error()) {
                (
                    CallError::NotSent {
                        reason: NotSent::Unreachable(_) | NotSent::NoConnection { .. },
                        ..
                    },
                    Some(cause),
                ) => tried(cause),
                _ => error.into(),
            },
        }
    }
}

/// The failure of a call without a connection, for `cause`.
fn tried(cause: ConnectError) -> Failure {
    let is_permanent = cause.is_permanent();
    match cause.into() {
        Failure::Failed { code, text } if !is_permanent => Failure::Failed {
            code,
            text: format!("{text}; tried for {}", times::shown(REACH)),
        },
        failure => failure,
    }
}

/// The failure of a call that others were before for all of the time that it `waited`.
pub(crate) fn busy(waited: Duration, reason: &str) -> Failure {
    let text = match waited < Duration::from_millis(100) {
        true => format!("others are before this client: {reason}"),
        false => format!("gave up after {}: {reason}", times::shown(waited)),
    };
    let text = format!("{text}; --wait TIME waits for longer, `ipc who` lists who is there");
    Failure::new(ExitCode::Refused, text)
}

/// Why a call has no result.
enum Stopped {
    /// It had to wait for others for too long.
    Waits(GivenUp),
    Failed(CallError),
}

/// What becomes of a lease of this client.
fn on_notice(notice: &Notice) {
    if matches!(
        notice.kind,
        NoticeKind::Ending | NoticeKind::Ended | NoticeKind::Evicting
    ) {
        remark(format!("notice: {}", notice.text));
    }
}

fn holder(held: &ipc_client::Held) -> String {
    let since = times::shown_ms(held.since_ms);
    let why = match held.reason.as_str() {
        "" => String::new(),
        reason => format!(" ({reason})"),
    };
    format!(
        "{} at {} has had `{}` for {since}{why}",
        held.holder, held.address, held.device
    )
}

/// How long a server that cannot be reached is waited for.
const REACH: Duration = Duration::from_secs(5);
/// How long a busy server is waited for, unless the user says otherwise.
const WAIT: Duration = Duration::from_secs(30);
/// How long a server may take to answer a question about itself, connecting included.
const ANSWER: Duration = Duration::from_secs(15);
/// Time between two attempts to use a device that somebody has leased.
const POLL: Duration = Duration::from_millis(500);
