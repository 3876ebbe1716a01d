//! Deliberate faults, which the proofs plant to show that they would notice them.

/// A rule of the session that is broken on purpose.
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
    /// The server runs a call each time it comes.
    NoDedup,
    /// The server does not check that a call that comes again is the same one.
    NoDigest,
    /// Sessions are told apart by their ids alone, not by the run of the server.
    NoIncarnation,
    /// A hello brings back the session it names, even if the server does not know it.
    RevivesSessions,
    /// A hello that was overtaken by a newer one takes the session nevertheless.
    StaleHelloSteals,
    /// The server says goodbye although calls that it has taken are not answered.
    SaysByeOverCalls,
    /// The server takes calls that come after its goodbye.
    ReadsBehindBye,
    /// The server takes an answer that was lost with an earlier connection for sent.
    SwallowsLostAnswers,
    /// The server begins a call while an earlier one runs whose client waits for it.
    OvertakesAnyCall,
    /// The server keeps the answer to a call that its client has confirmed.
    KeepsConfirmed,
}

/// The faults that are planted in a state machine.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mutants {
    planted: u16,
}

impl Mutants {
    pub(crate) fn plant(mutants: &[Mutant]) -> Self {
        let planted = mutants
            .iter()
            .fold(0, |all, mutant| all | 1 << *mutant as u16);
        Self { planted }
    }

    pub(crate) fn has(self, mutant: Mutant) -> bool {
        self.planted & (1 << mutant as u16) != 0
    }
}
