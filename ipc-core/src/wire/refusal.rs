//! Why a call was refused before the driver was entered.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

#[cfg(feature = "protocol")]
mod releases;

/// Why a call was refused before the driver was entered.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The server offers no such method.
    #[error("the server has no method `{method}`{}{hint}", did_you_mean(.similar, .hint))]
    UnknownMethod {
        /// The name that was asked for.
        method: String,
        /// Names that look like it, or that are the same method of devices with other prefixes.
        similar: Vec<String>,
        /// What the client adds about the proxy that was called, or about the name; empty on the wire.
        #[serde(skip)]
        hint: String,
    },
    /// The two ends were built from different versions of the driver, and this method is not the same in both.
    #[error(
        "`{method}` differs between the two ends: this client was built for `{client}`, the server offers `{server}`; \
         rebuild the older end from the same version of the driver"
    )]
    SignatureMismatch {
        /// The method on the wire.
        method: String,
        /// The signature that the client was built for.
        client: String,
        /// The signature that the server offers.
        server: String,
    },
    /// An argument has the wrong type or a value out of range.
    #[error("`{method}`: argument `{argument}` must be {expected}, but is {given}")]
    BadArgument {
        /// The method on the wire.
        method: String,
        /// The name of the argument.
        argument: String,
        /// What would have been accepted.
        expected: String,
        /// What came.
        given: String,
    },
    /// There are too few, too many, or unknown arguments.
    #[error("`{method}`: {problem}; its signature is `{signature}`")]
    BadCall {
        /// The method on the wire.
        method: String,
        /// What does not fit.
        problem: String,
        /// The signature that the server offers.
        signature: String,
    },
    /// The caller cancelled the call before its turn came.
    #[error("`{method}` was cancelled before it began")]
    Cancelled {
        /// The method on the wire.
        method: String,
    },
    /// The server is stopping.
    #[error("`{method}` was refused: the server is stopping")]
    Stopping {
        /// The method on the wire.
        method: String,
    },
    /// The request breaks a limit or a rule of the protocol.
    #[error("`{method}` was refused: {reason}")]
    Protocol {
        /// The method on the wire.
        method: String,
        /// Which limit or rule.
        reason: String,
    },
    /// Another client has the device.
    #[error("{0}")]
    Held(Box<Held>),
    /// The caller may not call this method.
    #[error(
        "`{method}` was refused: it needs the permission `{need}`, this client has {}; ask the operator of the server",
        permission(.have)
    )]
    Denied {
        /// The method on the wire.
        method: String,
        /// The permission that is needed.
        need: String,
        /// The permission that the caller has; empty for none.
        have: String,
    },
    /// The caller calls too often.
    #[error("`{method}` was refused: it was called too often; call again in {:?}", after(*.retry_ms))]
    RateLimited {
        /// The method on the wire.
        method: String,
        /// When to call again, in milliseconds from now.
        retry_ms: u64,
    },
    /// A method of the device hangs, and its caller has given it up.
    #[error(
        "`{method}` was refused: `{device}` does not answer, because `{running}`, called by {by}, has run for {:?} and was \
         given up; look at the instrument: the device can be used again once that call ends",
        after(*.since_ms)
    )]
    Stuck {
        /// The method on the wire.
        method: String,
        /// The name of the device.
        device: String,
        /// The method on the wire that hangs.
        running: String,
        /// How long it has run, in milliseconds.
        since_ms: u64,
        /// The client that called it.
        by: String,
    },
    /// The device is not connected to the server.
    #[error(
        "`{method}` was refused: `{device}` is not connected to the server ({state}); check its cable and power, then \
         call again"
    )]
    NotConnected {
        /// The method on the wire.
        method: String,
        /// The name of the device.
        device: String,
        /// What the server knows about it.
        state: String,
    },
    /// The caller had the device and has lost it.
    #[error("{0}")]
    Fenced(Box<Fenced>),
    /// An argument is outside of the limits that the operator of the server has set.
    #[error("{0}")]
    OutOfLimits(Box<OutOfLimits>),
    /// The call must be confirmed before it runs.
    #[error(
        "`{method}` was refused: it must be confirmed first ({question}); confirm it within {:?}",
        after(*.within_ms)
    )]
    Confirm {
        /// The method on the wire.
        method: String,
        /// What is to be confirmed, for a person.
        question: String,
        /// What the confirmation has to carry.
        token: String,
        /// How long it can be confirmed, in milliseconds.
        within_ms: u64,
    },
    /// The instruments may have changed since the last call of this client. This one was not sent to the device; the next
    /// one will be.
    #[error(
        "`{method}` was refused: the instruments may have changed since this client's last call ({}); the call was not \
         sent to the device: check the settings, then go on",
        changed(.why, .by, *.ago_ms)
    )]
    Interrupted {
        /// The method on the wire.
        method: String,
        /// Who changed them, or made the server change them; may be empty.
        by: String,
        /// What happened.
        why: String,
        /// How long ago, in milliseconds.
        ago_ms: u64,
    },
    /// A reason that this version does not define; the call was not executed.
    #[error("`{method}` was refused: {}", unnamed(.text, *.number))]
    Other {
        /// The method on the wire.
        method: String,
        /// The number of the reason.
        number: u32,
        /// The reason, for a person; empty if it cannot be read here.
        text: String,
    },
}

crate::readable_debug!(Refusal);

/// Which client has a device; see [`Refusal::Held`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs)]
pub struct Held {
    /// The method on the wire.
    pub method: String,
    /// The name of the device.
    pub device: String,
    /// What the client that has it calls itself.
    pub holder: String,
    /// Where that client connects from.
    pub address: String,
    /// How long it has had the device, in milliseconds.
    pub since_ms: u64,
    /// How long it has not used the device, in milliseconds; 0 while a call runs.
    pub idle_ms: u64,
    /// What it uses the device for, in its own words; may be empty.
    pub reason: String,
    /// When it gives the device back, in milliseconds from now, if it has said so.
    pub ends_ms: Option<u64>,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            method,
            device,
            holder,
            address,
            ..
        } = self;
        let since = after(self.since_ms);
        write!(
            f,
            "`{method}` was refused: `{device}` has been held by {holder} at {address} for {since:?}"
        )?;
        if self.idle_ms > 0 {
            write!(f, ", idle for {:?}", after(self.idle_ms))?;
        }
        if !self.reason.is_empty() {
            write!(f, " ({})", self.reason)?;
        }
        if let Some(ends_ms) = self.ends_ms {
            write!(f, ", for {:?} more", after(ends_ms))?;
        }
        f.write_str("; call again when it is free")
    }
}

/// Which device the caller has lost; see [`Refusal::Fenced`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs)]
pub struct Fenced {
    /// The method on the wire.
    pub method: String,
    /// The name of the device.
    pub device: String,
    /// Who took it.
    pub by: String,
    /// Why.
    pub why: String,
    /// How long ago, in milliseconds.
    pub ago_ms: u64,
}

impl fmt::Display for Fenced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            method,
            device,
            by,
            why,
            ago_ms,
        } = self;
        let ago = after(*ago_ms);
        write!(
            f,
            "`{method}` was refused: this client lost `{device}` {ago:?} ago to {by} ({why}); lease it again, or call again to use it without a lease"
        )
    }
}

/// Which limit an argument exceeds; see [`Refusal::OutOfLimits`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs)]
pub struct OutOfLimits {
    /// The method on the wire.
    pub method: String,
    /// The name of the argument.
    pub argument: String,
    /// The limit.
    pub limit: String,
    /// What came.
    pub given: String,
    /// What to do to exceed it all the same.
    pub how_to_override: String,
}

impl fmt::Display for OutOfLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            method,
            argument,
            limit,
            given,
            how_to_override,
        } = self;
        write!(
            f,
            "`{method}` was refused: argument `{argument}` must keep to this server's limit {limit}, but is {given}; \
             {how_to_override}"
        )
    }
}

impl Refusal {
    /// The refusal of a command of the server that it does not know.
    pub(crate) fn unknown_command(name: &str) -> Self {
        Self::UnknownMethod {
            method: name.to_string(),
            similar: Vec::new(),
            hint: String::new(),
        }
    }

    /// The method on the wire that was refused; empty if it was too long to be told.
    pub fn method(&self) -> &str {
        match self {
            Self::UnknownMethod { method, .. }
            | Self::SignatureMismatch { method, .. }
            | Self::BadArgument { method, .. }
            | Self::BadCall { method, .. }
            | Self::Cancelled { method }
            | Self::Stopping { method }
            | Self::Protocol { method, .. }
            | Self::Denied { method, .. }
            | Self::RateLimited { method, .. }
            | Self::Stuck { method, .. }
            | Self::NotConnected { method, .. }
            | Self::Confirm { method, .. }
            | Self::Interrupted { method, .. }
            | Self::Other { method, .. } => method,
            Self::Held(held) => &held.method,
            Self::Fenced(fenced) => &fenced.method,
            Self::OutOfLimits(limits) => &limits.method,
        }
    }

    /// Names the method inside of a command that was refused without a look at it.
    pub(crate) fn set_method(&mut self, inside: &str) {
        match self {
            Self::Cancelled { method }
            | Self::Stopping { method }
            | Self::Protocol { method, .. }
            | Self::Interrupted { method, .. } => *method = inside.to_string(),
            _ => {}
        }
    }
}

/// For people, to whom "0ns" looks like a mistake.
fn after(ms: u64) -> Duration {
    Duration::from_millis(ms.max(1))
}

fn did_you_mean(similar: &[String], hint: &str) -> String {
    match similar {
        [] if !hint.is_empty() => String::new(),
        [] => "; `help()` lists what it offers".into(),
        [name] => format!("; did you mean `{name}`?"),
        [names @ .., last] => format!("; did you mean `{}` or `{last}`?", names.join("`, `")),
    }
}

fn changed(why: &str, by: &str, ago_ms: u64) -> String {
    let by = match by {
        "" => String::new(),
        by => format!(", by {by}"),
    };
    format!("{why}{by}, {:?} ago", after(ago_ms))
}

fn permission(have: &str) -> String {
    match have {
        "" => "none".into(),
        have => format!("`{have}`"),
    }
}

fn unnamed(text: &str, number: u32) -> String {
    match text {
        "" => format!("reason {number}, which this version does not know; update the client"),
        text => text.to_string(),
    }
}
