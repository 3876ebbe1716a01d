//! How the program ends: the codes that a script can rely on, and which error has which.

use std::fmt;

use ipc_client::{CallError, ConnectError, LeaseError, NotSent, Refusal};

/// The exit codes of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitCode {
    /// Everything went well.
    Done = 0,
    /// The driver ran and failed, or its result cannot be written.
    Driver = 1,
    /// The command line is not one, or names or values in it do not fit.
    Usage = 2,
    /// The server cannot be reached.
    Unreachable = 3,
    /// The server refused, or others have it.
    Refused = 4,
    /// Nobody knows whether the call ran, or when it ends.
    Unknown = 5,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        (code as u8).into()
    }
}

/// Why a command ends early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It failed, with a text for people.
    Failed { code: ExitCode, text: String },
    /// Nobody reads the output any more, as with `| head`. Not a failure.
    OutputClosed,
}

impl Failure {
    /// The command line, or a value in it, is wrong.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::Failed {
            code: ExitCode::Usage,
            text: text.into(),
        }
    }

    pub(crate) fn new(code: ExitCode, text: impl fmt::Display) -> Self {
        let text = text.to_string();
        Self::Failed { code, text }
    }

    /// The code with which the program ends.
    pub(crate) fn code(&self) -> ExitCode {
        match self {
            Self::Failed { code, .. } => *code,
            Self::OutputClosed => ExitCode::Done,
        }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let code = code_of(&error);
        let text = match error {
            // The library names its own function for what is a command here.
            CallError::Refused(Refusal::UnknownMethod {
                method,
                similar,
                hint,
            }) if similar.is_empty() && hint.is_empty() => {
                format!("the server has no method `{method}`; `ipc list` lists what it offers")
            }
            error => error.to_string(),
        };
        Self::new(code, text)
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        let code = match error {
            ConnectError::BadAddress(_) | ConnectError::BadSecret(_) => ExitCode::Usage,
            ConnectError::Busy { .. }
            | ConnectError::Refused { .. }
            | ConnectError::WrongSecret { .. }
            | ConnectError::SecretRequired { .. }
            | ConnectError::ServerHasNoSecret { .. }
            | ConnectError::WrongService { .. }
            | ConnectError::Version { .. } => ExitCode::Refused,
            _ => ExitCode::Unreachable,
        };
        let hint = match error {
            ConnectError::SecretRequired { .. } => {
                "; --secret-file FILE, IPC_SECRET or --ask-secret gives it"
            }
            _ => "",
        };
        Self::new(code, format!("{error}{hint}"))
    }
}

impl From<LeaseError> for Failure {
    fn from(error: LeaseError) -> Self {
        let code = match &error {
            LeaseError::Call { error, .. } => code_of(error),
            _ => ExitCode::Refused,
        };
        Self::new(code, &error)
    }
}

fn code_of(error: &CallError) -> ExitCode {
    match error {
        CallError::Refused(refusal) => match refusal {
            Refusal::UnknownMethod { .. }
            | Refusal::BadArgument { .. }
            | Refusal::BadCall { .. } => ExitCode::Usage,
            _ => ExitCode::Refused,
        },
        CallError::NotSent { reason, .. } => match reason {
            NotSent::Busy { .. } => ExitCode::Refused,
            NotSent::Arguments(_) => ExitCode::Usage,
            NotSent::Cancelled => ExitCode::Unknown,
            _ => ExitCode::Unreachable,
        },
        // The names of the server's own commands have a dot: it has refused one.
        CallError::Fault { method, .. } if method.contains('.') => ExitCode::Refused,
        CallError::Fault { .. } | CallError::BadReply { .. } => ExitCode::Driver,
        _ => ExitCode::Unknown,
    }
}
