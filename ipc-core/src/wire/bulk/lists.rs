//! Values that show their long lists.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use crate::wire::block::BlockMemory;
use crate::wire::codec::for_each_plain;

/// A value whose long lists of plain numbers can be taken out of it.
///
/// Implemented for numbers, texts and containers of the standard library, and by `#[remote]` for structs and enums.
pub trait LongLists: Sized {
    /// Calls `visit` for each list of plain numbers in the value.
    fn visit_lists(&mut self, _visit: &mut Visit<'_>) {}

    /// Calls `visit` for each list of plain numbers in a list of such values.
    #[doc(hidden)]
    fn visit_lists_of(list: &mut Vec<Self>, visit: &mut Visit<'_>) {
        for element in list {
            element.visit_lists(visit);
        }
    }
}

/// What is called for each list.
pub type Visit<'v> = dyn FnMut(&mut dyn LongList) + 'v;

/// A list of plain numbers, or a text.
#[doc(hidden)]
pub trait LongList {
    /// Where the owner of the list stands in memory.
    fn address(&self) -> usize;
    /// Number of elements.
    fn count(&self) -> usize;
    /// Size of the elements in bytes.
    fn size(&self) -> usize;
    /// Takes the list, and leaves an empty one.
    fn take(&mut self) -> BlockMemory;
    /// Takes back what [`take`](Self::take) returned.
    fn give_back(&mut self, memory: BlockMemory);
}

macro_rules! long_list {
    ($list:ty, |$memory:ident| $give_back:expr) => {
        impl LongList for $list {
            fn address(&self) -> usize {
                std::ptr::from_ref(self).addr()
            }

            fn count(&self) -> usize {
                self.len()
            }

            fn size(&self) -> usize {
                size_of_val(&self[..])
            }

            fn take(&mut self) -> BlockMemory {
                std::mem::take(self).into()
            }

            fn give_back(&mut self, $memory: BlockMemory) {
                *self = $give_back;
            }
        }
    };
}

macro_rules! plain {
    ($number:ident) => {
        impl LongLists for $number {
            fn visit_lists_of(list: &mut Vec<Self>, visit: &mut Visit<'_>) {
                visit(list);
            }
        }

        impl From<Vec<$number>> for BlockMemory {
            fn from(list: Vec<$number>) -> Self {
                Self::of_list(list)
            }
        }

        plain_list!($number);
    };
}

macro_rules! plain_list {
    (bool) => {
        long_list!(Vec<bool>, |memory| {
            let bytes = memory.into_list::<u8>().unwrap_or_default();
            bytes.into_iter().map(|byte| byte != 0).collect()
        });
    };
    ($number:ty) => {
        long_list!(Vec<$number>, |memory| memory
            .into_list()
            .unwrap_or_default());
    };
}

for_each_plain!(plain);
long_list!(String, |memory| {
    let bytes = memory.into_list().unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
});

impl From<String> for BlockMemory {
    fn from(text: String) -> Self {
        Self::One(text.into_bytes())
    }
}

impl LongLists for String {
    fn visit_lists(&mut self, visit: &mut Visit<'_>) {
        visit(self);
    }
}

macro_rules! without_lists {
    ($($plain:ty)*) => {
        $(impl LongLists for $plain {})*
    };
}

without_lists!(() char usize isize Duration);

macro_rules! containers {
    ($([$($param:ident)*] $container:ty: |$value:ident, $visit:ident| $visits:expr;)*) => {
        $(impl<$($param: LongLists),*> LongLists for $container {
            fn visit_lists(&mut self, $visit: &mut Visit<'_>) {
                let $value = self;
                $visits
            }
        })*
    };
}

containers! {
    [T] Vec<T>: |list, visit| T::visit_lists_of(list, visit);
    [T] Option<T>: |value, visit| value.iter_mut().for_each(|it| it.visit_lists(visit));
    [T] Box<T>: |value, visit| T::visit_lists(value, visit);
    [T E] Result<T, E>: |value, visit| match value {
        Ok(value) => value.visit_lists(visit),
        Err(error) => error.visit_lists(visit),
    };
}

impl<T: LongLists, const N: usize> LongLists for [T; N] {
    fn visit_lists(&mut self, visit: &mut Visit<'_>) {
        self.iter_mut().for_each(|it| it.visit_lists(visit));
    }
}

// The serialiser does not meet the lists in these themselves, but references to them.
impl<T> LongLists for VecDeque<T> {}
impl<K, T, S> LongLists for HashMap<K, T, S> {}
impl<K, T> LongLists for BTreeMap<K, T> {}
impl<T, S> LongLists for HashSet<T, S> {}
impl<T> LongLists for BTreeSet<T> {}

macro_rules! tuples {
    ($($name:ident)*) => {
        impl<$($name: LongLists),*> LongLists for ($($name,)*) {
            #[allow(non_snake_case)]
            fn visit_lists(&mut self, visit: &mut Visit<'_>) {
                let ($($name,)*) = self;
                $($name.visit_lists(visit);)*
            }
        }
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
