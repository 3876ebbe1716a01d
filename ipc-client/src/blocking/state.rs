//! What the threads of one blocking client share under one lock: the connection, and which thread waits for which call.

use std::collections::VecDeque;
use std::mem;
use std::thread::Thread;
use std::time::Instant;

use ipc_core::NotSent;
use ipc_core::session::by_number::ByNumber;
use ipc_core::session::client::Event;

use super::connection::ClientConnection;
use crate::call::CallEnd;
use crate::clock::StepTime;
use crate::engine::{Engine, Step};
use crate::reporting::{Report, Reporting};

/// The state behind the lock of a [`SharedConnection`](super::shared::SharedConnection).
pub(crate) struct SharedState {
    pub(crate) connection: ClientConnection,
    /// The calls in flight.
    waiting: ByNumber<WaitingThread>,
    pub(crate) lead: Lead,
    /// The leader, while it sleeps until it may connect again.
    pub(crate) sleeping_leader: Option<Thread>,
    /// Number of calls that have ended since the leader last waited for company, and whose threads may soon make others.
    pub(crate) company: usize,
    /// Threads to be woken once the lock has been released.
    woken: Vec<Thread>,
}

/// Which thread reads for all.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lead {
    /// None.
    Free,
    /// The thread of this call, once it has woken up.
    Given(u64),
    /// The leader is about to write what is queued.
    Writing,
    /// The leader reads, or sleeps until it may connect again.
    Taken,
}

/// A call in flight, and the thread that waits for it.
struct WaitingThread {
    end: Option<CallEnd>,
    reports: Option<Box<Reports>>,
    /// Set while the thread sleeps.
    thread: Option<Thread>,
}

/// What has happened to a call.
pub(crate) enum News {
    /// Reports that its callbacks have not been given yet.
    Reports(Reporting, ReportQueue),
    End(CallEnd),
}

/// The reports of a call whose caller wants to be told of them.
struct Reports {
    to: Reporting,
    /// What the callbacks have not been given yet, oldest first.
    queue: ReportQueue,
}

pub(crate) type ReportQueue = VecDeque<Report>;

impl SharedState {
    pub(crate) fn new(engine: Engine) -> Self {
        Self {
            connection: ClientConnection::new(engine),
            waiting: ByNumber::new(),
            lead: Lead::Free,
            sleeping_leader: None,
            company: 0,
            woken: Vec::new(),
        }
    }

    /// Takes the next step towards a connection. Returns when to take another one, or `None` if there is a connection
    /// to read from.
    pub(crate) fn advance(&mut self, now: Instant) -> Option<Instant> {
        match self.connection.engine.next_step(now) {
            Step::Exchange => return None,
            Step::Wait(until) => return Some(until),
            Step::ProcessEvents => {}
            Step::Attach(socket, server) => self.connection.attach(socket, server, now),
        }
        self.process_events(&now.into());
        Some(now)
    }

    /// Registers the current thread as waiting for `call`.
    pub(crate) fn register(&mut self, call: u64, reporting: &Reporting) {
        self.company = self.company.saturating_sub(1);
        let reports = (!reporting.is_empty()).then(|| {
            let (to, queue) = (reporting.clone(), ReportQueue::new());
            Box::new(Reports { to, queue })
        });
        let waiting = WaitingThread {
            end: None,
            reports,
            thread: None,
        };
        self.waiting.push(call, waiting);
    }

    /// Notes that `thread`, which waits for `call`, is about to sleep. Returns false if no thread waits for this call.
    pub(crate) fn prepare_sleep(&mut self, call: u64, thread: Thread) -> bool {
        let waiting = self.waiting.get_mut(call);
        let is_waiting = waiting.is_some();
        if let Some(waiting) = waiting {
            waiting.thread = Some(thread);
        }
        is_waiting
    }

    /// Checks whether the connection still stands, before a call is written to it.
    pub(crate) fn probe(&mut self, now: Instant) {
        if self.lead == Lead::Free && self.connection.probe(now) {
            self.process_events(&now.into());
        }
    }

    /// Returns true if the leader will write what is queued before it reads, and has reason to expect more of it.
    pub(crate) fn leader_will_write(&self) -> bool {
        match self.lead {
            Lead::Writing => true,
            Lead::Given(_) => self.company > 0,
            Lead::Free | Lead::Taken => false,
        }
    }

    /// Hands out the results of everything that has happened to the engine until now.
    pub(crate) fn process_events(&mut self, now: &StepTime) {
        if self.connection.engine.handle_timeout(now) {
            // Sends `Cancel` now: it may be long before a thread writes or reads again.
            self.connection.flush();
        }
        while self.connection.engine.has_events()
            && let Some(event) = self.connection.engine.poll_event(now)
        {
            match event {
                Event::Ended { call, outcome } => self.end(call, CallEnd::Outcome(outcome)),
                event => self.report(event),
            }
        }
        self.connection.detach_if_disconnected();
    }

    #[inline]
    fn end(&mut self, call: u64, end: CallEnd) {
        if let Some(waiting) = self.waiting.get_mut(call) {
            waiting.end = Some(end);
            self.woken.extend(waiting.thread.take());
            self.company += 1;
        }
    }

    fn report(&mut self, event: Event) {
        if let Some((call, report)) = Report::of(event)
            && let Some(waiting) = self.waiting.get_mut(call)
            && let Some(reports) = &mut waiting.reports
        {
            reports.add(report);
            self.woken.extend(waiting.thread.take());
        }
    }

    /// Takes what has happened to a call since it was last asked for, if anything has. Reports come before the end.
    #[inline]
    pub(crate) fn take_news(&mut self, call: u64) -> Option<News> {
        let waiting = self.waiting.get_mut(call)?;
        if let Some(reports) = &mut waiting.reports
            && !reports.queue.is_empty()
        {
            let queue = mem::take(&mut reports.queue);
            return Some(News::Reports(reports.to.clone(), queue));
        }
        waiting.end.as_ref()?;
        self.waiting.remove(call)?.end.map(News::End)
    }

    /// Ends a call before its answer has come. Its thread finds the end with [`take_news`](Self::take_news).
    pub(crate) fn give_up(&mut self, call: u64, reason: NotSent) {
        if let Some(end) = self.connection.engine.give_up(call, reason) {
            self.end(call, end);
            self.connection.flush();
        }
    }

    /// Notes that the thread that waits for `call` has woken up. If it has been given the lead, any thread can take it now.
    pub(crate) fn awake(&mut self, call: u64) {
        if let Some(waiting) = self.waiting.get_mut(call) {
            waiting.thread = None;
        }
        if self.lead == Lead::Given(call) {
            self.lead = Lead::Free;
        }
    }

    /// Gives the lead to the thread that has slept for longest, if one sleeps and no other leads.
    pub(crate) fn pass_on_lead(&mut self) {
        if self.lead != Lead::Free {
            return;
        }
        let sleeping = self.waiting.iter_mut().find_map(|(call, waiting)| {
            let thread = waiting.thread.take()?;
            Some((call, thread))
        });
        if let Some((call, thread)) = sleeping {
            self.lead = Lead::Given(call);
            self.woken.push(thread);
        }
    }

    /// A thread has taken the end of its call: another one may have to lead.
    pub(crate) fn leave(&mut self) {
        if self.waiting.is_empty() {
            if self.lead == Lead::Free {
                self.connection.engine.became_idle();
                self.connection.detach_if_disconnected();
            }
        } else {
            self.pass_on_lead();
        }
    }

    /// Takes the threads to be woken once the lock has been released, if there are any.
    pub(crate) fn take_woken(&mut self) -> Option<Vec<Thread>> {
        (!self.woken.is_empty()).then(|| mem::take(&mut self.woken))
    }

    /// Ends the session and all calls, and says goodbye.
    pub(crate) fn close(&mut self) {
        if self.connection.engine.is_closed() {
            return;
        }
        for call in self.waiting.numbers().collect::<Vec<_>>() {
            self.give_up(call, NotSent::Closed);
        }
        self.connection.close();
        let sleeping = self.waiting.iter_mut();
        let sleeping = sleeping.filter_map(|(_, waiting)| waiting.thread.take());
        self.woken.extend(sleeping);
        self.woken.extend(self.sleeping_leader.take());
    }
}

impl Reports {
    /// Queues a report. If the callback is slower than the driver, the oldest ones are dropped.
    fn add(&mut self, report: Report) {
        if self.queue.len() >= MAX_REPORTS {
            self.queue.pop_front();
        }
        self.queue.push_back(report);
    }
}

/// Maximum number of reports queued for one call.
const MAX_REPORTS: usize = 1000;

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// The state of a client without a connection, in which threads sleep that wait for calls 1, 2 and 3.
    fn asleep() -> SharedState {
        let (settings, watch) = crate::Client::builder("127.0.0.1").into_parts();
        let mut state = SharedState::new(Engine::new(settings, watch));
        for call in 1..=3 {
            state.register(call, &Reporting::default());
            assert!(state.prepare_sleep(call, thread::current()));
        }
        state
    }

    #[test]
    fn the_lead_goes_to_the_thread_that_has_slept_for_longest() {
        let mut state = asleep();
        state.end(1, CallEnd::Cancelled);
        assert_eq!(state.take_woken().unwrap().len(), 1);
        assert!(matches!(state.take_news(1), Some(News::End(_))));
        assert!(state.take_news(1).is_none() && state.take_news(2).is_none());
        state.leave();
        assert!(state.lead == Lead::Given(2));
        assert_eq!(state.take_woken().unwrap().len(), 1);
        // Nobody else is woken as long as that thread is on its way.
        state.leave();
        assert!(state.lead == Lead::Given(2) && state.take_woken().is_none());
        // A thread that has woken up for another reason is not given the lead: it may run a callback.
        state.awake(3);
        state.awake(2);
        assert!(state.lead == Lead::Free);
        state.leave();
        assert!(state.lead == Lead::Free && state.take_woken().is_none());
    }

    #[test]
    fn calls_are_left_to_the_next_leader_only_if_others_are_expected() {
        let mut state = asleep();
        state.pass_on_lead();
        assert!(!state.leader_will_write());
        state.end(2, CallEnd::Cancelled);
        state.end(3, CallEnd::Cancelled);
        assert!(state.leader_will_write());
        state.register(4, &Reporting::default());
        assert!(state.leader_will_write());
        state.register(5, &Reporting::default());
        assert!(!state.leader_will_write());
        state.lead = Lead::Taken;
        state.company = 1;
        assert!(!state.leader_will_write(), "the leader reads");
    }

    /// Regression test: a slow callback made the client keep all progress that it had not delivered.
    #[test]
    fn of_too_much_progress_the_latest_is_kept() {
        let mut reports = Reports {
            to: Reporting::default(),
            queue: ReportQueue::new(),
        };
        for step in 0..2 * MAX_REPORTS + 5 {
            reports.add(Report::Progress(0.0, step.to_string()));
        }
        let text = |report| match report {
            Report::Progress(_, text) => text,
            Report::Waiting(status) => panic!("{status:?}"),
        };
        let kept: Vec<_> = reports.queue.into_iter().map(text).collect();
        let latest = MAX_REPORTS + 5..2 * MAX_REPORTS + 5;
        assert_eq!(
            kept,
            latest.map(|step| step.to_string()).collect::<Vec<_>>()
        );
    }
}
