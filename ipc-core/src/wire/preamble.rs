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

/// Ciphers for the records of a connection: those that a client offers, or the one that a server has chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ciphers(u8);

impl Ciphers {
    /// No cipher: in the clear, and from a server that refuses.
    pub const NONE: Self = Self(0);
    /// ChaCha20-Poly1305, which every end has.
    pub const CHACHA20_POLY1305: Self = Self(1);
    /// The ciphers of this release.
    const OURS: Self = Self::CHACHA20_POLY1305;
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
    /// The peer does not have a cipher that this end has, or chose one that was not offered.
    #[error(
        "the two ends have no cipher in common: this end has ChaCha20-Poly1305 (bit 0), the peer named the set \
         {0:#04x}; update the older end"
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

    /// The preamble of an end that offers, or has chosen, the ciphers of this release.
    pub fn new(suite: Suite, role: Role) -> Self {
        let ciphers = match suite {
            Suite::Plain => Ciphers::NONE,
            Suite::Secret => Ciphers::OURS,
        };
        Self {
            suite,
            role,
            ciphers,
        }
    }

    /// Refuses a peer under a secret with which this end has no cipher in common. A client may offer more than this
    /// release knows; a server chooses one of those that were offered.
    pub(crate) fn check_ciphers(self) -> Result<(), PreambleError> {
        let Ciphers(named) = self.ciphers;
        let is_common = match self.role {
            Role::Client => named & Ciphers::OURS.0 != 0,
            Role::Server => self.ciphers == Ciphers::OURS,
        };
        match is_common {
            true => Ok(()),
            false => Err(PreambleError::NoCommonCipher(named)),
        }
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

    #[test]
    fn a_client_may_offer_more_and_a_server_chooses_one_that_was_offered() {
        let judged = |role, ciphers| {
            let preamble = Preamble {
                ciphers: Ciphers(ciphers),
                ..Preamble::new(Suite::Secret, role)
            };
            let read = Preamble::decode(preamble.encode(), role.peer()).unwrap();
            read.check_ciphers().is_ok()
        };
        let accepted = |role| (0..=255).filter(move |&byte| judged(role, byte));
        assert!(accepted(Role::Client).eq((0..=255).filter(|byte| byte & 1 == 1)));
        assert!(accepted(Role::Server).eq([1]));
        let error = PreambleError::NoCommonCipher(2).to_string();
        assert!(error.contains("0x02"), "{error}");
    }

    #[test]
    fn strangers_are_named_by_their_first_bytes() {
        let error = Preamble::decode(*b"GET / HT", Role::Server).unwrap_err();
        assert!(error.to_string().contains("GET "), "{error}");
        let error = Preamble::decode(*b"LIPC\x02\x00C\x00", Role::Server).unwrap_err();
        assert!(error.to_string().contains("version 2"), "{error}");
    }
}
