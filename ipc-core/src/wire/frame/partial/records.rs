//! Encrypted records that are read to where their data belongs, and decrypted there.

use std::ops::RangeInclusive;

use super::PartialFrame;

/// Records behind the bytes that have come.
#[derive(Clone, Copy)]
pub(super) struct Records {
    /// Number of their bytes that have come.
    come: usize,
    /// Number of bytes for which there is room, those that have come included.
    room: usize,
}

impl Records {
    pub(super) fn advance(&mut self, count: usize) {
        self.come = self.room.min(self.come.saturating_add(count));
    }
}

impl PartialFrame {
    /// Prepares for reading records in place of bytes of the frame, as many as `amount` says. They begin with `begun`, the
    /// part of a record that has come by another way. Returns false and changes nothing if less of the frame is missing
    /// there.
    ///
    /// The data of a record is shorter than the record, so it fits where the record was read to.
    pub(crate) fn begin_records(&mut self, begun: &[u8], amount: &RangeInclusive<usize>) -> bool {
        let (filling, most) = self.next();
        let room = filling.missing().min(most).min(*amount.end());
        // There is a byte in front, which is lent to the decryption.
        if filling.filled == 0 || room < *amount.start() || room <= begun.len() {
            return false;
        }
        let start = filling.filled;
        filling.grow(start.saturating_add(room));
        let Some(target) = filling.behind(start, begun.len()) else {
            return false;
        };
        target.copy_from_slice(begun);
        let come = begun.len();
        self.records = Some(Records { come, room });
        true
    }

    /// Where to read the next bytes of records to.
    pub(super) fn room_for_records(&mut self) -> &mut [u8] {
        let Some(Records { come, room }) = self.records else {
            return &mut [];
        };
        let (filling, _) = self.next();
        let start = filling.filled.saturating_add(come);
        filling
            .behind(start, room.saturating_sub(come))
            .unwrap_or_default()
    }

    /// Has `open` decrypt the records that were read. It is given the byte in front of them, which must stay as it is, and
    /// the records, and returns the number of bytes of data, which it has moved to behind the first byte.
    pub(crate) fn end_records<E>(
        &mut self,
        open: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<(), E> {
        let Some(Records { come, .. }) = self.records.take() else {
            return Ok(());
        };
        let (filling, _) = self.next();
        let front = filling.filled.saturating_sub(1);
        let memory = filling.behind(front, come.saturating_add(1));
        let count = open(memory.unwrap_or_default())?;
        self.advance(count);
        Ok(())
    }
}
