//! The mixes of faults that are searched.

use super::{Budget, Search};

/// A mix of faults.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs)]
pub struct Mix {
    /// What goes wrong, and how often.
    pub name: &'static str,
    /// The search.
    pub search: fn() -> Search,
}

fn search(calls: &[bool], [drops, crashes, evictions, cancels, goodbyes]: [u8; 5]) -> Search {
    let budget = Budget {
        drops,
        crashes,
        evictions,
        cancels,
        goodbyes,
        ..Budget::default()
    };
    Search::new(calls, budget)
}

/// With goodbyes, refusals and a server whose clock runs ahead.
fn late(calls: &[bool], [drops, cancels, goodbyes, refusals, lates]: [u8; 5]) -> Search {
    let budget = Budget {
        drops,
        cancels,
        goodbyes,
        refusals,
        lates,
        ..Budget::default()
    };
    Search::new(calls, budget)
}

/// Two calls that must not run twice.
const TWO: &[bool] = &[false, false];
/// One that may in the middle of two that must not.
const THREE: &[bool] = &[false, true, false];

/// All mixes of the long search.
pub const MIXES: &[Mix] = &[
    Mix {
        name: "2 calls: 2 drops, 1 crash, 1 eviction, 1 cancel",
        search: || search(TWO, [2, 1, 1, 1, 0]),
    },
    Mix {
        name: "2 calls: 4 drops",
        search: || search(TWO, [4, 0, 0, 0, 0]),
    },
    Mix {
        name: "2 calls: 3 drops, 1 crash",
        search: || search(TWO, [3, 1, 0, 0, 0]),
    },
    Mix {
        name: "2 calls: 1 drop, 2 crashes, 1 eviction, 2 cancels",
        search: || search(TWO, [1, 2, 1, 2, 0]),
    },
    Mix {
        name: "2 calls: 3 drops, 2 crashes, 1 eviction, 1 cancel",
        search: || search(TWO, [3, 2, 1, 1, 0]),
    },
    Mix {
        name: "3 calls: 3 drops, 1 crash",
        search: || search(THREE, [3, 1, 0, 0, 0]),
    },
    Mix {
        name: "3 calls: 2 drops, 1 crash, 1 eviction, 2 cancels",
        search: || search(THREE, [2, 1, 1, 2, 0]),
    },
    Mix {
        name: "2 calls: 1 drop, 1 crash, 1 cancel, 1 goodbye",
        search: || search(TWO, [1, 1, 0, 1, 1]),
    },
    Mix {
        name: "2 calls: 2 drops, 1 eviction, 2 goodbyes",
        search: || search(TWO, [2, 0, 1, 0, 2]),
    },
    Mix {
        name: "3 calls: 1 drop, 1 crash, 1 cancel, 1 goodbye",
        search: || search(THREE, [1, 1, 0, 1, 1]),
    },
    Mix {
        name: "2 calls: 1 drop, 1 cancel, 1 goodbye, 1 refusal, late",
        search: || late(TWO, [1, 1, 1, 1, 1]),
    },
    Mix {
        name: "3 calls: 1 drop, 1 cancel, 1 refusal, late",
        search: || late(THREE, [1, 1, 0, 1, 1]),
    },
    Mix {
        name: "2 calls: 2 drops, 1 cancel, 1 goodbye, client without faults",
        search: || search(TWO, [2, 0, 0, 1, 1]).without_faults(),
    },
];
