//! A generic driver in several blocks, which mention its parameters or do not.
use ipc_core::{Describe, Local, Wire, remote};

pub struct Buffer<T, const N: usize> {
    values: [T; N],
}

#[remote(parts(BufferValueProxy<T>, BufferSizeProxy, inner::BufferFirstProxy<T>))]
impl<T: Wire + Describe + Clone, const N: usize> Buffer<T, N> {
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

#[remote(part, proxy = BufferValueProxy)]
impl<T: Wire + Describe + Clone, const N: usize> Buffer<T, N> {
    pub fn last(&self) -> Option<T> {
        self.values.last().cloned()
    }
}

#[remote(part, proxy = BufferSizeProxy)]
impl<T: Wire + Describe + Clone, const N: usize> Buffer<T, N> {
    pub fn len(&self) -> usize {
        N
    }
}

mod inner {
    use super::*;

    #[remote(part, proxy = BufferFirstProxy)]
    impl<T: Wire + Describe + Clone, const N: usize> Buffer<T, N> {
        pub fn first(&self) -> Option<T> {
            self.values.first().cloned()
        }
    }
}

fn main() {
    let local = Local::new(Buffer { values: [1_u8, 2] }).unwrap();
    assert_eq!(BufferProxy::new(&local).is_empty(), Ok(false));
    assert_eq!(BufferValueProxy::<u8, _>::new(&local).last(), Ok(Some(2)));
    assert_eq!(BufferSizeProxy::new(&local).len(), Ok(2));
    assert_eq!(inner::BufferFirstProxy::<u8, _>::new(&local).first(), Ok(Some(1)));
}
