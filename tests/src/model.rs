//! A model of one client, one server and the network between them, for an exhaustive search. Its steps are the shipped
//! session code; only the network and the instrument are made up.

mod mixes;
mod step;
mod watch;
mod world;

use std::time::{Duration, Instant};

use bytes::Bytes;
use ipc_core::Args;
use ipc_core::interface::caller::OutgoingCall;
use ipc_core::session::mutant::Mutant;
use stateright::{Model, Property};

pub use mixes::{MIXES, Mix};
pub use watch::{Broken, Outcome};
pub use world::{Step, World};

/// How much may go wrong in one run. Whatever is counted here may happen at any step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Either end loses the connection; what is under way arrives or does not.
    pub drops: u8,
    /// The server is killed and started again, with nothing left of it.
    pub crashes: u8,
    /// The server forgets a session that nobody holds.
    pub evictions: u8,
    /// The client gives up a call.
    pub cancels: u8,
    /// The server says goodbye to the client, whether a driver runs or not.
    pub goodbyes: u8,
    /// The server refuses a call instead of running it.
    pub refusals: u8,
    /// The deadlines of all calls pass by the server's clock, and not by the client's.
    pub lates: u8,
}

/// What is searched.
#[derive(Debug)]
pub struct Search {
    /// The calls the client makes, in this order, two at a time: for each whether it is idempotent.
    pub calls: Vec<bool>,
    /// What may go wrong.
    pub budget: Budget,
    /// What is wrong with the session code.
    pub mutants: Vec<Mutant>,
    /// Whether a connection that was replaced is fenced, as it should be.
    pub fence: bool,
    /// Whether the client can be told that an outcome is unknown.
    pub knows_faults: bool,
    frames: Vec<Vec<u8>>,
    start: Instant,
}

impl Search {
    /// A search with the session code as it is.
    pub fn new(calls: &[bool], budget: Budget) -> Self {
        let frame = |number: usize| {
            let method = char::from(b'a' + u8::try_from(number).unwrap_or(0)).to_string();
            let frame = OutgoingCall::by_name(&method, &Args::default()).take_frame();
            frame.unwrap_or_default().into_vec()
        };
        Self {
            calls: calls.to_vec(),
            budget,
            mutants: vec![],
            fence: true,
            knows_faults: true,
            frames: (0..calls.len()).map(frame).collect(),
            start: Instant::now(),
        }
    }

    /// The same with faults in the session code.
    pub fn with(mut self, mutants: &[Mutant]) -> Self {
        self.mutants = mutants.to_vec();
        self
    }

    /// The same without a fence.
    pub fn without_fence(mut self) -> Self {
        self.fence = false;
        self
    }

    /// The same with a client that cannot be told that an outcome is unknown.
    pub fn without_faults(mut self) -> Self {
        self.knows_faults = false;
        self
    }

    /// The time by the server's clock.
    fn server_time(&self, world: &World) -> Instant {
        match world.is_late {
            true => self.start + 2 * TIMEOUT,
            false => self.start,
        }
    }

    /// How long callers wait.
    fn timeout(&self) -> Option<Duration> {
        (self.budget.lates > 0).then_some(TIMEOUT)
    }

    fn frame(&self, tag: usize) -> Vec<u8> {
        self.frames.get(tag).cloned().unwrap_or_default()
    }

    fn has(&self, mutant: Mutant) -> bool {
        self.mutants.contains(&mutant)
    }
}

/// Shorter than sessions are kept.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The answer to call `tag`.
fn reply_frame(number: u64, tag: u8) -> Vec<u8> {
    reply_frame_with(number, &[tag])
}

/// The answer to a call, as it is on the wire.
pub(crate) fn reply_frame_with(number: u64, payload: &[u8]) -> Vec<u8> {
    const OK: u16 = 200;
    let len = u32::try_from(2 + 8 + payload.len()).unwrap_or(u32::MAX);
    let mut frame = len.to_le_bytes().to_vec();
    frame.extend_from_slice(&OK.to_le_bytes());
    frame.extend_from_slice(&number.to_le_bytes());
    frame.extend_from_slice(payload);
    frame
}

fn is_answer_to(tag: u8, payload: &Bytes) -> bool {
    payload[..] == [tag]
}

impl Model for Search {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self)]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        world.steps(steps);
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        let mut next = world.clone();
        next.take(self, step);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always("at most once", |_, w: &World| {
                !w.is_broken(Broken::RanTwice)
            }),
            Property::always("returned means executed once", |_, w: &World| {
                !w.is_broken(Broken::ReturnedUnrun)
            }),
            Property::always(
                "refused or not sent means never executed",
                |_, w: &World| !w.is_broken(Broken::RanAfterAll),
            ),
            Property::always("no answer of another call", |_, w: &World| {
                !w.is_broken(Broken::WrongAnswer)
            }),
            Property::always(
                "unknown only after a crash, an eviction or a goodbye over a running call",
                |_, w: &World| !w.is_broken(Broken::NeedlesslyUnknown),
            ),
            Property::always(
                "one call at a time, unless it was cancelled",
                |_, w: &World| !w.is_broken(Broken::Overtook),
            ),
            Property::always("nothing is kept that was confirmed", |_, w: &World| {
                !w.is_broken(Broken::KeptConfirmed)
            }),
            Property::always("each call ends once", |_, w: &World| {
                !w.is_broken(Broken::EndedTwice)
            }),
            Property::always("nothing old begins after a resumption", |_, w: &World| {
                !w.is_broken(Broken::RanBehindTheFence)
            }),
            Property::always(
                "no newer connection yields to an older one",
                |_, w: &World| !w.is_broken(Broken::YieldedToOlder),
            ),
            // A path cannot go on for ever, because every step uses something up. So "in the end every call has been
            // answered" is: there is no dead end with an unanswered call.
            Property::always("every call is answered", |_, w: &World| {
                !w.is_broken(Broken::Stuck)
            }),
        ];
        if self.budget.drops > 0 {
            properties.push(Property::sometimes(
                "a reconnect ends in an answer",
                |_, w: &World| w.has_returned_after_reconnect(),
            ));
        }
        properties
    }
}
