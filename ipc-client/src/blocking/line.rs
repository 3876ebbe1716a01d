//! What the threads of one blocking client share: the engine, its socket, and who waits for which call. Everything here
//! happens under the channel's lock.

use std::collections::VecDeque;
use std::thread::Thread;
use std::time::Instant;

use ipc_core::NotSent;

use super::stream::{Flushed, Stream};
use crate::call::Ended;
use crate::callback::ProgressCallback;
use crate::engine::{CallEvent, Engine, News, Progress, Step};

/// What the threads of one client share.
pub(crate) struct Line {
    pub(crate) engine: Engine,
    pub(crate) stream: Stream,
    waiting: Vec<Waiting>,
    /// True while some thread reads for all.
    pub(crate) led: bool,
    /// The thread that reads for all, while it can be woken.
    pub(crate) pausing: Option<Thread>,
}

/// A call in flight, and the thread that waits for it.
struct Waiting {
    call: u64,
    ended: Option<Ended>,
    progress: Untold,
    on_progress: Option<ProgressCallback>,
    /// Set while the thread sleeps.
    thread: Option<Thread>,
}

impl Line {
    pub(crate) fn new(engine: Engine) -> Self {
        Self {
            engine,
            stream: Stream::default(),
            waiting: Vec::new(),
            led: false,
            pausing: None,
        }
    }

    /// Goes on towards a connection, if there is none. Returns when to look again, or `None` if somebody is to read.
    pub(crate) fn approach(&mut self, now: Instant) -> Option<Instant> {
        match self.engine.next_step(now) {
            Step::Converse => return None,
            Step::Wait(until) => return Some(until),
            Step::Settle => {}
            Step::Attach(socket, server) => {
                let result = self.stream.attach(socket, now);
                self.engine.attached(result, server, now);
            }
        }
        self.settle(now);
        Some(now)
    }

    /// Registers the thread that has begun `call`.
    pub(crate) fn wait_for(&mut self, call: u64, on_progress: Option<ProgressCallback>) {
        self.waiting.push(Waiting {
            call,
            ended: None,
            progress: Untold::new(),
            on_progress,
            thread: None,
        });
    }

    /// The thread that waits for `call` is about to sleep. False if nobody waits for it.
    pub(crate) fn falls_asleep(&mut self, call: u64, thread: Thread) -> bool {
        let waiting = self.find(call);
        let is_there = waiting.is_some();
        if let Some(waiting) = waiting {
            waiting.thread = Some(thread);
        }
        is_there
    }

    /// Looks at the connection before a call is written to it.
    pub(crate) fn look(&mut self, now: Instant) {
        if !self.led && self.stream.look(&mut self.engine, now) {
            self.settle(now);
        }
    }

    /// Writes what there is to write, for a few milliseconds.
    pub(crate) fn flush(&mut self) -> Flushed {
        self.stream.flush(&mut self.engine)
    }

    /// Acts on what the engine made of bytes and time.
    pub(crate) fn settle(&mut self, now: Instant) {
        if self.engine.settle(now) {
            // The driver is asked to stop, although nobody may come to write or read for long.
            self.flush();
        }
        while let Some(event) = self.engine.poll_event(now) {
            self.tell(event);
        }
        self.detach_if_disconnected();
    }

    fn detach_if_disconnected(&mut self) {
        if self.engine.is_disconnected() {
            self.stream.detach();
        }
    }

    /// Tells the waiting thread what became of its call.
    fn tell(&mut self, CallEvent { call, news }: CallEvent) {
        let Some(waiting) = self.find(call) else {
            return;
        };
        match news {
            News::Ended(ended) => waiting.ended = Some(ended),
            News::Progress(_) if waiting.on_progress.is_none() => return,
            News::Progress(progress) => waiting.note(progress),
        }
        waiting.wake();
    }

    /// Takes what a call has told of itself, if it has.
    pub(crate) fn take_progress(&mut self, call: u64) -> Option<(ProgressCallback, Untold)> {
        let waiting = self.find(call)?;
        let callback = waiting.on_progress.as_ref()?;
        (!waiting.progress.is_empty())
            .then(|| (callback.clone(), std::mem::take(&mut waiting.progress)))
    }

    /// Takes the end of a call, if it has ended.
    pub(crate) fn take_ended(&mut self, call: u64) -> Option<Ended> {
        let at = self
            .waiting
            .iter()
            .position(|w| w.call == call && w.ended.is_some())?;
        self.waiting.swap_remove(at).ended
    }

    /// Gives a call up: its thread finds that it has ended.
    pub(crate) fn give_up(&mut self, call: u64, reason: NotSent) {
        if let Some(ended) = self.engine.give_up(call, reason) {
            let news = News::Ended(ended);
            self.tell(CallEvent { call, news });
            self.flush();
        }
    }

    /// Lets some other thread read, if one waits.
    pub(crate) fn hand_on(&mut self) {
        if self.led {
            return;
        }
        if let Some(waiting) = self.waiting.iter_mut().find(|w| w.thread.is_some()) {
            waiting.wake();
        } else if self.waiting.is_empty() {
            self.engine.nobody_waits();
            self.detach_if_disconnected();
        }
    }

    /// Ends the session and all calls, and says goodbye.
    pub(crate) fn close(&mut self) {
        if self.engine.is_closed() {
            return;
        }
        let calls: Vec<u64> = self.waiting.iter().map(|w| w.call).collect();
        for call in calls {
            self.give_up(call, NotSent::Closed);
        }
        self.engine.close();
        self.stream.hang_up(&mut self.engine);
        for waiting in &mut self.waiting {
            waiting.wake();
        }
        if let Some(thread) = self.pausing.take() {
            thread.unpark();
        }
    }

    fn find(&mut self, call: u64) -> Option<&mut Waiting> {
        self.waiting.iter_mut().find(|w| w.call == call)
    }
}

impl Waiting {
    /// A callback that is slower than the driver misses the oldest of what it was to be told.
    fn note(&mut self, progress: Progress) {
        if self.progress.len() >= MAX_UNTOLD {
            self.progress.pop_front();
        }
        self.progress.push_back(progress);
    }

    fn wake(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.unpark();
        }
    }
}

/// What the callback of a call was not told yet, oldest first.
type Untold = VecDeque<Progress>;

/// So much progress of one call waits to be told.
const MAX_UNTOLD: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    /// A callback that took its time made the client remember all that it had not been told.
    #[test]
    fn of_too_much_progress_the_latest_is_told() {
        let mut waiting = Waiting {
            call: 1,
            ended: None,
            progress: Untold::new(),
            on_progress: None,
            thread: None,
        };
        for step in 0..2 * MAX_UNTOLD + 5 {
            waiting.note(Progress {
                fraction: 0.0,
                message: step.to_string(),
            });
        }
        let told: Vec<_> = waiting.progress.into_iter().map(|it| it.message).collect();
        let latest = MAX_UNTOLD + 5..2 * MAX_UNTOLD + 5;
        assert_eq!(
            told,
            latest.map(|step| step.to_string()).collect::<Vec<_>>()
        );
    }
}
