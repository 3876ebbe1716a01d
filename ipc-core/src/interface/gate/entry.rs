//! What goes through a gate.

use std::fmt;

/// What goes through a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// A number that no other call or hook of the server has at the same time.
    pub(crate) id: u64,
    /// The number of the method.
    pub(crate) method: usize,
    /// The party that calls, or [`OURS`](Self::OURS).
    pub(crate) party: u64,
    /// True if the leases of other parties let it in.
    pub(crate) reads: bool,
}

impl Entry {
    /// Number of bits for the calls of a session in an id.
    pub(crate) const CALLS: u32 = 40;

    /// Code in the server's own process that uses the driver.
    pub(crate) const LOCAL: Self = Self {
        id: u64::MAX - 1,
        method: usize::MAX,
        party: Self::OURS,
        reads: false,
    };

    /// Stands for the party of local code and of release hooks, which no lease keeps out.
    pub(crate) const OURS: u64 = u64::MAX >> 1;

    /// The release hook with this number.
    pub(crate) const fn hook(id: u64) -> Self {
        Self { id, ..Self::LOCAL }
    }

    /// The session of a call, as gates know it; not 0.
    pub(crate) fn session(&self) -> u64 {
        self.id >> Self::CALLS
    }

    /// True if it is a call of a client.
    pub(crate) fn is_call(&self) -> bool {
        self.party != Self::OURS
    }

    /// True if it is a release hook, which goes before everybody else.
    pub(super) fn is_hook(&self) -> bool {
        !self.is_call() && self.id != Self::LOCAL.id
    }
}

/// What local code calls itself.
#[derive(Clone, Debug)]
pub(crate) enum LocalName {
    Given(String),
    Thread(std::thread::Thread),
}

/// For a person: the name that was given, or that of the thread.
impl fmt::Display for LocalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(name) => f.write_str(name),
            Self::Thread(thread) => match thread.name() {
                Some(name) => write!(f, "thread `{name}`"),
                None => f.write_str(UNNAMED),
            },
        }
    }
}

/// Stands for local code whose name is not known.
pub(super) const UNNAMED: &str = "the server's own code";
