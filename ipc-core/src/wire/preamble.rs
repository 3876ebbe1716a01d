//! The first eight bytes each end sends: which protocol, which version, which suite, which role.

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
    /// A CPace handshake under the shared secret, then ChaCha20-Poly1305 records.
    Secret,
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

/// `MAGIC ‖ version ‖ suite ‖ role ‖ 0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preamble {
    /// What the sender will speak after the preamble.
    pub suite: Suite,
    /// Which end the sender is.
    pub role: Role,
}

/// Why the first bytes of a connection are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
         byte {reserved} must be 0"
    )]
    Undefined {
        /// The suite byte as received.
        suite: u8,
        /// The role byte as received.
        role: u8,
        /// The last byte as received.
        reserved: u8,
    },
    /// The peer claims the role of this end: a connection to oneself, or a mirror.
    #[error("the peer claims to be a {0:?} too: it is not the other end")]
    SameRole(Role),
}

impl Preamble {
    /// The length of a preamble in bytes.
    pub const LEN: usize = 8;

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
        [a, b, c, d, VERSION, suite, role, 0]
    }

    /// Reads the preamble of the peer of `own_role`. Needs only the bytes it is given: the magic is judged before the
    /// version, the version before the rest, so that a stranger can be told what is wrong.
    pub fn decode(bytes: [u8; Self::LEN], own_role: Role) -> Result<Self, PreambleError> {
        let [a, b, c, d, version, suite, role, reserved] = bytes;
        if [a, b, c, d] != MAGIC {
            return Err(PreambleError::NotThisProtocol([a, b, c, d]));
        }
        if version != VERSION {
            return Err(PreambleError::Version(version));
        }
        let undefined = PreambleError::Undefined {
            suite,
            role,
            reserved,
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
        if reserved != 0 {
            return Err(undefined);
        }
        if role == own_role {
            return Err(PreambleError::SameRole(role));
        }
        Ok(Self { suite, role })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_reads_the_other_and_refuses_itself() {
        for suite in [Suite::Plain, Suite::Secret] {
            for role in [Role::Client, Role::Server] {
                let preamble = Preamble { suite, role };
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
    fn every_single_flipped_bit_is_noticed_or_changes_the_suite() {
        let sent = Preamble {
            suite: Suite::Secret,
            role: Role::Client,
        };
        for bit in 0..Preamble::LEN * 8 {
            let mut bytes = sent.encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            match Preamble::decode(bytes, Role::Server) {
                Err(_) => {}
                Ok(read) => assert_eq!((bit, read.suite), (5 * 8, Suite::Plain)),
            }
        }
    }

    #[test]
    fn strangers_are_named_by_their_first_bytes() {
        let error = Preamble::decode(*b"GET / HT", Role::Server).unwrap_err();
        assert!(error.to_string().contains("GET "), "{error}");
        let error = Preamble::decode(*b"LIPC\x02\x00C\x00", Role::Server).unwrap_err();
        assert!(error.to_string().contains("version 2"), "{error}");
    }
}
