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
    /// Prepares for reading records in place of bytes of the frame, as many bytes as `amount` says. Takes out of `begun` the
    /// beginning of a record that has come by another way. Returns false if too little of the frame is missing; the
    /// beginning of a record is then in `begun`.
    ///
    /// The data of a record is shorter than the record, so it fits where the record was read to.
    pub(crate) fn begin_records(
        &mut self,
        begun: &mut Vec<u8>,
        amount: &RangeInclusive<usize>,
    ) -> bool {
        let before = self.records.map_or(0, |records| records.come);
        let come = before.saturating_add(begun.len());
        let (filling, most) = self.next();
        let room = filling.missing().min(most).min(*amount.end());
        // Decryption needs a byte in front of the records.
        if filling.filled == 0 || room < *amount.start() || room <= come {
            self.end_records(begun);
            return false;
        }
        let filled = filling.filled;
        filling.grow(filled.saturating_add(room));
        if let Some(target) = filling.part(filled.saturating_add(before), begun.len()) {
            target.copy_from_slice(begun);
        }
        begun.clear();
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
        let room = filling.part(start, room.saturating_sub(come));
        room.unwrap_or_default()
    }

    /// Has `open` decrypt the records that were read. It is given the byte in front of them, which must stay as it is, and
    /// the records. It moves their data to behind the first byte, and the beginning of a record that is cut off to behind the
    /// data, and returns the lengths of both.
    pub(crate) fn open_records<E>(
        &mut self,
        open: impl FnOnce(&mut [u8]) -> Result<(usize, usize), E>,
    ) -> Result<(), E> {
        let Some(Records { come, room }) = self.records.take() else {
            return Ok(());
        };
        let (filling, _) = self.next();
        let front = filling.filled.saturating_sub(1);
        let memory = filling.part(front, come.saturating_add(1));
        let (data, come) = open(memory.unwrap_or_default())?;
        self.advance(data);
        self.records = (come > 0).then_some(Records { come, room });
        Ok(())
    }

    /// Moves the beginning of a record that has come to `begun`.
    pub(crate) fn end_records(&mut self, begun: &mut Vec<u8>) {
        if let Some(Records { come, .. }) = self.records.take() {
            let (filling, _) = self.next();
            let part = filling.part(filling.filled, come);
            begun.extend_from_slice(part.unwrap_or_default());
        }
    }
}
