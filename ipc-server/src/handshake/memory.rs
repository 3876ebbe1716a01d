//! A table that forgets: what is too old, and the oldest when it is full.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// At most so many entries, none of them older than a limit. Time is an argument.
#[derive(Debug)]
pub(crate) struct Memory<K, V> {
    entries: HashMap<K, Entry<V>>,
    room: usize,
    lasts: Duration,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    since: Instant,
}

impl<K: Copy + Eq + Hash, V: Default> Memory<K, V> {
    /// At least one entry has room; each lasts for so long after it was last renewed.
    pub(crate) fn new(room: usize, lasts: Duration) -> Self {
        Self {
            entries: HashMap::new(),
            room: room.max(1),
            lasts,
        }
    }

    /// What is remembered.
    pub(crate) fn get(&mut self, key: &K, now: Instant) -> Option<&mut V> {
        let lasts = self.lasts;
        let entry = self.entries.get_mut(key)?;
        entry.is_fresh(lasts, now).then_some(&mut entry.value)
    }

    /// What is remembered, or a new entry; renewed either way.
    pub(crate) fn entry(&mut self, key: K, now: Instant) -> &mut V {
        if self.get(&key, now).is_none() {
            self.entries.remove(&key);
            self.make_room();
        }
        let fresh = Entry {
            value: V::default(),
            since: now,
        };
        let entry = self.entries.entry(key).or_insert(fresh);
        entry.since = now;
        &mut entry.value
    }

    /// Forgets an entry. Returns what was remembered.
    pub(crate) fn remove(&mut self, key: &K, now: Instant) -> Option<V> {
        let entry = self.entries.remove(key)?;
        entry.is_fresh(self.lasts, now).then_some(entry.value)
    }

    fn make_room(&mut self) {
        while self.entries.len() >= self.room {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.since);
            let Some(oldest) = oldest.map(|(key, _)| *key) else {
                return;
            };
            self.entries.remove(&oldest);
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

impl<V> Entry<V> {
    fn is_fresh(&self, lasts: Duration, now: Instant) -> bool {
        now.saturating_duration_since(self.since) < lasts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut memory: Memory<u8, u8> = Memory::new(3, second * 100);
        for n in 1..=3 {
            *memory.entry(n, start + second * n.into()) = n;
        }
        memory.entry(1, start + second * 4);
        let now = start + second * 5;
        *memory.entry(4, now) = 4;
        let known: Vec<_> = (1..=4).map(|n| memory.get(&n, now).copied()).collect();
        assert_eq!(known, [Some(1), None, Some(3), Some(4)]);
    }

    #[test]
    fn what_is_too_old_is_forgotten() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut memory: Memory<u8, u8> = Memory::new(3, second);
        *memory.entry(1, start) = 7;
        assert_eq!(memory.get(&1, start), Some(&mut 7));
        assert_eq!(memory.get(&1, start + second), None);
        assert_eq!(*memory.entry(1, start + second), 0);
        assert_eq!(memory.remove(&1, start + second * 2), None);
    }
}
