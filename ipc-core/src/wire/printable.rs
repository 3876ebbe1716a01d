//! Failures received from a peer, made safe for a terminal.

use super::failure::{Fault, Refusal};
use super::sanitize::printable;

impl Refusal {
    /// The same refusal, without characters that a terminal would act on.
    #[must_use]
    pub fn into_printable(mut self) -> Self {
        for text in self.texts_mut() {
            *text = printable(std::mem::take(text));
        }
        self
    }

    /// All texts that travel. Without a wildcard, so that a new refusal is not forgotten here.
    fn texts_mut(&mut self) -> Vec<&mut String> {
        match self {
            Self::UnknownMethod {
                method,
                similar,
                hint,
            } => similar.iter_mut().chain([method, hint]).collect(),
            Self::SignatureMismatch {
                method,
                client,
                server,
            } => vec![method, client, server],
            Self::BadArgument {
                method,
                argument,
                expected,
                given,
            } => vec![method, argument, expected, given],
            Self::BadCall {
                method,
                problem,
                signature,
            } => vec![method, problem, signature],
            Self::Cancelled { method } | Self::Stopping { method } => vec![method],
            Self::Protocol { method, reason } => vec![method, reason],
            Self::Held(held) => vec![
                &mut held.method,
                &mut held.device,
                &mut held.holder,
                &mut held.address,
                &mut held.reason,
            ],
            Self::Denied { method, need, have } => vec![method, need, have],
            Self::RateLimited { method, .. } => vec![method],
            Self::Stuck {
                method,
                device,
                running,
                by,
                ..
            } => vec![method, device, running, by],
            Self::NotConnected {
                method,
                device,
                state,
            } => vec![method, device, state],
            Self::Fenced(fenced) => vec![
                &mut fenced.method,
                &mut fenced.device,
                &mut fenced.by,
                &mut fenced.why,
            ],
            Self::OutOfLimits(limits) => vec![
                &mut limits.method,
                &mut limits.argument,
                &mut limits.limit,
                &mut limits.given,
                &mut limits.how_to_override,
            ],
            Self::Confirm {
                method,
                question,
                token,
                ..
            } => vec![method, question, token],
            Self::Interrupted {
                method, by, why, ..
            } => vec![method, by, why],
            Self::Other { method, text, .. } => vec![method, text],
        }
    }
}

impl Fault {
    /// The same fault, without characters that a terminal would act on. The driver's error value is left as it is.
    #[must_use]
    pub fn into_printable(mut self) -> Self {
        let texts = [&mut self.type_name, &mut self.message];
        for text in texts.into_iter().chain(&mut self.sources) {
            *text = printable(std::mem::take(text));
        }
        self
    }
}
