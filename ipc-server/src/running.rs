//! The method that runs, where others can read it.

use std::sync::atomic::{AtomicU64, Ordering, fence};

use ipc_core::wire::text::fit_to_show;

/// The running method of one client: written by the thread that serves it, read by everybody.
///
/// It is written for every call, so it takes no lock and no memory: the name is kept in atomic words between two changes
/// of a version, and a reader that meets a change in between reads again.
#[derive(Debug)]
pub(crate) struct Running {
    /// Odd while the name is being written.
    version: AtomicU64,
    /// When the call began, in milliseconds after the client's arrival; [`NO_CALL`] while none runs.
    since_ms: AtomicU64,
    /// The length of the whole name, in bytes.
    len: AtomicU64,
    name: [AtomicU64; WORDS],
}

/// A moment's look at a running call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunningNow {
    pub(crate) method: String,
    /// In milliseconds after the client's arrival.
    pub(crate) since_ms: u64,
}

impl Running {
    pub(crate) fn new() -> Self {
        Self {
            version: AtomicU64::new(0),
            since_ms: AtomicU64::new(NO_CALL),
            len: AtomicU64::new(0),
            name: [const { AtomicU64::new(0) }; WORDS],
        }
    }

    /// A call begins. For the serving thread only.
    pub(crate) fn begin(&self, method: &str, now_ms: u64) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version + 1, Ordering::Relaxed);
        fence(Ordering::Release);
        self.len.store(method.len() as u64, Ordering::Relaxed);
        let (pieces, rest) = method.as_bytes().as_chunks();
        let mut last = 0;
        for (shift, byte) in rest.iter().enumerate() {
            last |= u64::from(*byte) << (8 * shift);
        }
        let words = pieces.iter().map(|piece| u64::from_le_bytes(*piece));
        for (place, word) in self.name.iter().zip(words.chain([last])) {
            place.store(word, Ordering::Relaxed);
        }
        self.since_ms.store(now_ms, Ordering::Relaxed);
        self.version.store(version + 2, Ordering::Release);
    }

    /// The call has ended. For the serving thread only.
    pub(crate) fn end(&self) {
        self.since_ms.store(NO_CALL, Ordering::Relaxed);
    }

    /// True while a call runs.
    pub(crate) fn is_running(&self) -> bool {
        self.since_ms.load(Ordering::Relaxed) != NO_CALL
    }

    /// The running call, if there is one.
    pub(crate) fn now(&self) -> Option<RunningNow> {
        loop {
            let version = self.version.load(Ordering::Acquire);
            let since_ms = self.since_ms.load(Ordering::Relaxed);
            let len = self.len.load(Ordering::Relaxed);
            let words = self
                .name
                .each_ref()
                .map(|word| word.load(Ordering::Relaxed));
            fence(Ordering::Acquire);
            if version % 2 == 1 || version != self.version.load(Ordering::Relaxed) {
                std::hint::spin_loop();
                continue;
            }
            let method = name_of(&words, len);
            return (since_ms != NO_CALL).then_some(RunningNow { method, since_ms });
        }
    }
}

fn name_of(words: &[u64; WORDS], len: u64) -> String {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    let (kept, dots) = match bytes.get(..len) {
        Some(name) => (name, ""),
        None => (&bytes[..], "..."),
    };
    // A character that was cut in two is not shown.
    let name = String::from_utf8_lossy(kept);
    let name = name.trim_end_matches(char::REPLACEMENT_CHARACTER);
    fit_to_show(&format!("{name}{dots}"))
}

const NO_CALL: u64 = u64::MAX;
/// Room for a name of 128 bytes; of a longer one the beginning is kept.
const WORDS: usize = 16;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn the_name_is_there_while_the_call_runs() {
        let running = Running::new();
        assert_eq!(running.now(), None);
        for method in ["x", "", "set_range", "zwölfe_ü", &"ab".repeat(64)] {
            running.begin(method, 7);
            let now = running.now().unwrap();
            assert_eq!((now.method.as_str(), now.since_ms), (method, 7));
            running.end();
            assert_eq!(running.now(), None);
        }
        running.begin(&"é".repeat(1000), 7);
        assert_eq!(
            running.now().unwrap().method,
            format!("{}...", "é".repeat(64))
        );
        running.begin(&format!("a{}", "é".repeat(1000)), 7);
        assert_eq!(
            running.now().unwrap().method,
            format!("a{}...", "é".repeat(63))
        );
    }

    #[test]
    fn a_reader_never_sees_half_a_name() {
        let running = Arc::new(Running::new());
        let names = ["first".repeat(20), "second!".repeat(9)];
        let writer = std::thread::spawn({
            let (running, names) = (Arc::clone(&running), names.clone());
            move || {
                for name in names.iter().cycle().take(200_000) {
                    running.begin(name, name.len() as u64);
                }
            }
        });
        while !writer.is_finished() {
            if let Some(now) = running.now() {
                assert!(names.contains(&now.method), "{now:?}");
                assert_eq!(now.since_ms, now.method.len() as u64);
            }
        }
        writer.join().unwrap();
    }
}
