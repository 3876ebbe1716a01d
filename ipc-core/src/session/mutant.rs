//! Deliberate faults. The proofs plant them to show that they would notice.
//!
//! Without the feature `proof` there is no way to plant one, and no trace of the question whether one is there.

/// A rule of the session that is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mutant {
    /// The client sends everything again, whichever session it is given.
    BlindResend,
    /// The client takes a call for unsent although a lost connection may have carried it.
    ForgetsWhatItSent,
    /// The client gives the number of a call that was given up to the next one.
    ReusesNumbers,
    /// The client confirms an answer that it does not have.
    ConfirmsTooMuch,
    /// The server runs a call as often as it comes.
    NoDedup,
    /// The server does not look whether a call that comes again is the same.
    NoDigest,
    /// Sessions are told apart by their ids alone, not by the run of the server.
    NoIncarnation,
    /// A hello brings back the session it names, even if the server does not know it.
    RevivesSessions,
    /// A hello that was overtaken by a newer one takes the session nevertheless.
    StaleHelloSteals,
    /// The server says goodbye although calls that it has taken are not answered.
    SaysByeOverCalls,
    /// The server begins a call while an earlier one runs whose client waits for it.
    OvertakesAnyCall,
    /// The server keeps the answer to a call that its client has confirmed.
    KeepsConfirmed,
}

/// The mutants in force: none, and for free, unless this is a proof.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mutants {
    #[cfg(feature = "proof")]
    planted: u16,
}

impl Mutants {
    #[cfg(feature = "proof")]
    pub(crate) fn plant(mutants: &[Mutant]) -> Self {
        let planted = mutants
            .iter()
            .fold(0, |all, mutant| all | 1 << *mutant as u16);
        Self { planted }
    }

    #[cfg(feature = "proof")]
    pub(crate) fn has(self, mutant: Mutant) -> bool {
        self.planted & (1 << mutant as u16) != 0
    }

    #[cfg(not(feature = "proof"))]
    #[inline(always)]
    pub(crate) fn has(self, _: Mutant) -> bool {
        false
    }
}
