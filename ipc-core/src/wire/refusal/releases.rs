//! Refusals between releases: reads those that this release does not define, and writes those that the client does not.

use super::Refusal;
use crate::wire::codec::{CodecError, Reader};
use crate::wire::hello::{Feature, Features};

#[cfg(test)]
mod tests;

impl Refusal {
    /// Number of kinds that this version defines.
    const KINDS: u32 = 16;

    /// Reads a refusal. Whatever it holds, the call was not executed, so what cannot be read becomes part of the text.
    pub(crate) fn read(payload: &[u8]) -> Self {
        let mut reader = Reader::new(payload);
        let read = match reader.clone().read() {
            Ok(number @ Self::KINDS..) => Self::read_other(number, &mut reader),
            Ok(_) => reader.read(),
            Err(error) => Err(error),
        };
        read.unwrap_or_else(|error| Self::Protocol {
            method: String::new(),
            reason: format!("the reason cannot be read here: {error}"),
        })
    }

    /// Every kind begins with the method; those of later releases go on with a text.
    fn read_other(number: u32, reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (_, method): (u32, _) = reader.read()?;
        let text = reader.read().unwrap_or_default();
        Ok(Self::Other {
            method,
            number,
            text,
        })
    }

    /// The refusal in the form in which a client that offered `features` can read it.
    pub(crate) fn for_client(self, features: &Features) -> Self {
        match self {
            Self::UnknownMethod { .. }
            | Self::SignatureMismatch { .. }
            | Self::BadArgument { .. }
            | Self::BadCall { .. }
            | Self::Cancelled { .. }
            | Self::Stopping { .. }
            | Self::Protocol { .. } => self,
            Self::Other { .. } => self.as_protocol(),
            Self::Interrupted { .. } => match features.offer(Feature::Interruptions) {
                true => self,
                false => self.as_protocol(),
            },
            _ if features.offer(Feature::Refusals) => self,
            _ => self.as_protocol(),
        }
    }

    /// The same as a text, which every client can read.
    fn as_protocol(&self) -> Self {
        let (method, text) = (self.method().to_string(), self.to_string());
        // The text of the new refusal names the method once more.
        let opening = format!("`{method}` was refused: ");
        let reason = text.strip_prefix(&opening).unwrap_or(&text).to_string();
        Self::Protocol { method, reason }
    }
}
