//! Where the parts of a value are stored, which decides what is charged for them.

/// Where the parts of a value are stored. A type parameter, so that the compiler removes checks that are not needed.
pub(super) trait PartStorage: Default {
    /// True for the fields of a struct. Their number is not charged either, because the type fixes it.
    const ARE_IN_PLACE: bool;
    /// Returns for how many parts the next one is charged. `ends` is true for the last part of an element.
    fn charged_by_next(&mut self, _ends: bool) -> usize {
        1
    }
}

/// Stored inside the value, like the fields of a struct.
#[derive(Default)]
pub(super) struct InPlace;
/// Stored in a separate allocation, like the elements of a list.
#[derive(Default)]
pub(super) struct Beside;
/// Stored in a separate allocation by a collection that may allocate a whole B-tree node for its first part.
#[derive(Default)]
pub(super) struct InNodes {
    has_some: bool,
}

impl PartStorage for InPlace {
    const ARE_IN_PLACE: bool = true;
}

impl PartStorage for Beside {
    const ARE_IN_PLACE: bool = false;
}

impl PartStorage for InNodes {
    const ARE_IN_PLACE: bool = false;

    #[inline]
    fn charged_by_next(&mut self, ends: bool) -> usize {
        let charged = if self.has_some { 1 } else { NODE };
        self.has_some |= ends;
        charged
    }
}

/// Number of elements for which a collection may allocate memory with its first: the capacity of a B-tree node.
pub(super) const NODE: usize = 11;
