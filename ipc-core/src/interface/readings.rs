//! Results of methods that only read, kept for callers that accept an old one.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;

/// The last results of methods of a device that only read. Keeps those that somebody has asked for. Nobody gets one from before
/// a change of its own; one from before a change that no client has made is forgotten.
#[derive(Debug, Default)]
pub(crate) struct Readings {
    /// True once somebody has asked.
    is_used: AtomicBool,
    /// What the present user of the device is known to do: [`READS`], or the number of the party that may change the device. 0
    /// if nothing is known.
    user: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The question that was asked last comes last.
    kept: Vec<Kept>,
    /// Number of changes so far.
    changes: u64,
    /// Parties that have changed the device, and the number of the last change of each.
    changed_by: Vec<(u64, u64)>,
}

/// A call that only reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Question<A> {
    /// The number of the method.
    pub(crate) method: usize,
    /// True if the arguments, and so the answer, are encoded by name.
    pub(crate) is_by_name: bool,
    /// As they were sent.
    pub(crate) arguments: A,
}

#[derive(Debug)]
struct Kept {
    question: Question<Vec<u8>>,
    reading: Option<Reading>,
}

#[derive(Debug)]
struct Reading {
    answer: Bytes,
    /// When its call began.
    began: Instant,
    /// Number of changes before it.
    changes: u64,
}

impl Readings {
    /// True if somebody has ever asked for an old result.
    #[inline]
    pub(crate) fn are_used(&self) -> bool {
        self.is_used.load(Ordering::Relaxed)
    }

    /// Keeps the next answers to the question. Of more than [`MAX_QUESTIONS`], the one that was not asked for the longest time
    /// is forgotten.
    pub(crate) fn ask(&self, question: Question<&[u8]>) {
        if question.arguments.len() > MAX_ARGUMENTS {
            return;
        }
        let kept = &mut self.state().kept;
        let asked = match kept.iter().position(|kept| kept.is_for(question)) {
            Some(at) => kept.remove(at),
            None => Kept::new(question),
        };
        if kept.len() >= MAX_QUESTIONS {
            kept.remove(0);
        }
        kept.push(asked);
        self.is_used.store(true, Ordering::Relaxed);
    }

    /// Returns the last answer for `party`, if its call began at `oldest` or later, or ever if there is no such time.
    pub(crate) fn answer(
        &self,
        question: Question<&[u8]>,
        party: u64,
        oldest: Option<Instant>,
    ) -> Option<Bytes> {
        let state = self.state();
        let kept = state.kept.iter().find(|kept| kept.is_for(question))?;
        let reading = kept.reading.as_ref()?;
        let is_fresh = oldest.is_none_or(|oldest| reading.began >= oldest);
        let own = state.changed_by.iter().find(|(by, _)| *by == party);
        let is_own_later = own.is_some_and(|(_, change)| *change > reading.changes);
        (is_fresh && !is_own_later).then(|| reading.answer.clone())
    }

    /// Notes that what is inside the device changes nothing until it leaves.
    pub(crate) fn begin_reading(&self) {
        self.begin(READS);
    }

    /// Returns the number of changes so far.
    pub(crate) fn changes(&self) -> u64 {
        self.state().changes
    }

    /// Notes that what is inside the device is a call of this party that may change it.
    pub(crate) fn begin_change(&self, party: u64) {
        self.begin(party);
    }

    fn begin(&self, user: u64) {
        if self.are_used() {
            self.user.store(user, Ordering::Relaxed);
        }
    }

    /// Returns true if an answer of `size` bytes to the question is wanted.
    pub(crate) fn wants(&self, question: Question<&[u8]>, size: usize) -> bool {
        size <= MAX_MEMORY && self.state().kept.iter().any(|kept| kept.is_for(question))
    }

    /// Keeps the answer to a call that began at `began`, unless there have been others than `changes` in the meantime. If the
    /// answers together grow too long, those are forgotten that were not asked for the longest time.
    pub(crate) fn note(
        &self,
        question: Question<&[u8]>,
        answer: Bytes,
        began: Instant,
        changes: u64,
    ) {
        let state = &mut *self.state();
        let mut kept = state.kept.iter_mut();
        if state.changes == changes
            && let Some(asked) = kept.find(|kept| kept.is_for(question))
        {
            asked.reading = Some(Reading {
                answer,
                began,
                changes,
            });
        }
        let mut room = MAX_MEMORY;
        for kept in state.kept.iter_mut().rev() {
            let size = kept.reading.as_ref().map_or(0, |read| read.answer.len());
            match room.checked_sub(size) {
                Some(left) => room = left,
                None => kept.reading = None,
            }
        }
    }

    /// Notes that the device is about to be left.
    #[inline]
    pub(crate) fn end_use(&self) {
        if self.are_used() {
            self.end_known_use();
        }
    }

    #[cold]
    fn end_known_use(&self) {
        match self.user.swap(0, Ordering::Relaxed) {
            READS => {}
            0 => self.forget(),
            party => self.state().changed(party),
        }
    }

    /// Forgets all readings: they are no longer true, whoever asks.
    pub(crate) fn forget(&self) {
        self.state().forget();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that may panic stands between the steps of a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn changed(&mut self, party: u64) {
        self.changes += 1;
        self.changed_by.retain(|(by, _)| *by != party);
        self.changed_by.push((party, self.changes));
        if self.changed_by.len() > MAX_PARTIES {
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.changes += 1;
        self.changed_by.clear();
        for kept in &mut self.kept {
            kept.reading = None;
        }
    }
}

impl Kept {
    fn new(question: Question<&[u8]>) -> Self {
        let Question {
            method,
            is_by_name,
            arguments,
        } = question;
        Self {
            question: Question {
                method,
                is_by_name,
                arguments: arguments.to_vec(),
            },
            reading: None,
        }
    }

    fn is_for(&self, question: Question<&[u8]>) -> bool {
        let Question {
            method,
            is_by_name,
            ref arguments,
        } = self.question;
        let own = Question {
            method,
            is_by_name,
            arguments: arguments.as_slice(),
        };
        own == question
    }
}

/// Stands for a user that only reads; no party has this number.
const READS: u64 = u64::MAX;
/// Maximum number of parties whose changes of a device are told apart.
const MAX_PARTIES: usize = 128;
/// Maximum number of questions for each device whose answers are kept.
const MAX_QUESTIONS: usize = 32;
/// Maximum length of the arguments of a question, in bytes. The answers to others are not kept.
const MAX_ARGUMENTS: usize = 1024;
/// Maximum length of all kept answers of a device together, in bytes.
const MAX_MEMORY: usize = 32 * 1024 * 1024;

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "any time will do")]
mod tests {
    use std::time::Duration;

    use super::*;

    fn question(method: usize) -> Question<&'static [u8]> {
        Question {
            method,
            is_by_name: false,
            arguments: &[1],
        }
    }

    fn note(readings: &Readings, method: usize, answer: Vec<u8>) {
        readings.begin_reading();
        let changes = readings.changes();
        readings.note(question(method), answer.into(), Instant::now(), changes);
        readings.end_use();
    }

    fn has(readings: &Readings, method: usize) -> bool {
        has_for(readings, 1, method)
    }

    fn has_for(readings: &Readings, party: u64, method: usize) -> bool {
        readings.answer(question(method), party, None).is_some()
    }

    #[test]
    fn only_what_was_asked_for_is_kept() {
        let readings = Readings::default();
        note(&readings, 0, vec![7]);
        assert!(!readings.are_used() && !has(&readings, 0));
        readings.ask(question(0));
        assert!(readings.are_used() && readings.wants(question(0), 1) && !has(&readings, 0));
        note(&readings, 0, vec![7]);
        note(&readings, 1, vec![7]);
        assert!(has(&readings, 0) && !has(&readings, 1));
        let mut others = [question(0), question(0)];
        others[0].is_by_name = true;
        others[1].arguments = &[2];
        assert!(!others.iter().any(|other| readings.wants(*other, 1)));
    }

    #[test]
    fn an_answer_is_as_old_as_its_call() {
        let (readings, began) = (Readings::default(), Instant::now());
        readings.ask(question(0));
        readings.note(question(0), Bytes::from_static(&[7]), began, 0);
        let answer = |oldest| readings.answer(question(0), 1, oldest);
        assert_eq!(answer(Some(began)), Some(Bytes::from_static(&[7])));
        assert_eq!(answer(Some(began + Duration::from_nanos(1))), None);
        assert!(answer(None).is_some());
    }

    #[test]
    fn nobody_gets_a_reading_from_before_a_change_of_its_own() {
        let readings = Readings::default();
        readings.ask(question(0));
        note(&readings, 0, vec![7]);
        readings.begin_change(2);
        assert!(has_for(&readings, 2, 0), "it has not ended");
        readings.end_use();
        assert!(has_for(&readings, 1, 0) && !has_for(&readings, 2, 0));
        note(&readings, 0, vec![8]);
        assert!(has_for(&readings, 1, 0) && has_for(&readings, 2, 0));
    }

    #[test]
    fn what_no_client_has_changed_is_forgotten() {
        let readings = Readings::default();
        readings.ask(question(0));
        note(&readings, 0, vec![7]);
        readings.end_use();
        assert!(!has(&readings, 0));
        let changes = readings.changes();
        // An urgent method beside it.
        readings.forget();
        readings.note(question(0), Bytes::new(), Instant::now(), changes);
        assert!(!has(&readings, 0));
        for party in 1..MAX_PARTIES as u64 + 2 {
            note(&readings, 0, vec![7]);
            readings.begin_change(party);
            readings.end_use();
        }
        assert!(!has_for(&readings, 1000, 0), "too many to tell apart");
        assert!(readings.state().changed_by.len() <= MAX_PARTIES);
    }

    #[test]
    fn memory_is_bounded() {
        let readings = Readings::default();
        let all = 0..MAX_QUESTIONS + 5;
        for method in all.clone() {
            readings.ask(question(method));
            note(&readings, method, vec![0; MAX_MEMORY / 4]);
        }
        let kept: Vec<_> = all.clone().filter(|it| has(&readings, *it)).collect();
        assert_eq!(kept, all.skip(MAX_QUESTIONS + 1).collect::<Vec<_>>());
        assert_eq!(readings.state().kept.len(), MAX_QUESTIONS);
        let arguments = &[0; MAX_ARGUMENTS + 1];
        let long = Question {
            arguments: arguments.as_slice(),
            ..question(1000)
        };
        readings.ask(long);
        assert!(!readings.wants(long, 1));
    }
}
