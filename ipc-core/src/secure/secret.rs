//! The shared secret.

use std::fmt;
use std::sync::{Arc, OnceLock};

use unicode_normalization::{UnicodeNormalization, is_nfc};
use zeroize::Zeroizing;

use super::cpace::{self, Generator};
use super::keys::channel_identifier;
use crate::wire::preamble::Ciphers;

/// The secret that both ends share: UTF-8 text in Unicode normal form C, never empty, not trimmed.
///
/// Its memory is overwritten when it is dropped. `Debug` does not reveal it; there is no `Display` and no
/// serialisation.
///
/// Two secrets typed on different keyboards are the same secret if they are the same characters: an `é` typed as one
/// code point and an `é` composed of `e` and an accent agree. Capitals and spaces matter.
#[derive(Clone)]
pub struct Secret {
    text: Zeroizing<String>,
    /// Warns that others may have read the secret.
    warning: Option<String>,
    /// See [`with_ciphers`](Self::with_ciphers).
    ciphers: Option<Ciphers>,
    /// What it is mapped to for the first service that it was used for, by name. All connections begin with that.
    generator: Arc<OnceLock<(String, Generator)>>,
}

/// Why a text cannot be a secret.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The text is empty.
    #[error(
        "the secret given to this end is empty: give at least one character, or configure no secret at all"
    )]
    Empty,
    /// The text is longer than [`Secret::MAX_LEN`]; it is probably not a secret but some other file.
    #[error(
        "the secret given to this end is longer than {} bytes: check whether it comes from the right file or variable",
        Secret::MAX_LEN
    )]
    TooLong,
    /// The bytes are not text.
    #[error(
        "the secret given to this end is not UTF-8 text (first invalid byte at offset {valid}): store it as UTF-8"
    )]
    NotText {
        /// Number of valid bytes before the first invalid one.
        valid: usize,
    },
}

crate::readable_debug!(SecretError);

impl Secret {
    /// Secrets with fewer characters than this are [short](Self::is_short).
    pub const SHORT: usize = 12;

    /// Maximum length of a secret in bytes of UTF-8.
    pub const MAX_LEN: usize = 64 * 1024;

    /// Creates a secret from text. Spaces and line ends are kept; the text is normalised.
    ///
    /// # Errors
    ///
    /// [`SecretError::Empty`] if the text is empty, [`SecretError::TooLong`] if it has more than
    /// [`MAX_LEN`](Self::MAX_LEN) bytes.
    pub fn new(text: impl Into<String>) -> Result<Self, SecretError> {
        let text = Zeroizing::new(text.into());
        if text.is_empty() {
            return Err(SecretError::Empty);
        }
        if text.len() > Self::MAX_LEN {
            return Err(SecretError::TooLong);
        }
        Ok(Self::of(normalised(text)))
    }

    /// Creates a secret from the bytes of a UTF-8 text; see [`new`](Self::new).
    ///
    /// # Errors
    ///
    /// [`SecretError::NotText`] if the bytes are not UTF-8, and the errors of [`new`](Self::new).
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<Self, SecretError> {
        Self::new(text_of(bytes.into())?)
    }

    /// Creates a secret from the content of a secret file. A byte order mark (U+FEFF) at the very beginning and one
    /// line end (`\n` or `\r\n`) at the very end are not part of the secret, because editors and `echo` put them there.
    /// Everything else is, including further line ends and spaces.
    ///
    /// # Errors
    ///
    /// Those of [`from_bytes`](Self::from_bytes), after the mark and the line end are removed.
    pub fn from_file_content(content: impl Into<Vec<u8>>) -> Result<Self, SecretError> {
        let mut text = text_of(content.into())?;
        if text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        if text.starts_with('\u{feff}') {
            text.remove(0);
        }
        Self::new(text)
    }

    /// Generates a secret that cannot be guessed: 26 characters, 130 of the 136 given bits.
    ///
    /// The characters are lower-case letters and digits, without the easily confused `l`, `o`, `0` and `1`.
    pub fn generate(entropy: [u8; 17]) -> Self {
        const ALPHABET: [char; 32] = [
            'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'm', 'n', 'p', 'q', 'r', 's',
            't', 'u', 'v', 'w', 'x', 'y', 'z', '2', '3', '4', '5', '6', '7', '8', '9',
        ];
        let entropy = Zeroizing::new(entropy);
        let mut text = Zeroizing::new(String::with_capacity(26));
        let (mut pending, mut bits) = (0_u16, 0);
        for byte in entropy.iter().copied() {
            pending = (pending << 8) | u16::from(byte);
            bits += 8;
            while bits >= 5 && text.len() < 26 {
                bits -= 5;
                let digit = usize::from((pending >> bits) & 31);
                text.extend(ALPHABET.get(digit));
            }
            pending &= (1 << bits) - 1;
        }
        Self::of(text)
    }

    fn of(text: Zeroizing<String>) -> Self {
        Self {
            text,
            warning: None,
            ciphers: None,
            generator: Arc::default(),
        }
    }

    /// Returns whether the secret has fewer than [`SHORT`](Self::SHORT) characters, which deserves a warning at
    /// start-up: the exchange allows an attacker one guess per connection, and a short word does not withstand many.
    pub fn is_short(&self) -> bool {
        self.text.chars().count() < Self::SHORT
    }

    /// Returns a warning about the source of the secret: that other users of this computer can read its file.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    pub(super) fn with_warning(self, warning: Option<String>) -> Self {
        Self { warning, ..self }
    }

    /// Limits the connections of this end under this secret to `ciphers`, whatever the processor has instructions for. For
    /// tests and measurements; the ends agree on the best cipher by themselves.
    #[doc(hidden)]
    pub fn with_ciphers(self, ciphers: Ciphers) -> Self {
        let ciphers = Some(ciphers);
        Self { ciphers, ..self }
    }

    pub(super) fn ciphers(&self) -> Option<Ciphers> {
        self.ciphers
    }

    /// Returns the generator of the key exchange for connections to `service`.
    pub(super) fn generator(&self, service: &str) -> Generator {
        let map = || {
            let identifier = channel_identifier(service);
            cpace::generator(self.text.as_bytes(), &identifier, b"")
        };
        let first = self.generator.get_or_init(|| (service.to_string(), map()));
        match first {
            (name, generator) if name == service => generator.clone(),
            _ => map(),
        }
    }

    /// Returns the normalised secret, for a program that has just generated one and must show it to its user once.
    /// It does not belong in logs, errors or command lines.
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Converts the bytes to text in the same memory, and wipes them if they are not text.
fn text_of(bytes: Vec<u8>) -> Result<String, SecretError> {
    // Content that is too long may have been cut while it was read, possibly inside a character.
    if bytes.len() > Secret::MAX_LEN + MARKS {
        drop(Zeroizing::new(bytes));
        return Err(SecretError::TooLong);
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        drop(Zeroizing::new(error.into_bytes()));
        SecretError::NotText { valid }
    })
}

/// Maximum number of bytes in a file that are not part of the secret: a byte order mark and a line end.
pub(super) const MARKS: usize = 3 + 2;

fn normalised(text: Zeroizing<String>) -> Zeroizing<String> {
    if is_nfc(&text) {
        return text;
    }
    // Normal form C takes at most three times the bytes. Reserved up front: growing would leave a copy behind.
    let mut composed = Zeroizing::new(String::with_capacity(text.len() * 3));
    composed.extend(text.nfc());
    composed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn composed_and_decomposed_accents_are_one_secret() {
        let composed = Secret::new("caf\u{e9}").unwrap();
        let decomposed = Secret::new("cafe\u{301}").unwrap();
        assert_eq!(composed.reveal(), decomposed.reveal());
        assert_ne!(composed.reveal(), Secret::new("cafe").unwrap().reveal());
    }

    #[test]
    fn a_file_loses_exactly_one_line_end() {
        for (content, secret) in [
            ("waktu", "waktu"),
            ("waktu\n", "waktu"),
            ("waktu\r\n", "waktu"),
            ("waktu\n\n", "waktu\n"),
            ("waktu\r", "waktu\r"),
            (" waktu \n", " waktu "),
        ] {
            assert_eq!(Secret::from_file_content(content).unwrap().reveal(), secret);
        }
        assert_eq!(Secret::new("waktu\n").unwrap().reveal(), "waktu\n");
    }

    /// Windows editors write the mark, and it is invisible.
    #[test]
    fn a_file_loses_the_byte_order_mark_at_its_beginning() {
        for (content, secret) in [
            ("\u{feff}waktu\r\n", "waktu"),
            ("\u{feff}\u{feff}waktu", "\u{feff}waktu"),
            ("wak\u{feff}tu", "wak\u{feff}tu"),
        ] {
            assert_eq!(Secret::from_file_content(content).unwrap().reveal(), secret);
        }
        for nothing in ["\u{feff}", "\u{feff}\n"] {
            let error = Secret::from_file_content(nothing).unwrap_err();
            assert_eq!(error, SecretError::Empty);
        }
        let error = Secret::from_file_content(*b"\xef\xbb\xbfab\xff").unwrap_err();
        assert_eq!(error, SecretError::NotText { valid: 5 });
        // Only the content of a file loses its mark.
        let typed = Secret::new("\u{feff}waktu").unwrap();
        assert_eq!(typed.reveal(), "\u{feff}waktu");
    }

    #[test]
    fn what_is_too_long_is_refused_and_the_rest_is_not() {
        let longest = "x".repeat(Secret::MAX_LEN);
        let longer = format!("{longest}x");
        assert!(Secret::new(&*longest).is_ok());
        assert!(Secret::from_file_content(format!("\u{feff}{longest}\r\n")).is_ok());
        for error in [
            Secret::new(&*longer).unwrap_err(),
            Secret::from_bytes(&*longer).unwrap_err(),
            Secret::from_file_content(&*longer).unwrap_err(),
            Secret::from_file_content("é".repeat(60_000)).unwrap_err(),
            Secret::from_file_content([0xff; 100_000]).unwrap_err(),
        ] {
            assert_eq!(error, SecretError::TooLong);
            assert!(error.to_string().contains("65536 bytes"), "{error}");
        }
    }

    #[test]
    fn nothing_and_no_text_are_refused() {
        assert_eq!(Secret::new("").unwrap_err(), SecretError::Empty);
        assert_eq!(
            Secret::from_file_content("\r\n").unwrap_err(),
            SecretError::Empty
        );
        let error = Secret::from_bytes(*b"ab\xff").unwrap_err();
        assert_eq!(error, SecretError::NotText { valid: 2 });
    }

    #[test]
    fn generated_secrets_have_26_characters_and_every_used_bit_counts() {
        assert_eq!(Secret::generate([0; 17]).reveal(), "a".repeat(26));
        assert_eq!(Secret::generate([0xff; 17]).reveal(), "9".repeat(26));
        let mut seen = std::collections::HashSet::new();
        for bit in 0..130 {
            let mut entropy = [0; 17];
            entropy[bit / 8] |= 0x80 >> (bit % 8);
            let secret = Secret::generate(entropy);
            assert_eq!(secret.reveal().len(), 26);
            assert!(!secret.is_short());
            assert!(seen.insert(secret.reveal().to_owned()), "bit {bit}");
        }
    }

    #[test]
    fn short_counts_characters_not_bytes() {
        assert!(Secret::new("waktu").unwrap().is_short());
        assert!(Secret::new("é".repeat(11)).unwrap().is_short());
        assert!(!Secret::new("é".repeat(12)).unwrap().is_short());
    }

    #[test]
    fn each_service_has_its_own_generator() {
        let kept = Secret::new("waktu").unwrap();
        for service in ["", "dyno", "", "dyno"] {
            let fresh = Secret::new("waktu").unwrap();
            let same = kept.clone().generator(service).0 == fresh.generator(service).0;
            assert!(same, "{service}");
        }
        assert!(kept.generator("").0 != kept.generator("dyno").0);
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new("waktu").unwrap()), "Secret(..)");
    }
}
