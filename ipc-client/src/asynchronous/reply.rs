//! The future of a call.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use ipc_core::interface::caller::OutgoingCall;
use ipc_core::session::client::CallOutcome;
use ipc_core::{CallError, NotSent};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::task::{CallOwner, CallRequest, Command};
use crate::call::{CallEnd, CallOptions, Timing};

/// A call of an [`AsyncClient`](super::AsyncClient), and then its result.
///
/// The call is sent, and its timeout starts, when the future is first polled. Dropping the future cancels the call; see
/// [`AsyncClient`](super::AsyncClient) for what that means for the instrument.
#[must_use = "a call is sent when its future is awaited"]
pub struct ReplyFuture<T> {
    state: ReplyState,
    commands: UnboundedSender<Command>,
    result: PhantomData<fn() -> T>,
}

enum ReplyState {
    New {
        call: OutgoingCall,
        options: CallOptions,
    },
    Sent(SentCall),
    Failed(CallError),
    Done,
}

struct SentCall {
    call: OutgoingCall,
    timing: Timing,
    reply: oneshot::Receiver<CallEnd>,
}

impl<T> ReplyFuture<T> {
    pub(super) fn new(
        call: OutgoingCall,
        options: CallOptions,
        commands: UnboundedSender<Command>,
    ) -> Self {
        Self {
            state: ReplyState::New { call, options },
            commands,
            result: PhantomData,
        }
    }

    pub(super) fn failed(error: CallError, commands: UnboundedSender<Command>) -> Self {
        Self {
            state: ReplyState::Failed(error),
            commands,
            result: PhantomData,
        }
    }

    fn take_state(&mut self) -> ReplyState {
        std::mem::replace(&mut self.state, ReplyState::Done)
    }

    fn send(&self, mut call: OutgoingCall, options: &CallOptions) -> ReplyState {
        let not_sent = |call: &OutgoingCall, reason| {
            ReplyState::Failed(CallError::NotSent {
                method: call.method().to_string(),
                reason,
            })
        };
        call.set_decode_memory(options.decode_memory);
        let frame = match call.take_frame() {
            Ok(frame) => frame,
            Err(error) => return ReplyState::Failed(error),
        };
        let started = Instant::now();
        let timeout = options.time_left(started);
        if let Some(reason) = options.refusal(timeout) {
            return not_sent(&call, reason);
        }
        let timing = Timing { started, timeout };
        let (sender, reply) = oneshot::channel();
        let request = CallRequest {
            frame,
            idempotent: options.idempotent || call.is_idempotent(),
            timing,
            owner: CallOwner {
                token: options.token.clone(),
                reporting: options.reporting.clone(),
                reply: sender,
            },
        };
        match self.commands.send(Command::Call(request)) {
            Ok(()) => ReplyState::Sent(SentCall {
                call,
                timing,
                reply,
            }),
            Err(_) => not_sent(&call, NotSent::Closed),
        }
    }
}

impl<T: DeserializeOwned + Send + 'static> Future for ReplyFuture<T> {
    type Output = Result<T, CallError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if matches!(self.state, ReplyState::New { .. })
            && let ReplyState::New { call, options } = self.take_state()
        {
            self.state = self.send(call, &options);
        }
        let result = match &mut self.state {
            ReplyState::Sent(sent) => {
                let Poll::Ready(end) = Pin::new(&mut sent.reply).poll(context) else {
                    return Poll::Pending;
                };
                let end = end.unwrap_or_else(|_| stopped());
                end.into_result(&sent.call, sent.timing)
            }
            _ => match self.take_state() {
                ReplyState::Failed(error) => Err(error),
                // Polled after completion, which the contract of `Future` forbids.
                _ => return Poll::Pending,
            },
        };
        self.state = ReplyState::Done;
        Poll::Ready(result)
    }
}

impl<T> Drop for ReplyFuture<T> {
    fn drop(&mut self) {
        if let ReplyState::Sent(sent) = self.take_state() {
            // Dropped first: the task looks for calls whose receivers are gone.
            drop(sent.reply);
            let _ = self.commands.send(Command::CancelDropped);
        }
    }
}

impl<T> fmt::Debug for ReplyFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (state, method) = match &self.state {
            ReplyState::New { call, .. } => ("not sent", call.method()),
            ReplyState::Sent(sent) => ("sent", sent.call.method()),
            ReplyState::Failed(_) | ReplyState::Done => ("done", ""),
        };
        f.debug_struct("ReplyFuture")
            .field("state", &state)
            .field("method", &method)
            .finish_non_exhaustive()
    }
}

/// The end of a call whose task was dropped together with its runtime.
fn stopped() -> CallEnd {
    let reason = "the async runtime of the client was shut down";
    CallEnd::Outcome(CallOutcome::Unknown(reason.into()))
}
