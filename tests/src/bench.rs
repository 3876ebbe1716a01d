//! A configurable instrument for tests.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ipc_core::{CallContext, remote};
use serde::{Deserialize, Serialize};

/// The instrument. Clones of its parts show a test what happened.
#[derive(Debug, Default)]
pub struct Bench {
    steps: u64,
    entered: Arc<AtomicU64>,
    gate: Gate,
}

/// A door in the driver that a test keeps closed.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<(Mutex<Doors>, Condvar)>);

#[derive(Debug, Default)]
struct Doors {
    waiting: usize,
    open: usize,
}

/// Errors of the instrument.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum BenchError {
    /// An unlucky number.
    Unlucky {
        /// The number.
        number: u32,
        /// The cause.
        cause: Cause,
    },
}

/// The cause of a [`BenchError`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Cause(pub String);

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BenchError::Unlucky { number, .. } = self;
        write!(f, "{number} is unlucky")
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "because of {}", self.0)
    }
}

impl std::error::Error for BenchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let BenchError::Unlucky { cause, .. } = self;
        Some(cause)
    }
}

impl std::error::Error for Cause {}

impl Bench {
    /// Creates the instrument.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns how often a method was entered.
    pub fn entered(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.entered)
    }

    /// Returns the door at which `pass` waits.
    pub fn gate(&self) -> Gate {
        self.gate.clone()
    }

    fn enter(&self) {
        self.entered.fetch_add(1, Ordering::SeqCst);
    }
}

/// An instrument for tests.
#[remote]
impl Bench {
    /// Number of steps made.
    #[remote(get)]
    pub fn steps(&self) -> u64 {
        self.enter();
        self.steps
    }

    /// Makes a step. Not idempotent.
    pub fn step(&mut self) -> u64 {
        self.enter();
        self.steps += 1;
        self.steps
    }

    /// Returns its argument.
    pub fn echo(&mut self, number: u64) -> u64 {
        self.enter();
        number
    }

    /// Returns the quotient.
    pub fn divide(&mut self, #[remote(range = 0..=100)] dividend: u32, by: f64) -> f64 {
        self.enter();
        f64::from(dividend) / by
    }

    /// Makes a step, then waits at the door.
    pub fn pass(&mut self) -> u64 {
        self.enter();
        self.steps += 1;
        self.gate.pass();
        self.steps
    }

    /// Like `pass`, but idempotent.
    #[remote(idempotent)]
    pub fn pass_again(&mut self) -> u64 {
        self.enter();
        self.gate.pass();
        self.steps
    }

    /// Takes `ms` milliseconds and cannot be cancelled.
    pub fn sleep(&mut self, ms: u64) -> u64 {
        self.enter();
        tracing::info!("sleeps for {ms} ms");
        thread::sleep(Duration::from_millis(ms));
        ms
    }

    /// Takes `ms` milliseconds, reports progress, and stops when cancelled. Returns the number of rounds made.
    pub fn scan(&mut self, ctx: &CallContext, ms: u64) -> u64 {
        self.enter();
        let end = Instant::now() + Duration::from_millis(ms);
        let mut rounds = 0;
        while Instant::now() < end && !ctx.is_cancelled() {
            rounds += 1;
            ctx.progress(0.5, &rounds.to_string());
            thread::sleep(Duration::from_millis(5));
        }
        self.steps += u64::from(ctx.is_cancelled());
        rounds
    }

    /// Fails.
    pub fn fail(&mut self, number: u32) -> Result<u32, BenchError> {
        self.enter();
        let cause = Cause("thirteen".into());
        Err(BenchError::Unlucky { number, cause })
    }

    /// Panics.
    #[allow(unreachable_code, clippy::panic)]
    pub fn panic(&mut self) -> u32 {
        self.enter();
        panic!("the mirror fell off");
    }

    /// Returns this many zeros.
    pub fn zeros(&mut self, count: u64) -> Vec<f64> {
        self.enter();
        vec![0.0; usize::try_from(count).unwrap_or(0)]
    }

    /// Reverses a list.
    pub fn reverse(&mut self, mut numbers: Vec<f64>) -> Vec<f64> {
        self.enter();
        numbers.reverse();
        numbers
    }

    /// Waits with tokio's timer.
    pub async fn soon(&mut self, number: u64) -> u64 {
        self.enter();
        std::future::ready(number + 1).await
    }
}

impl Gate {
    /// Waits at the door.
    pub fn pass(&self) {
        let (doors, changed) = &*self.0;
        let mut doors = doors.lock().expect("no panic at the door");
        doors.waiting += 1;
        changed.notify_all();
        while doors.open == 0 {
            doors = changed.wait(doors).expect("no panic at the door");
        }
        doors.open -= 1;
        doors.waiting -= 1;
    }

    /// Waits until a call has reached the door.
    pub fn wait_for_call(&self) {
        let (doors, changed) = &*self.0;
        let doors = doors.lock().expect("no panic at the door");
        let bound = Duration::from_secs(20);
        let waited = changed.wait_timeout_while(doors, bound, |doors| doors.waiting == 0);
        let (_doors, result) = waited.expect("no panic at the door");
        assert!(!result.timed_out(), "no call came to the door");
    }

    /// Lets `calls` calls through, now or later.
    pub fn open(&self, calls: usize) {
        let (doors, changed) = &*self.0;
        doors.lock().expect("no panic at the door").open += calls;
        changed.notify_all();
    }
}
