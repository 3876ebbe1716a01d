//! Where the parts of a value are stored, which decides what is charged for them.

/// Where the parts of a value are stored. A type parameter, so that the compiler removes checks that are not needed.
pub(super) trait PartStorage: Default {
    /// True for the fields of a struct. Their number is not charged either, because the type fixes it.
    const ARE_IN_PLACE: bool;
    /// Returns for how many parts the next one is charged. `ends` is true for the last part of an element.
    fn charged_by_next(&mut self, _ends: bool) -> usize {
        1
    }
    /// Returns true if the next element, of type `T`, has been charged.
    #[inline]
    fn is_prepaid<T>(&self) -> bool {
        false
    }
    /// Notes that all elements to come are charged as elements of type `T`. Returns false if that cannot be noted.
    #[inline]
    fn prepay<T>(&mut self) -> bool {
        false
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
    /// The size that has been charged for each element to come, in bytes.
    prepaid: Option<usize>,
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

    #[inline]
    fn is_prepaid<T>(&self) -> bool {
        self.prepaid.is_some_and(|size| size_of::<T>() <= size)
    }

    #[inline]
    fn prepay<T>(&mut self) -> bool {
        let is_first = !self.has_some && self.prepaid.is_none();
        if is_first {
            self.prepaid = Some(size_of::<T>());
        }
        is_first
    }
}

/// Number of elements for which a collection may allocate memory with its first: the capacity of a B-tree node.
pub(super) const NODE: usize = 11;
