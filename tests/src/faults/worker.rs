//! A caller: makes calls of all kinds and logs how each of them ended.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ipc_client::{
    CallError, CancellationToken, Client, ConnectionState, FaultKind, Refusal, Retry,
};

use super::device::{BenchProxy, answer, pattern};
use super::ledger::{Log, Outcome};
use super::proxy::lock;
use super::random::Random;

/// What kinds of calls a worker makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// All kinds.
    All,
    /// Only calls that must not be run twice.
    Steps,
    /// Mostly calls that are cancelled or time out.
    GivenUp,
}

/// How a client reaches its server.
#[derive(Clone, Debug)]
pub struct Reach {
    /// Host and port.
    pub address: String,
    /// The secret, if there is one.
    pub secret: Option<String>,
    /// How long it takes at most to notice a dead server.
    pub liveness: Duration,
}

impl Reach {
    /// Builds a client that logs how long its reconnections take.
    pub fn client(&self, name: &str, log: &Log) -> Client {
        let lost: Mutex<Option<Instant>> = Mutex::new(None);
        let log = log.clone();
        let mut builder = Client::builder(&self.address)
            .resume_silently()
            .name(name)
            .retry(Retry::up_to(OUTAGE))
            .liveness(self.liveness)
            .on_state(move |state| {
                let mut lost = lock(&lost);
                match state {
                    ConnectionState::Connected { .. } => {
                        let since = lost.take().map(|at| at.elapsed().as_micros());
                        let after = since.and_then(|after| u64::try_from(after).ok());
                        // If the log cannot be written, the calls fail, too.
                        let _ = after.map(|after| log.recovered(after));
                    }
                    ConnectionState::Closed => {}
                    _ => drop(lost.get_or_insert_with(Instant::now)),
                }
            });
        if let Some(secret) = &self.secret {
            builder = builder.secret(secret.as_str());
        }
        builder.connect_lazy()
    }
}

/// One thread that calls.
#[derive(Debug)]
pub struct Worker {
    client: Client,
    log: Log,
    random: Random,
    mix: Mix,
    canceller: Sender<(Instant, CancellationToken)>,
    next: u64,
}

impl Worker {
    /// Creates the worker `id`, a number unique in the run. Workers may share a client.
    pub fn new(
        client: Client,
        log: Log,
        id: u32,
        seed: u64,
        mix: Mix,
        canceller: Sender<(Instant, CancellationToken)>,
    ) -> Self {
        Self {
            client,
            log,
            random: Random::part(seed, u64::from(id) | 1 << 40),
            mix,
            canceller,
            next: u64::from(id) << 32,
        }
    }

    /// Makes one call of some kind.
    ///
    /// # Errors
    ///
    /// If the log cannot be written.
    pub fn call(&mut self) -> io::Result<Outcome> {
        self.next += 1;
        let token = self.next;
        let dice = self.random.below(100);
        match (self.mix, dice) {
            (Mix::Steps, _) | (Mix::All, 0..50) => self.step(token),
            (Mix::All, 50..70) => self.peek(token),
            (Mix::All, 70..75) => self.fail(token),
            (Mix::All, 75..80) => self.select(token),
            (Mix::All, 80..84) => self.bulk(token),
            (Mix::All, 84..88) => self.upload(token),
            (Mix::GivenUp, 0..30) => self.step(token),
            (_, dice) if dice % 2 == 0 => self.timed(token),
            _ => self.cancelled(token),
        }
    }

    fn step(&mut self, token: u64) -> io::Result<Outcome> {
        self.log.begin(token, false)?;
        let result = BenchProxy::new(&self.client).step(token);
        self.end(token, outcome(result, &answer(token)))
    }

    fn peek(&mut self, token: u64) -> io::Result<Outcome> {
        self.log.begin(token, true)?;
        let result = BenchProxy::new(&self.client).peek(token);
        self.end(token, outcome(result, &answer(token)))
    }

    fn fail(&mut self, token: u64) -> io::Result<Outcome> {
        self.log.begin(token, false)?;
        let result = BenchProxy::new(&self.client).fail(token);
        let own = format!("{:016x}", answer(token));
        let outcome = match &result {
            Err(CallError::Fault { fault, .. })
                if fault.kind == FaultKind::Error && fault.message != own =>
            {
                Outcome::Wrong
            }
            Ok(_) => Outcome::Wrong,
            _ => outcome(result, &0),
        };
        self.end(token, outcome)
    }

    /// Makes a call whose argument is out of range half of the time.
    fn select(&mut self, token: u64) -> io::Result<Outcome> {
        let range = u8::try_from(self.random.between(1, 10)).unwrap_or(1);
        self.log.begin(token, false)?;
        let result = BenchProxy::new(&self.client).select(token, range);
        self.end(token, outcome(result, &(answer(token) ^ u64::from(range))))
    }

    fn bulk(&mut self, token: u64) -> io::Result<Outcome> {
        let bytes = self.some_bytes();
        self.log.begin(token, false)?;
        let result = BenchProxy::new(&self.client).bulk(token, bytes);
        self.end(token, outcome(result, &pattern(token, bytes as usize)))
    }

    fn upload(&mut self, token: u64) -> io::Result<Outcome> {
        let data = pattern(token, self.some_bytes() as usize);
        self.log.begin(token, false)?;
        let result = BenchProxy::new(&self.client).upload(token, &data);
        self.end(token, outcome(result, &answer(token)))
    }

    /// Mostly small, because large replies never get through a very bad network.
    fn some_bytes(&mut self) -> u32 {
        let most = if self.random.chance(10) { 2500 } else { 300 };
        u32::try_from(self.random.below(most)).unwrap_or(0)
    }

    fn timed(&mut self, token: u64) -> io::Result<Outcome> {
        let timeout = Duration::from_micros(self.random.between(100, 8000));
        let client = self.client.timeout(timeout);
        self.slow(token, &client)
    }

    fn cancelled(&mut self, token: u64) -> io::Result<Outcome> {
        let cancel = CancellationToken::new();
        let client = self.client.cancel_with(&cancel);
        let after = Duration::from_micros(self.random.between(0, 8000));
        // Without a cancelling thread, the call runs to its end.
        let _ = self.canceller.send((Instant::now() + after, cancel));
        self.slow(token, &client)
    }

    fn slow(&mut self, token: u64, client: &Client) -> io::Result<Outcome> {
        let millis = u32::try_from(self.random.below(8)).unwrap_or(0);
        let proxy = BenchProxy::new(client);
        self.log.begin(token, false)?;
        let result = match self.random.chance(50) {
            true => proxy.slow(token, millis),
            false => proxy.deaf(token, millis),
        };
        self.end(token, outcome(result, &answer(token)))
    }

    fn end(&self, token: u64, outcome: Outcome) -> io::Result<Outcome> {
        self.log.end(token, outcome)?;
        Ok(outcome)
    }
}

/// Converts the end of a call to an outcome.
pub fn outcome<T: PartialEq>(result: Result<T, CallError>, right: &T) -> Outcome {
    match result {
        Ok(value) if value == *right => Outcome::Right,
        Ok(_) => Outcome::Wrong,
        Err(CallError::Refused(Refusal::Held(_))) => Outcome::Held,
        Err(CallError::Refused(Refusal::Fenced(_))) => Outcome::Fenced,
        Err(CallError::Refused(_)) => Outcome::Refused,
        Err(CallError::NotSent { .. }) => Outcome::NotSent,
        Err(CallError::Fault { fault, .. }) if fault.kind == FaultKind::ReplyNotKept => {
            Outcome::NotKept
        }
        Err(CallError::Fault { .. }) => Outcome::Fault,
        Err(CallError::TimedOut {
            may_have_run: false,
            ..
        }) => Outcome::NotBegun,
        Err(CallError::TimedOut { .. }) => Outcome::TimedOut,
        Err(CallError::Cancelled { .. }) => Outcome::Cancelled,
        Err(CallError::OutcomeUnknown { .. }) => Outcome::Unknown,
        Err(_) => Outcome::Wrong,
    }
}

/// Starts a thread that cancels each token it receives at its time.
///
/// # Errors
///
/// The thread cannot be started.
pub fn canceller() -> io::Result<Sender<(Instant, CancellationToken)>> {
    let (sender, receiver) = channel();
    thread::Builder::new()
        .name("canceller".into())
        .spawn(move || cancel(&receiver))?;
    Ok(sender)
}

fn cancel(tokens: &Receiver<(Instant, CancellationToken)>) {
    while let Ok((at, token)) = tokens.recv() {
        thread::sleep(at.saturating_duration_since(Instant::now()));
        token.cancel();
    }
}

/// Number of calls still to be made, and of calls made.
#[derive(Debug)]
pub struct Budget {
    begun: AtomicU64,
    ended: AtomicU64,
    wanted: AtomicU64,
}

impl Budget {
    /// Number of calls to make, or `u64::MAX` for as many as time allows.
    pub fn new(calls: u64) -> Arc<Self> {
        let (begun, ended) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self {
            begun,
            ended,
            wanted: AtomicU64::new(calls),
        })
    }

    /// Makes calls while any are left to be made.
    ///
    /// # Errors
    ///
    /// If the log cannot be written.
    pub fn spend(&self, worker: &mut Worker) -> io::Result<()> {
        while self.begun.fetch_add(1, Ordering::SeqCst) < self.wanted.load(Ordering::SeqCst) {
            worker.call()?;
            self.ended.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }

    /// Returns the number of calls that have ended.
    pub fn ended(&self) -> u64 {
        self.ended.load(Ordering::SeqCst)
    }

    /// Limits the number of calls to `calls`.
    pub fn limit(&self, calls: u64) {
        self.wanted.store(calls, Ordering::SeqCst);
    }
}

/// Maximum length of an outage.
const OUTAGE: Duration = Duration::from_secs(60);
