//! Under which lease a device is used, as the device itself can know.

use std::collections::HashSet;

/// The lease under which a device is used, and those that are over.
#[derive(Debug, Default)]
pub struct Tenure {
    lease: Option<u64>,
    ended: HashSet<u64>,
}

impl Tenure {
    /// A call under this lease has entered the device. Returns false if it had no right to: the lease is over, or the
    /// one before it is not.
    pub fn enter(&mut self, lease: u64) -> bool {
        let before = self.lease.replace(lease);
        before.is_none_or(|before| before == lease) && !self.ended.contains(&lease)
    }

    /// The lease under which the device was used is over.
    pub fn end(&mut self) {
        self.ended.extend(self.lease.take());
    }

    /// Returns the lease under which the device is used.
    pub fn lease(&self) -> Option<u64> {
        self.lease
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_enters_after_the_end_of_a_lease_or_before_it() {
        let mut tenure = Tenure::default();
        assert!(tenure.enter(1) && tenure.enter(1));
        assert!(!tenure.enter(2), "the first lease is not over");
        tenure.end();
        assert_eq!(tenure.lease(), None);
        assert!(!tenure.enter(2), "it is over");
        tenure.end();
        assert!(tenure.enter(3));
    }
}
