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

const TWO: &[bool] = &[false, false];

fn two(drops: u8, crashes: u8, evictions: u8, cancels: u8) -> Search {
    let budget = Budget {
        drops,
        crashes,
        evictions,
        cancels,
    };
    Search::new(TWO, budget)
}

/// All mixes of the long search.
pub const MIXES: &[Mix] = &[
    Mix {
        name: "2 drops, 1 crash",
        search: || two(2, 1, 0, 0),
    },
    Mix {
        name: "1 drop, 1 crash, 1 cancel",
        search: || two(1, 1, 0, 1),
    },
    Mix {
        name: "1 drop, 1 crash, 1 eviction, 2 cancels",
        search: || two(1, 1, 1, 2),
    },
    Mix {
        name: "2 drops, 1 crash, 1 eviction, 1 cancel",
        search: || two(2, 1, 1, 1),
    },
    Mix {
        name: "3 drops, no crash",
        search: || two(3, 0, 0, 0),
    },
];
