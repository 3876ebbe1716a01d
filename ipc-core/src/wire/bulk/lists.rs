//! Values that show their long lists.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use bytemuck::{AnyBitPattern, NoUninit};
use castaway::cast;

use crate::wire::block::BlockMemory;
use crate::wire::codec::{for_each_number, for_each_plain};

/// A value whose long lists of plain numbers can be taken out of it.
///
/// Implemented for numbers, texts and containers of the standard library, and by `#[remote]` for structs and enums.
pub trait LongLists: Sized {
    /// Calls `visit` for each list of plain numbers in the value.
    fn visit_lists(&mut self, _visit: &mut Visit<'_>) {}

    /// The same for a value of which serde hands over a reference, as of the elements of a list: if it is a list itself, the
    /// serialiser does not meet it where it stands.
    #[doc(hidden)]
    fn visit_inner_lists(&mut self, visit: &mut Visit<'_>) {
        self.visit_lists(visit);
    }

    /// Calls `visit` for each list of plain numbers in a list of such values.
    #[doc(hidden)]
    fn visit_lists_of(list: &mut Vec<Self>, visit: &mut Visit<'_>) {
        for element in list {
            element.visit_inner_lists(visit);
        }
    }

    /// The same for a list of lists.
    #[doc(hidden)]
    fn visit_lists_of_lists(lists: &mut [Vec<Self>], visit: &mut Visit<'_>) {
        for list in lists {
            list.visit_inner_lists(visit);
        }
    }

    /// The same for a list of arrays of such values.
    #[doc(hidden)]
    fn visit_lists_of_arrays<const N: usize>(list: &mut Vec<[Self; N]>, visit: &mut Visit<'_>) {
        for element in list.as_flattened_mut() {
            element.visit_lists(visit);
        }
    }

    /// The same for a list that cannot grow.
    #[doc(hidden)]
    fn visit_lists_of_box(list: &mut Box<[Self]>, visit: &mut Visit<'_>) {
        for element in list {
            element.visit_inner_lists(visit);
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
    ([$($generics:tt)*] $list:ty: |$taken:ident| $take:expr, |$memory:ident| $give_back:expr) => {
        impl<$($generics)*> LongList for $list {
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
                let $taken = std::mem::take(self);
                $take
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

            fn visit_lists_of_lists(lists: &mut [Vec<Self>], visit: &mut Visit<'_>) {
                lists.iter_mut().for_each(|list| visit(list));
            }

            plain_parts!($number);
        }

        plain_list!($number);
    };
}

macro_rules! plain_parts {
    (bool) => {};
    ($number:ident) => {
        fn visit_lists_of_arrays<const N: usize>(list: &mut Vec<[Self; N]>, visit: &mut Visit<'_>) {
            visit(list);
        }

        fn visit_lists_of_box(list: &mut Box<[Self]>, visit: &mut Visit<'_>) {
            visit(list);
        }
    };
}

macro_rules! plain_list {
    (bool) => {
        long_list!([] Vec<bool>: |list| BlockMemory::of_list(list), |memory| {
            let bytes = memory.into_list::<u8>().unwrap_or_default();
            bytes.into_iter().map(|byte| byte != 0).collect()
        });
    };
    ($number:ty) => {
        long_list!([] Vec<$number>: |list| BlockMemory::of_list(list), |memory| numbers(memory));
        long_list!([] Box<[$number]>: |list| BlockMemory::of_list(list.into_vec()), |memory| {
            numbers(memory).into()
        });
        long_list!(
            [const N: usize] Vec<[$number; N]>:
            |list| BlockMemory::of_list(list.into_flattened()),
            |memory| numbers(memory).as_chunks().0.to_vec()
        );
        // The elements are moved within the memory of the list, if tuples are laid out like arrays.
        long_list!([] Vec<($number, $number)>: |list| {
            let arrays = list.into_iter().map(<[$number; 2]>::from).collect::<Vec<_>>();
            BlockMemory::of_list(arrays.into_flattened())
        }, |memory| {
            let arrays = numbers::<$number>(memory);
            arrays.as_chunks::<2>().0.iter().map(|array| (*array).into()).collect()
        });
        long_list!([] Vec<($number, $number, $number)>: |list| {
            let arrays = list.into_iter().map(<[$number; 3]>::from).collect::<Vec<_>>();
            BlockMemory::of_list(arrays.into_flattened())
        }, |memory| {
            let arrays = numbers::<$number>(memory);
            arrays.as_chunks::<3>().0.iter().map(|array| (*array).into()).collect()
        });
    };
}

fn numbers<T: NoUninit + AnyBitPattern>(memory: BlockMemory) -> Vec<T> {
    memory.into_list().unwrap_or_default()
}

for_each_plain!(plain);
long_list!([] String: |text| BlockMemory::One(text.into_bytes()), |memory| {
    String::from_utf8(numbers(memory)).unwrap_or_default()
});

impl LongLists for String {
    fn visit_lists(&mut self, visit: &mut Visit<'_>) {
        visit(self);
    }

    fn visit_inner_lists(&mut self, _visit: &mut Visit<'_>) {}

    fn visit_lists_of(list: &mut Vec<Self>, visit: &mut Visit<'_>) {
        list.iter_mut().for_each(|text| visit(text));
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
    [T] Option<T>: |value, visit| value.iter_mut().for_each(|it| it.visit_lists(visit));
    [T] Box<T>: |value, visit| T::visit_inner_lists(value, visit);
    [T E] Result<T, E>: |value, visit| match value {
        Ok(value) => value.visit_lists(visit),
        Err(error) => error.visit_lists(visit),
    };
}

impl<T: LongLists> LongLists for Vec<T> {
    fn visit_lists(&mut self, visit: &mut Visit<'_>) {
        T::visit_lists_of(self, visit);
    }

    fn visit_inner_lists(&mut self, visit: &mut Visit<'_>) {
        self.iter_mut().for_each(|it| it.visit_inner_lists(visit));
    }

    fn visit_lists_of(list: &mut Vec<Self>, visit: &mut Visit<'_>) {
        T::visit_lists_of_lists(list, visit);
    }
}

impl<T: LongLists> LongLists for Box<[T]> {
    fn visit_lists(&mut self, visit: &mut Visit<'_>) {
        T::visit_lists_of_box(self, visit);
    }

    fn visit_inner_lists(&mut self, visit: &mut Visit<'_>) {
        self.iter_mut().for_each(|it| it.visit_inner_lists(visit));
    }
}

impl<T: LongLists, const N: usize> LongLists for [T; N] {
    fn visit_lists_of(list: &mut Vec<Self>, visit: &mut Visit<'_>) {
        T::visit_lists_of_arrays(list, visit);
    }

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

/// Calls `visit` for a list of tuples if they consist of numbers of one type. Returns false if they do not.
fn visit_groups<T>(list: &mut Vec<T>, visit: &mut Visit<'_>) -> bool {
    macro_rules! try_list {
        ($number:ty) => {
            if let Ok(list) = cast!(&mut *list, &mut Vec<($number, $number)>) {
                visit(list);
                return true;
            }
            if let Ok(list) = cast!(&mut *list, &mut Vec<($number, $number, $number)>) {
                visit(list);
                return true;
            }
        };
    }
    for_each_number!(try_list);
    false
}

macro_rules! tuples {
    ($($name:ident)*) => {
        impl<$($name: LongLists),*> LongLists for ($($name,)*) {
            fn visit_lists_of(list: &mut Vec<Self>, visit: &mut Visit<'_>) {
                if !visit_groups(list, visit) {
                    list.iter_mut().for_each(|it| it.visit_inner_lists(visit));
                }
            }

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
