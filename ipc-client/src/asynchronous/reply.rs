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

use super::task::{Asker, Command, Order};
use crate::call::{CallOptions, Ended, Timing};

/// A call of an [`AsyncClient`](super::AsyncClient), and then its result.
///
/// Nothing is sent before the future is polled for the first time, and then the time of its timeout begins. Dropping it
/// gives the call up; see [`AsyncClient`](super::AsyncClient) for what that means for the instrument.
#[must_use = "a call is sent when its future is awaited"]
pub struct ReplyFuture<T> {
    stage: Stage,
    commands: UnboundedSender<Command>,
    result: PhantomData<fn() -> T>,
}

enum Stage {
    New {
        call: OutgoingCall,
        options: CallOptions,
    },
    InFlight {
        call: OutgoingCall,
        timing: Timing,
        reply: oneshot::Receiver<Ended>,
    },
    Failed(CallError),
    Done,
}

impl<T> ReplyFuture<T> {
    pub(super) fn new(
        call: OutgoingCall,
        options: CallOptions,
        commands: UnboundedSender<Command>,
    ) -> Self {
        Self {
            stage: Stage::New { call, options },
            commands,
            result: PhantomData,
        }
    }

    pub(super) fn failed(error: CallError, commands: UnboundedSender<Command>) -> Self {
        Self {
            stage: Stage::Failed(error),
            commands,
            result: PhantomData,
        }
    }

    fn send(&self, mut call: OutgoingCall, options: &CallOptions) -> Stage {
        let not_sent = |call: &OutgoingCall, reason| {
            Stage::Failed(CallError::NotSent {
                method: call.method().to_string(),
                reason,
            })
        };
        call.set_decode_memory(options.decode_memory);
        let frame = match call.take_frame() {
            Ok(frame) => frame,
            Err(error) => return Stage::Failed(error),
        };
        let started = Instant::now();
        let timeout = options.time_left(started);
        if let Some(reason) = options.refusal(timeout) {
            return not_sent(&call, reason);
        }
        let timing = Timing { started, timeout };
        let (sender, reply) = oneshot::channel();
        let order = Order {
            frame,
            idempotent: options.idempotent || call.is_idempotent(),
            timing,
            asker: Asker {
                token: options.token.clone(),
                on_progress: options.progress.clone(),
                reply: sender,
            },
        };
        match self.commands.send(Command::Call(order)) {
            Ok(()) => Stage::InFlight {
                call,
                timing,
                reply,
            },
            Err(_) => not_sent(&call, NotSent::Closed),
        }
    }
}

impl<T: DeserializeOwned + Send + 'static> Future for ReplyFuture<T> {
    type Output = Result<T, CallError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match std::mem::replace(&mut self.stage, Stage::Done) {
                Stage::New { call, options } => self.stage = self.send(call, &options),
                Stage::InFlight {
                    call,
                    timing,
                    mut reply,
                } => {
                    let Poll::Ready(ended) = Pin::new(&mut reply).poll(context) else {
                        self.stage = Stage::InFlight {
                            call,
                            timing,
                            reply,
                        };
                        return Poll::Pending;
                    };
                    let ended = ended.unwrap_or_else(|_| stopped());
                    return Poll::Ready(ended.into_result(&call, timing));
                }
                Stage::Failed(error) => return Poll::Ready(Err(error)),
                // Polled again after its end, which no caller may do; it has nothing more to say.
                Stage::Done => return Poll::Pending,
            }
        }
    }
}

impl<T> Drop for ReplyFuture<T> {
    fn drop(&mut self) {
        if let Stage::InFlight { reply, .. } = std::mem::replace(&mut self.stage, Stage::Done) {
            // The task looks for calls whose receivers are gone.
            drop(reply);
            let _ = self.commands.send(Command::Sweep);
        }
    }
}

impl<T> fmt::Debug for ReplyFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stage, method) = match &self.stage {
            Stage::New { call, .. } => ("not sent", call.method()),
            Stage::InFlight { call, .. } => ("in flight", call.method()),
            Stage::Failed(_) | Stage::Done => ("over", ""),
        };
        f.debug_struct("ReplyFuture")
            .field("stage", &stage)
            .field("method", &method)
            .finish_non_exhaustive()
    }
}

/// The end of a call whose task is gone with its runtime.
fn stopped() -> Ended {
    let outcome = CallOutcome::Unknown("the client was stopped with its runtime".into());
    Ended::while_queued(outcome, None)
}
