//! Deliberate faults, which the proofs plant to show that they would notice them.

/// A rule about the calls and the place of a client, or about leases, that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// The end of a lease does not close its devices.
    NeverCloses,
    /// A client whose lease was ended by somebody else is not refused its calls for that.
    NeverFences,
    /// The clocks of a lease run while a call of its party runs.
    CountsWhileBusy,
    /// A claim is granted before others that were asked for earlier.
    Barges,
    /// A claim is granted once one of its devices is free.
    GrantsInPart,
    /// A device is given to its next holder before the release hook has run.
    GrantsBeforeTheHook,
    /// A claim is granted while its party has no connection.
    GrantsToTheLost,
}
