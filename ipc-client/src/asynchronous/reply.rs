//! The future of a call.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use ipc_core::interface::caller::OutgoingCall;
use ipc_core::session::client::CallOutcome;
use ipc_core::wire::frame::CallFrame;
use ipc_core::{CallError, NotSent};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::observer::Observer;
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
    /// Makes the call, unless the server does not serve observers.
    observer: Option<Arc<Observer>>,
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
    /// What the client's own task needs, as long as the observer makes the call.
    again: Option<Box<(CallFrame, CallOptions)>>,
}

impl<T> ReplyFuture<T> {
    pub(super) fn new(
        call: OutgoingCall,
        options: CallOptions,
        commands: UnboundedSender<Command>,
        observer: Option<Arc<Observer>>,
    ) -> Self {
        Self {
            state: ReplyState::New { call, options },
            commands,
            observer,
            result: PhantomData,
        }
    }

    pub(super) fn failed(error: CallError, commands: UnboundedSender<Command>) -> Self {
        Self {
            state: ReplyState::Failed(error),
            commands,
            observer: None,
            result: PhantomData,
        }
    }

    fn take_state(&mut self) -> ReplyState {
        std::mem::replace(&mut self.state, ReplyState::Done)
    }

    fn send(&self, mut call: OutgoingCall, options: CallOptions) -> ReplyState {
        let not_sent = |call: &OutgoingCall, reason| {
            ReplyState::Failed(CallError::NotSent {
                method: call.method().to_string(),
                reason,
            })
        };
        let prepared = options.apply_to(&mut call);
        let frame = match prepared.and_then(|()| call.take_frame()) {
            Ok(frame) => frame,
            Err(error) => return ReplyState::Failed(error),
        };
        let started = Instant::now();
        let timeout = options.time_left(started);
        if let Some(reason) = options.refusal(timeout) {
            return not_sent(&call, reason);
        }
        let timing = Timing { started, timeout };
        let observer = self.observer.as_ref();
        let (reply, again) = match observer.filter(|observer| !observer.is_unserved()) {
            None => (post(&self.commands, frame, &call, &options, timing), None),
            Some(observer) => {
                let reply = post(&observer.commands, frame.clone(), &call, &options, timing);
                (reply, Some(Box::new((frame, options))))
            }
        };
        match reply {
            Some(reply) => ReplyState::Sent(SentCall {
                call,
                timing,
                reply,
                again,
            }),
            None => not_sent(&call, NotSent::Closed),
        }
    }
}

/// Gives a call to the task behind `commands`. Returns `None` if that task has ended.
fn post(
    commands: &UnboundedSender<Command>,
    frame: CallFrame,
    call: &OutgoingCall,
    options: &CallOptions,
    timing: Timing,
) -> Option<oneshot::Receiver<CallEnd>> {
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
    commands.send(Command::Call(request)).ok()?;
    Some(reply)
}

impl SentCall {
    /// Waits for the end of the call. Makes it again by the client's own task if the server does not serve observers.
    fn poll_end(
        &mut self,
        commands: &UnboundedSender<Command>,
        observer: Option<&Observer>,
        context: &mut Context<'_>,
    ) -> Poll<CallEnd> {
        loop {
            let Poll::Ready(end) = Pin::new(&mut self.reply).poll(context) else {
                return Poll::Pending;
            };
            let end = end.unwrap_or_else(|_| stopped());
            match self.again.take() {
                Some(again) if end.is_not_sent() && observer.is_some_and(Observer::is_unserved) => {
                    let (frame, options) = *again;
                    match post(commands, frame, &self.call, &options, self.timing) {
                        Some(reply) => self.reply = reply,
                        None => return Poll::Ready(CallEnd::not_sent(NotSent::Closed)),
                    }
                }
                _ => return Poll::Ready(end),
            }
        }
    }
}

impl<T: DeserializeOwned + Send + 'static> Future for ReplyFuture<T> {
    type Output = Result<T, CallError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if matches!(this.state, ReplyState::New { .. })
            && let ReplyState::New { call, options } = this.take_state()
        {
            this.state = this.send(call, options);
        }
        let result = match &mut this.state {
            ReplyState::Sent(sent) => {
                let end = sent.poll_end(&this.commands, this.observer.as_deref(), context);
                let Poll::Ready(end) = end else {
                    return Poll::Pending;
                };
                end.into_result(&sent.call, sent.timing)
            }
            _ => match this.take_state() {
                ReplyState::Failed(error) => Err(error),
                // Polled after completion, which the contract of `Future` forbids.
                _ => return Poll::Pending,
            },
        };
        this.state = ReplyState::Done;
        Poll::Ready(result)
    }
}

impl<T> Drop for ReplyFuture<T> {
    fn drop(&mut self) {
        if let ReplyState::Sent(sent) = self.take_state() {
            let by_observer = self.observer.as_ref().filter(|_| sent.again.is_some());
            // Dropped first: the task looks for calls whose receivers are gone.
            drop(sent.reply);
            let commands = by_observer.map_or(&self.commands, |observer| &observer.commands);
            let _ = commands.send(Command::CancelDropped);
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
