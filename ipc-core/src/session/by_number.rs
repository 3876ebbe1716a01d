//! A map for keys that only rise, such as the numbers of calls.

use std::collections::VecDeque;

/// Values by their numbers, in rising order.
///
/// Each value is inserted behind all others, and most are removed near the front, so a queue is enough: looking up,
/// inserting and removing take constant time on average, apart from a binary search where the numbers have gaps. A value
/// that is removed from the middle leaves an empty place behind. At most half of the places are empty.
#[derive(Clone, Debug)]
pub struct ByNumber<T> {
    /// Neither the first nor the last place is empty.
    places: VecDeque<(u64, Option<T>)>,
    len: usize,
}

impl<T> ByNumber<T> {
    /// Creates an empty map, without allocating.
    pub const fn new() -> Self {
        Self {
            places: VecDeque::new(),
            len: 0,
        }
    }

    /// Returns the number of values.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns true if there is no value.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Inserts a value under a number that is above all others in the map.
    pub fn push(&mut self, number: u64, value: T) {
        debug_assert!(self.places.back().is_none_or(|(last, _)| *last < number));
        self.places.push_back((number, Some(value)));
        self.len += 1;
    }

    /// Returns the value under `number`.
    #[inline]
    pub fn get(&self, number: u64) -> Option<&T> {
        let place = self.places.get(self.place_of(number)?);
        place.and_then(|(_, value)| value.as_ref())
    }

    /// Returns the value under `number`, to be changed.
    #[inline]
    pub fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let place = self.place_of(number)?;
        let place = self.places.get_mut(place);
        place.and_then(|(_, value)| value.as_mut())
    }

    /// Removes the value under `number`.
    #[inline]
    pub fn remove(&mut self, number: u64) -> Option<T> {
        let place = self.place_of(number)?;
        let value = match place {
            0 => self.places.pop_front()?.1?,
            _ => self.places.get_mut(place)?.1.take()?,
        };
        self.len -= 1;
        self.tidy_up();
        Some(value)
    }

    /// Returns the lowest number and its value.
    #[inline]
    pub fn first(&self) -> Option<(u64, &T)> {
        let (number, value) = self.places.front()?;
        Some((*number, value.as_ref()?))
    }

    /// Returns the first value under a number of at least `number`.
    pub fn first_from(&self, number: u64) -> Option<(u64, &T)> {
        let start = match self.place_of(number) {
            Some(place) => place,
            None => self.places.partition_point(|(other, _)| *other < number),
        };
        let mut places = self.places.range(start..);
        places.find_map(|(number, value)| Some((*number, value.as_ref()?)))
    }

    /// Iterates over all values.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        let places = self.places.iter();
        places.filter_map(|(number, value)| Some((*number, value.as_ref()?)))
    }

    /// Iterates over all values, to change them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (u64, &mut T)> {
        let places = self.places.iter_mut();
        places.filter_map(|(number, value)| Some((*number, value.as_mut()?)))
    }

    /// Iterates over all numbers.
    pub fn numbers(&self) -> impl Iterator<Item = u64> {
        self.iter().map(|(number, _)| number)
    }

    #[inline]
    fn place_of(&self, number: u64) -> Option<usize> {
        let (first, _) = self.places.front()?;
        match number.checked_sub(*first)? {
            0 => Some(0),
            distance => self.place_behind(number, distance),
        }
    }

    fn place_behind(&self, number: u64, distance: u64) -> Option<usize> {
        let guess = usize::try_from(distance).ok()?;
        // Right as long as no number is missing between the two.
        match self.places.get(guess) {
            Some((other, _)) if *other == number => Some(guess),
            _ => self.places.binary_search_by_key(&number, |(n, _)| *n).ok(),
        }
    }

    /// Removes empty places at both ends, and all of them once there are too many.
    #[inline]
    fn tidy_up(&mut self) {
        while self
            .places
            .front()
            .is_some_and(|(_, value)| value.is_none())
        {
            self.places.pop_front();
        }
        while self.places.back().is_some_and(|(_, value)| value.is_none()) {
            self.places.pop_back();
        }
        if self.places.len() > 2 * self.len {
            self.places.retain(|(_, value)| value.is_some());
        }
    }
}

impl<T> Default for ByNumber<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map(
            steps in prop::collection::vec((0_u8..6, 1_u64..4, any::<prop::sample::Index>()), 0..300),
        ) {
            let (mut tested, mut expected) = (ByNumber::new(), BTreeMap::new());
            let mut last = 0;
            for (what, gap, index) in steps {
                let number = index.index(usize::try_from(last + 2).unwrap()) as u64;
                match what {
                    0..3 => {
                        last += gap;
                        tested.push(last, last);
                        expected.insert(last, last);
                    }
                    3 => {
                        let first = expected.keys().next().copied().unwrap_or_default();
                        prop_assert_eq!(tested.remove(first), expected.remove(&first));
                    }
                    4 => prop_assert_eq!(tested.remove(number), expected.remove(&number)),
                    _ => {
                        let value = expected.get_mut(&number);
                        prop_assert_eq!(tested.get_mut(number).map(|v| *v += 1), value.map(|v| *v += 1));
                    }
                }
                prop_assert_eq!(tested.len(), expected.len());
                prop_assert_eq!(tested.get(number), expected.get(&number));
                let next = expected.range(number..).next();
                prop_assert_eq!(tested.first_from(number), next.map(|(n, v)| (*n, v)));
                prop_assert_eq!(tested.first().map(|(n, _)| n), expected.keys().next().copied());
                prop_assert!(tested.places.len() <= 2 * tested.len());
            }
            prop_assert!(tested.iter().eq(expected.iter().map(|(n, v)| (*n, v))));
        }
    }
}
