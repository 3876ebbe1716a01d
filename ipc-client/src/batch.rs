//! Calls that run one after the other without calls of others in between.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use ipc_core::interface::batch::{BatchCall, BatchReply};
use ipc_core::interface::caller::OutgoingCall;
use ipc_core::session::client::CallOutcome;
use ipc_core::wire::codec::CodecError;
use ipc_core::{CallError, Caller, NotSent};
use serde::de::DeserializeOwned;

use crate::asynchronous::AsyncClient;
use crate::blocking::Client;
use crate::call::{CallEnd, Timing};

/// Calls that run one after the other, without a call of another client in between.
///
/// A batch is a [`Caller`]: a proxy that is made over it records its calls, and returns a [`Later`] for each.
/// [`run`](Self::run) sends all of them at once and waits for the last one; then each `Later` has the result of its call.
/// The devices are kept for the batch until it is over. The first call that fails ends it: the calls behind it do not run,
/// and end with [`Refusal::Cancelled`](ipc_core::Refusal::Cancelled).
///
/// ```no_run
/// # use ipc_client::{Client, remote};
/// # struct Stage;
/// # #[remote]
/// # impl Stage {
/// #     /// Moves.
/// #     pub fn move_to(&mut self, position: f64) {}
/// #     /// Where it is.
/// #     pub fn position(&mut self) -> f64 { 0.0 }
/// # }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::connect("192.168.1.10")?;
/// let batch = client.batch();
/// let stage = StageProxy::new(&batch);
/// let moved = stage.move_to(2.5);
/// let position = stage.position();
/// batch.run()?;
/// moved.get()?;
/// println!("{}", position.get()?);
/// # Ok(())
/// # }
/// ```
///
/// Cheap to clone; all clones are the same batch. Once it has run, it is empty, and can be used again. A batch has at most
/// 1,000 calls, of methods only, and travels as one call: its arguments together are bounded by the server's `max_call`, its
/// results by [`max_reply`](crate::ClientBuilder::max_reply). The options of the handle that made it hold for the batch as
/// a whole. A batch of getters and idempotent methods may be repeated after a lost connection.
pub struct Batch<C = Client> {
    client: C,
    decode_memory: usize,
    recorded: Arc<Mutex<Recorded>>,
}

/// The result of a call in a [`Batch`], once the batch has run.
#[must_use = "the call may have failed, which only `get` says"]
pub struct Later<T> {
    slot: Arc<Slot>,
    result: PhantomData<fn() -> T>,
}

#[derive(Default)]
struct Recorded {
    parts: Vec<BatchCall>,
    calls: Vec<BatchedCall>,
    /// Why the batch cannot be sent.
    problem: Option<CallError>,
}

/// A call of a batch that has been sent or is about to be.
struct BatchedCall {
    /// Reads its result.
    call: OutgoingCall,
    slot: Arc<Slot>,
}

struct Slot {
    method: String,
    answer: OnceLock<Result<Answered, CallError>>,
}

struct Answered {
    call: OutgoingCall,
    outcome: CallOutcome,
}

/// The calls of a batch that is under way.
struct Sent(Vec<BatchedCall>);

impl<C> Batch<C> {
    /// Maximum number of calls in a batch.
    pub const MAX_CALLS: usize = 1000;

    fn new(client: C, decode_memory: usize) -> Self {
        Self {
            client,
            decode_memory,
            recorded: Arc::default(),
        }
    }

    /// Number of calls that have been recorded since the batch last ran.
    pub fn len(&self) -> usize {
        self.recorded().calls.len()
    }

    /// Returns true if no call has been recorded since the batch last ran.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn record(&self, mut call: OutgoingCall) -> Arc<Slot> {
        call.set_decode_memory(self.decode_memory);
        let slot = Arc::new(Slot {
            method: call.method().to_string(),
            answer: OnceLock::new(),
        });
        let mut recorded = self.recorded();
        match recorded.add(&mut call) {
            Ok(part) => {
                recorded.parts.push(part);
                let slot = Arc::clone(&slot);
                recorded.calls.push(BatchedCall { call, slot });
            }
            Err(error) => {
                recorded.problem.get_or_insert_with(|| error.clone());
                slot.end(Err(error));
            }
        }
        slot
    }

    /// Takes the recorded calls, and the command that makes them; `None` if there are none.
    fn take(&self) -> Result<Option<(OutgoingCall, Sent)>, CallError> {
        let Recorded {
            parts,
            calls,
            problem,
        } = std::mem::take(&mut *self.recorded());
        let idempotent = calls.iter().all(|batched| batched.call.is_idempotent());
        let sent = Sent(calls);
        if let Some(problem) = problem {
            let reason = NotSent::Batch(format!("another call of its batch failed: {problem}"));
            sent.fail(|method| CallError::NotSent {
                method,
                reason: reason.clone(),
            });
            return Err(problem);
        }
        if parts.is_empty() {
            return Ok(None);
        }
        let mut command = OutgoingCall::batch(&parts);
        if idempotent {
            command.set_idempotent();
        }
        Ok(Some((command, sent)))
    }

    fn recorded(&self) -> MutexGuard<'_, Recorded> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// Begins a batch: calls that run one after the other, without a call of another client in between.
    pub fn batch(&self) -> Batch<Client> {
        Batch::new(self.clone(), self.decode_memory())
    }
}

impl AsyncClient {
    /// Begins a batch: calls that run one after the other, without a call of another client in between.
    pub fn batch(&self) -> Batch<AsyncClient> {
        Batch::new(self.clone(), self.decode_memory())
    }
}

impl Batch<Client> {
    /// Runs the recorded calls, and returns when the last one has ended. How each of them ended is told by its [`Later`].
    ///
    /// # Errors
    ///
    /// The batch as a whole was not sent or not answered; each `Later` then has this error, too. A call of the batch that
    /// fails is no error here.
    pub fn run(&self) -> Result<(), CallError> {
        match self.take()? {
            Some((command, sent)) => sent.end(Caller::call(&self.client, command)),
            None => Ok(()),
        }
    }
}

impl Batch<AsyncClient> {
    /// Runs the recorded calls, and returns when the last one has ended. How each of them ended is told by its [`Later`].
    ///
    /// Dropping the future cancels the batch, as it would cancel a call.
    ///
    /// # Errors
    ///
    /// The batch as a whole was not sent or not answered; each `Later` then has this error, too. A call of the batch that
    /// fails is no error here.
    pub async fn run(&self) -> Result<(), CallError> {
        match self.take()? {
            Some((command, sent)) => {
                let replies = Caller::call(&self.client, command).await;
                sent.end(replies)
            }
            None => Ok(()),
        }
    }
}

impl Recorded {
    fn add(&self, call: &mut OutgoingCall) -> Result<BatchCall, CallError> {
        if self.calls.len() >= Batch::<Client>::MAX_CALLS {
            let limit = Batch::<Client>::MAX_CALLS;
            return Err(CallError::NotSent {
                method: call.method().to_string(),
                reason: NotSent::Batch(format!(
                    "its batch already has {limit} calls; run it, and begin another one"
                )),
            });
        }
        call.take_batched()
    }
}

impl Sent {
    /// Hands out the answers of the server.
    fn end(mut self, replies: Result<Vec<BatchReply>, CallError>) -> Result<(), CallError> {
        let replies = match replies {
            Ok(replies) if replies.len() == self.0.len() => replies,
            Ok(replies) => {
                let (method, count) = ("batch".to_string(), self.0.len());
                let problem = format!("it has {} answers for {count} calls", replies.len());
                let error = CodecError::Invalid(problem);
                return self.end(Err(CallError::BadReply { method, error }));
            }
            Err(error) => {
                self.fail(|_| error.clone());
                return Err(error);
            }
        };
        for (batched, reply) in self.0.drain(..).zip(replies) {
            let BatchedCall { call, slot } = batched;
            let outcome = CallOutcome::of_batched(reply.kind, reply.payload);
            slot.end(Ok(Answered { call, outcome }));
        }
        Ok(())
    }

    fn fail(mut self, error: impl Fn(String) -> CallError) {
        for batched in self.0.drain(..) {
            let method = batched.slot.method.clone();
            batched.slot.end(Err(error(method)));
        }
    }
}

/// The future of `run` has been dropped.
impl Drop for Sent {
    fn drop(&mut self) {
        for batched in self.0.drain(..) {
            let method = batched.slot.method.clone();
            batched.slot.end(Err(CallError::Cancelled { method }));
        }
    }
}

impl Slot {
    /// A call ends once.
    fn end(&self, answer: Result<Answered, CallError>) {
        let _ = self.answer.set(answer);
    }
}

impl<T: DeserializeOwned + 'static> Later<T> {
    /// The result of the call. Never blocks.
    ///
    /// # Errors
    ///
    /// The call failed, or could not be made. Before the batch has run, the error is [`CallError::NotSent`].
    pub fn get(&self) -> Result<T, CallError> {
        match self.slot.answer.get() {
            Some(Ok(Answered { call, outcome })) => {
                let timing = Timing {
                    started: Instant::now(),
                    timeout: None,
                };
                CallEnd::Outcome(outcome.clone()).into_result(call, timing)
            }
            Some(Err(error)) => Err(error.clone()),
            None => Err(CallError::NotSent {
                method: self.slot.method.clone(),
                reason: NotSent::Batch("its batch has not run yet; call `run` first".into()),
            }),
        }
    }
}

impl<C: Clone> Caller for Batch<C> {
    type Reply<T: Send + 'static> = Later<T>;

    fn call<T: DeserializeOwned + Send + 'static>(&self, call: OutgoingCall) -> Later<T> {
        Later {
            slot: self.record(call),
            result: PhantomData,
        }
    }
}

impl<C: Clone> Clone for Batch<C> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            decode_memory: self.decode_memory,
            recorded: Arc::clone(&self.recorded),
        }
    }
}

impl<C> fmt::Debug for Batch<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let recorded = self.recorded();
        let methods = recorded.calls.iter().map(|batched| &batched.slot.method);
        f.debug_tuple("Batch")
            .field(&methods.collect::<Vec<_>>())
            .finish()
    }
}

impl<T> fmt::Debug for Later<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Later")
            .field("method", &self.slot.method)
            .field("has_ended", &self.slot.answer.get().is_some())
            .finish()
    }
}
