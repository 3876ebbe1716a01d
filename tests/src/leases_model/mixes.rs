//! What is searched at length.

use super::{Budget, Search};

/// A mix of events.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs)]
pub struct LeaseMix {
    /// What happens, and how often.
    pub name: &'static str,
    /// The search.
    pub search: fn() -> Search,
}

/// Each program shares a device with the next one.
const CHAIN: [&[usize]; 3] = [&[0], &[0, 1], &[1]];
/// Two want both devices, and one of them is wanted by a third.
const BOTH: [&[usize]; 3] = [&[0, 1], &[0, 1], &[1]];

/// With calls, drops and passes of time.
fn search(claims: [&'static [usize]; 3], [calls, drops, passes]: [u8; 3]) -> Search {
    let budget = Budget {
        calls,
        drops,
        passes,
        ..Budget::default()
    };
    Search::new(claims, budget)
}

/// With calls, and with kicks, transfers and restarts.
fn events(claims: [&'static [usize]; 3], [calls, kicks, transfers, restarts]: [u8; 4]) -> Search {
    let budget = Budget {
        calls,
        kicks,
        transfers,
        restarts,
        ..Budget::default()
    };
    Search::new(claims, budget)
}

fn stopped(claims: [&'static [usize]; 3], [calls, stops, kicks, passes]: [u8; 4]) -> Search {
    let budget = Budget {
        calls,
        stops,
        kicks,
        passes,
        ..Budget::default()
    };
    Search::new(claims, budget)
}

/// All mixes of the long search.
pub const LEASE_MIXES: &[LeaseMix] = &[
    LeaseMix {
        name: "leases of 2 and 2 and 1 devices: 2 calls, 1 drop, 1 pass of time",
        search: || search(BOTH, [2, 1, 1]),
    },
    LeaseMix {
        name: "leases in a chain: 1 call, 2 drops, 1 pass of time",
        search: || search(CHAIN, [1, 2, 1]),
    },
    LeaseMix {
        name: "leases in a chain: 1 call, 1 drop, 2 passes of time, limited leases",
        search: || search(CHAIN, [1, 1, 2]).limited(),
    },
    LeaseMix {
        name: "leases in a chain: 2 calls, 1 kick, 1 transfer",
        search: || events(CHAIN, [2, 1, 1, 0]),
    },
    LeaseMix {
        name: "leases of 2 and 2 and 1 devices: 2 calls, 2 kicks",
        search: || events(BOTH, [2, 2, 0, 0]),
    },
    LeaseMix {
        name: "leases in a chain: 1 call, 1 kick, 1 transfer, 1 restart",
        search: || events(CHAIN, [1, 1, 1, 1]),
    },
    LeaseMix {
        name: "leases in a chain: 1 call, 1 program stopped, 1 kick, 1 pass of time",
        search: || stopped(CHAIN, [1, 1, 1, 1]),
    },
];
