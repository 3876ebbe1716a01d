//! The first eight bytes each end sends: protocol, version, suite, role, ciphers.

/// The first four bytes of every connection.
pub const MAGIC: [u8; 4] = *b"LIPC";

/// The protocol version this crate speaks.
pub const VERSION: u8 = 1;

/// What follows the preamble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Suite {
    /// Frames in the clear.
    Plain,
    /// A CPace handshake under the shared secret, then encrypted records.
    Secret,
}

/// A cipher for the records of a connection under a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cipher {
    /// ChaCha20-Poly1305, which every end has.
    ChaCha20Poly1305,
    /// AES-256-GCM, which an end has if its processor has instructions for it.
    Aes256Gcm,
}

/// A set of ciphers: those that a client offers, or the one that a server has chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ciphers(u8);

impl Ciphers {
    /// No cipher: in the clear, and from a server that refuses.
    pub const NONE: Self = Self(0);
    /// ChaCha20-Poly1305 alone.
    pub const CHACHA20_POLY1305: Self = Self(1);
    /// All ciphers of this release.
    pub const ALL: Self = Self(3);

    /// The set as it is sent, one bit for each cipher.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// The set of one cipher.
    pub(crate) fn only(cipher: Cipher) -> Self {
        match cipher {
            Cipher::ChaCha20Poly1305 => Self(1),
            Cipher::Aes256Gcm => Self(2),
        }
    }

    /// The ciphers that are in both sets.
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    fn contains(self, cipher: Cipher) -> bool {
        self.and(Self::only(cipher)) != Self::NONE
    }
}

/// Which end of the connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum Role {
    /// The end that connected.
    Client,
    /// The end that accepted.
    Server,
}

impl Role {
    /// The other end.
    pub fn peer(self) -> Self {
        match self {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        }
    }
}

/// `MAGIC ‖ version ‖ suite ‖ role ‖ ciphers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preamble {
    /// What the sender will speak after the preamble.
    pub suite: Suite,
    /// Which end the sender is.
    pub role: Role,
    /// What a client offers, what a server has chosen.
    pub ciphers: Ciphers,
}

/// Why the first bytes of a connection are not what they should be.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PreambleError {
    /// The peer speaks another protocol altogether.
    #[error("the peer does not speak this protocol: its first bytes are \"{}\"", .0.escape_ascii())]
    NotThisProtocol([u8; 4]),
    /// The peer speaks another version of the protocol.
    #[error(
        "the peer speaks version {0} of the protocol, this end version {VERSION}; update the older end"
    )]
    Version(u8),
    /// The peer sent bytes that this version does not define.
    #[error(
        "the peer's preamble is damaged: suite {suite} must be 0 or 1, role {role} must be 67 or 83, and the last \
         byte {ciphers} must be 0 in suite 0"
    )]
    Undefined {
        /// The suite byte as received.
        suite: u8,
        /// The role byte as received.
        role: u8,
        /// The last byte as received.
        ciphers: u8,
    },
    /// The client does not offer a cipher that the server has, or the server did not choose one that was offered.
    #[error(
        "the two ends have no cipher in common: the peer named the set {0:#04x}; expected ChaCha20-Poly1305 (bit 0) from \
         a client, and exactly one of the offered ciphers from a server; update the older end"
    )]
    NoCommonCipher(u8),
    /// The peer claims the role of this end: a connection to oneself, or a mirror.
    #[error("the peer claims to be a {0:?} too: it is not the other end")]
    SameRole(Role),
}

crate::readable_debug!(PreambleError);

impl Preamble {
    /// The length of a preamble in bytes.
    pub const LEN: usize = 8;

    /// The preamble of an end that, under a secret, names the cipher that every end has.
    pub fn new(suite: Suite, role: Role) -> Self {
        let ciphers = match suite {
            Suite::Plain => Ciphers::NONE,
            Suite::Secret => Ciphers::CHACHA20_POLY1305,
        };
        Self {
            suite,
            role,
            ciphers,
        }
    }

    /// Returns the cipher of the connection that this preamble of the peer leads to, if the own end has `own`: the one that
    /// the server has named, or the best one that the client offers. A client may offer more than this release knows.
    pub(crate) fn agreed_cipher(self, own: Ciphers) -> Result<Cipher, PreambleError> {
        let is_agreed = |cipher: &Cipher| match self.role {
            Role::Client => self.ciphers.contains(*cipher) && own.contains(*cipher),
            Role::Server => self.ciphers == Ciphers::only(*cipher) && own.contains(*cipher),
        };
        // AES-256-GCM is the faster one where both ends have instructions for it.
        let agreed = [Cipher::Aes256Gcm, Cipher::ChaCha20Poly1305]
            .into_iter()
            .find(is_agreed);
        agreed.ok_or(PreambleError::NoCommonCipher(self.ciphers.0))
    }

    /// The bytes to send.
    pub fn encode(self) -> [u8; Self::LEN] {
        let [a, b, c, d] = MAGIC;
        let suite = match self.suite {
            Suite::Plain => 0,
            Suite::Secret => 1,
        };
        let role = match self.role {
            Role::Client => b'C',
            Role::Server => b'S',
        };
        [a, b, c, d, VERSION, suite, role, self.ciphers.0]
    }

    /// Reads the preamble of the peer of `own_role`. Needs only the bytes it is given: the magic is judged before the
    /// version, the version before the rest, so that a stranger can be told what is wrong.
    pub fn decode(bytes: [u8; Self::LEN], own_role: Role) -> Result<Self, PreambleError> {
        let [a, b, c, d, version, suite, role, ciphers] = bytes;
        if [a, b, c, d] != MAGIC {
            return Err(PreambleError::NotThisProtocol([a, b, c, d]));
        }
        if version != VERSION {
            return Err(PreambleError::Version(version));
        }
        let undefined = PreambleError::Undefined {
            suite,
            role,
            ciphers,
        };
        let suite = match suite {
            0 => Suite::Plain,
            1 => Suite::Secret,
            _ => return Err(undefined),
        };
        let role = match role {
            b'C' => Role::Client,
            b'S' => Role::Server,
            _ => return Err(undefined),
        };
        if suite == Suite::Plain && ciphers != 0 {
            return Err(undefined);
        }
        if role == own_role {
            return Err(PreambleError::SameRole(role));
        }
        let ciphers = Ciphers(ciphers);
        Ok(Self {
            suite,
            role,
            ciphers,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_reads_the_other_and_refuses_itself() {
        for suite in [Suite::Plain, Suite::Secret] {
            for role in [Role::Client, Role::Server] {
                let preamble = Preamble::new(suite, role);
                assert_eq!(
                    Preamble::decode(preamble.encode(), role.peer()),
                    Ok(preamble)
                );
                let mirrored = Preamble::decode(preamble.encode(), role);
                assert_eq!(mirrored, Err(PreambleError::SameRole(role)));
            }
        }
    }

    #[test]
    fn every_single_flipped_bit_is_noticed_or_changes_suite_or_ciphers() {
        let sent = Preamble::new(Suite::Secret, Role::Client);
        for bit in 0..Preamble::LEN * 8 {
            let mut bytes = sent.encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            match Preamble::decode(bytes, Role::Server) {
                Err(_) => {}
                Ok(read) => assert!(bit >= 7 * 8 && read.ciphers != sent.ciphers, "bit {bit}"),
            }
        }
    }

    /// What an end that has `own` makes of the set that its peer names.
    fn agreed(role: Role, named: u8, own: Ciphers) -> Option<Cipher> {
        let preamble = Preamble {
            ciphers: Ciphers(named),
            ..Preamble::new(Suite::Secret, role)
        };
        let read = Preamble::decode(preamble.encode(), role.peer()).unwrap();
        read.agreed_cipher(own).ok()
    }

    #[test]
    fn the_server_chooses_the_best_cipher_that_both_ends_have() {
        for named in 0..=255_u8 {
            let (has_chacha, has_aes) = (named & 1 != 0, named & 2 != 0);
            let chacha = has_chacha.then_some(Cipher::ChaCha20Poly1305);
            let both = has_aes.then_some(Cipher::Aes256Gcm).or(chacha);
            assert_eq!(agreed(Role::Client, named, Ciphers::ALL), both);
            let own = Ciphers::CHACHA20_POLY1305;
            assert_eq!(agreed(Role::Client, named, own), chacha);
        }
    }

    #[test]
    fn the_client_accepts_exactly_one_cipher_and_only_one_that_it_has() {
        for named in 0..=255_u8 {
            let one = match named {
                1 => Some(Cipher::ChaCha20Poly1305),
                2 => Some(Cipher::Aes256Gcm),
                _ => None,
            };
            assert_eq!(agreed(Role::Server, named, Ciphers::ALL), one);
            let own = Ciphers::CHACHA20_POLY1305;
            let accepted = one.filter(|_| named == 1);
            assert_eq!(agreed(Role::Server, named, own), accepted);
        }
        let error = PreambleError::NoCommonCipher(4).to_string();
        assert!(error.contains("0x04"), "{error}");
    }

    #[test]
    fn strangers_are_named_by_their_first_bytes() {
        let error = Preamble::decode(*b"GET / HT", Role::Server).unwrap_err();
        assert!(error.to_string().contains("GET "), "{error}");
        let error = Preamble::decode(*b"LIPC\x02\x00C\x00", Role::Server).unwrap_err();
        assert!(error.to_string().contains("version 2"), "{error}");
    }
}
