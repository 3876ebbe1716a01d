//! Results of methods that only read, kept for callers that accept an old one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;

/// The last results of methods of a device that only read. Keeps those that somebody has asked for, until a call that does
/// not only read has ended.
#[derive(Debug, Default)]
pub(crate) struct Readings {
    /// True once somebody has asked.
    is_used: AtomicBool,
    /// True while what is inside the device only reads.
    only_reads: AtomicBool,
    /// The question that was asked last comes last.
    kept: Mutex<Vec<Kept>>,
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
    /// The answer, and when its call began.
    reading: Option<(Bytes, Instant)>,
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
        let mut kept = self.kept();
        let asked = match kept.iter().position(|kept| kept.is_for(question)) {
            Some(at) => kept.remove(at),
            None => Kept::new(question),
        };
        if kept.len() >= MAX_QUESTIONS {
            kept.remove(0);
        }
        kept.push(asked);
        drop(kept);
        self.is_used.store(true, Ordering::Relaxed);
    }

    /// Returns the last answer, if its call began at `oldest` or later, or ever if there is no such time.
    pub(crate) fn answer(
        &self,
        question: Question<&[u8]>,
        oldest: Option<Instant>,
    ) -> Option<Bytes> {
        let kept = self.kept();
        let kept = kept.iter().find(|kept| kept.is_for(question))?;
        let (answer, began) = kept.reading.as_ref()?;
        let is_fresh = oldest.is_none_or(|oldest| *began >= oldest);
        is_fresh.then(|| answer.clone())
    }

    /// Notes that what is inside the device changes nothing until it leaves, so that older readings remain true.
    pub(crate) fn begin_reading(&self) {
        if self.are_used() {
            self.only_reads.store(true, Ordering::Relaxed);
        }
    }

    /// Returns true if the answer to the question is wanted.
    pub(crate) fn wants(&self, question: Question<&[u8]>) -> bool {
        self.kept().iter().any(|kept| kept.is_for(question))
    }

    /// Keeps the answer to a call that began at `began`. If the answers together grow too long, those are forgotten that were not
    /// asked for the longest time.
    pub(crate) fn note(&self, question: Question<&[u8]>, answer: Bytes, began: Instant) {
        let mut kept = self.kept();
        if let Some(asked) = kept.iter_mut().find(|kept| kept.is_for(question)) {
            asked.reading = Some((answer, began));
        }
        let mut room = MAX_MEMORY;
        for kept in kept.iter_mut().rev() {
            let size = kept.reading.as_ref().map_or(0, |(answer, _)| answer.len());
            match room.checked_sub(size) {
                Some(left) => room = left,
                None => kept.reading = None,
            }
        }
    }

    /// Notes that the device is about to be left. If its user did not only read, older readings are no longer true.
    #[inline]
    pub(crate) fn end_use(&self) {
        if self.are_used() {
            self.end_known_use();
        }
    }

    #[cold]
    fn end_known_use(&self) {
        if !self.only_reads.swap(false, Ordering::Relaxed) {
            for kept in self.kept().iter_mut() {
                kept.reading = None;
            }
        }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        // Each change is a single step.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
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
        readings.note(question(method), answer.into(), Instant::now());
    }

    fn has(readings: &Readings, method: usize) -> bool {
        readings.answer(question(method), None).is_some()
    }

    #[test]
    fn only_what_was_asked_for_is_kept() {
        let readings = Readings::default();
        note(&readings, 0, vec![7]);
        assert!(!readings.are_used() && !has(&readings, 0));
        readings.ask(question(0));
        assert!(readings.are_used() && readings.wants(question(0)) && !has(&readings, 0));
        note(&readings, 0, vec![7]);
        note(&readings, 1, vec![7]);
        assert!(has(&readings, 0) && !has(&readings, 1));
        let mut others = [question(0), question(0)];
        others[0].is_by_name = true;
        others[1].arguments = &[2];
        assert!(!others.iter().any(|other| readings.wants(*other)));
    }

    #[test]
    fn an_answer_is_as_old_as_its_call() {
        let (readings, began) = (Readings::default(), Instant::now());
        readings.ask(question(0));
        readings.note(question(0), Bytes::from_static(&[7]), began);
        let answer = |oldest| readings.answer(question(0), oldest);
        assert_eq!(answer(Some(began)), Some(Bytes::from_static(&[7])));
        assert_eq!(answer(Some(began + Duration::from_nanos(1))), None);
        assert!(answer(None).is_some());
    }

    #[test]
    fn readings_last_until_something_else_than_a_read_has_ended() {
        let readings = Readings::default();
        readings.ask(question(0));
        note(&readings, 0, vec![7]);
        readings.begin_reading();
        readings.end_use();
        assert!(has(&readings, 0));
        readings.end_use();
        assert!(!has(&readings, 0));
    }

    #[test]
    fn memory_is_bounded() {
        let readings = Readings::default();
        let all = 0..MAX_QUESTIONS + 5;
        for method in all.clone() {
            readings.ask(question(method));
            note(&readings, method, vec![0; MAX_MEMORY / 4]);
        }
        let kept: Vec<_> = all
            .clone()
            .filter(|method| has(&readings, *method))
            .collect();
        assert_eq!(kept, all.skip(MAX_QUESTIONS + 1).collect::<Vec<_>>());
        assert_eq!(readings.kept().len(), MAX_QUESTIONS);
        let arguments = &[0; MAX_ARGUMENTS + 1];
        let long = Question {
            arguments: arguments.as_slice(),
            ..question(1000)
        };
        readings.ask(long);
        assert!(!readings.wants(long));
    }
}
