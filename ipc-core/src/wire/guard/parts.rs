//! Where the parts of a value lie, which decides what they cost.

/// Where the parts of a value lie. A type, so that the compiler leaves out what need not be asked.
pub(super) trait Parts: Default {
    /// True for the fields of a struct. They need not be counted either, as their type says how many they are.
    const ARE_INSIDE: bool;
    /// How many parts the next one pays for; `ends` if it is the last part of an element.
    fn paid_by_next(&mut self, _ends: bool) -> usize {
        1
    }
}

/// Inside of the value, as the fields of a struct.
#[derive(Default)]
pub(super) struct Inside;
/// In memory of their own, as the elements of a list.
#[derive(Default)]
pub(super) struct Beside;
/// In memory of their own, of a collection that may reserve a whole node of a B-tree with its first part.
#[derive(Default)]
pub(super) struct InNodes {
    has_some: bool,
}

impl Parts for Inside {
    const ARE_INSIDE: bool = true;
}

impl Parts for Beside {
    const ARE_INSIDE: bool = false;
}

impl Parts for InNodes {
    const ARE_INSIDE: bool = false;

    #[inline]
    fn paid_by_next(&mut self, ends: bool) -> usize {
        let paid = if self.has_some { 1 } else { NODE };
        self.has_some |= ends;
        paid
    }
}

/// Elements for which a collection may reserve room with its first: as many as a node of a B-tree holds.
pub(super) const NODE: usize = 11;
