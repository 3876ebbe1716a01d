//! Deliberate faults, which the random schedules plant to show that they would notice them.

/// A rule about the calls and the place of a client that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mutant {
    /// A call that runs counts as given up, although its caller waits.
    LosesPatience,
    /// The time in which the process was suspended counts as time in which a driver hangs.
    IgnoresSuspension,
    /// The next client gets the server while calls of the one before run.
    PassesOnWhileCallsRun,
    /// The calls of a client that is gone do not count as given up.
    KeepsThePlace,
    /// The place of a client that has lost its connection passes on at once.
    GivesUpTheLost,
    /// The place of a client that has lost its connection is kept for as long if others wait.
    KeepsTheLost,
    /// Calls that begin when their client is gone already do not count as given up.
    WaitsForLateCalls,
}
