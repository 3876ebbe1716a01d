//! The primitives of the code in the models.
//!
//! They are loom's, except where loom's differ from the standard library's:
//!
//! - loom lets a sequentially consistent load return a store that is not sequentially consistent, although a newer one is.
//!   Here every store with release ordering counts as sequentially consistent, which concerns such loads only.
//! - [`thread::park`] has a token of its own; loom's loses it when the thread blocks on a lock in between.
//! - [`Mutex::try_lock`] may take an older state of the lock for the present one, as an exchange that fails may.
//! - Once a thread has panicked, destructors still run, but there is no execution any more that they could take part in:
//!   everything is let through.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::sync::{LockResult, TryLockError, TryLockResult};
use std::thread::panicking;

use loom::sync::atomic;
pub(crate) use std::sync::atomic::Ordering;

/// A deliberate fault of one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Its stores, and updates such as `fetch_add`, are relaxed.
    RelaxedStores,
    /// Its loads are relaxed.
    RelaxedLoads,
    /// Its fences do nothing.
    NoFences,
    /// Nobody hears it when it unparks a thread or notifies a condition variable.
    NoWakeUps,
}

loom::thread_local! {
    static FAULT: Cell<Option<Fault>> = Cell::new(None);
}

impl Fault {
    /// Gives the calling thread this fault.
    pub(crate) fn commit(self) {
        FAULT.with(|fault| fault.set(Some(self)));
    }

    fn is_committed(self) -> bool {
        FAULT.with(|fault| fault.get() == Some(self))
    }
}

fn for_load(order: Ordering) -> Ordering {
    match Fault::RelaxedLoads.is_committed() {
        true => Ordering::Relaxed,
        false => order,
    }
}

fn for_store(order: Ordering) -> Ordering {
    match order {
        _ if Fault::RelaxedStores.is_committed() => Ordering::Relaxed,
        Ordering::Release => Ordering::SeqCst,
        order => order,
    }
}

pub(crate) fn fence(order: Ordering) {
    if !panicking() && !Fault::NoFences.is_committed() {
        atomic::fence(order);
    }
}

macro_rules! atomics {
    ($($name:ident: $value:ty;)*) => {$(
        #[derive(Debug)]
        pub(crate) struct $name(atomic::$name);

        impl $name {
            pub(crate) fn new(value: $value) -> Self {
                let this = atomic::$name::new(value);
                this.store(value, Ordering::SeqCst);
                Self(this)
            }

            pub(crate) fn load(&self, order: Ordering) -> $value {
                match panicking() {
                    true => <$value>::default(),
                    false => self.0.load(for_load(order)),
                }
            }

            pub(crate) fn store(&self, value: $value, order: Ordering) {
                if !panicking() {
                    self.0.store(value, for_store(order));
                }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new(<$value>::default())
            }
        }
    )*};
}

atomics! {
    AtomicBool: bool;
    AtomicU64: u64;
    AtomicUsize: usize;
}

#[derive(Debug, Default)]
pub(crate) struct Mutex<T: ?Sized> {
    /// What threads that only try may take for its state. Nothing else changes it.
    seems_locked: AtomicBool,
    lock: loom::sync::Mutex<()>,
    data: std::sync::Mutex<T>,
}

#[derive(Debug)]
pub(crate) struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    was_tried: bool,
    data: std::sync::MutexGuard<'a, T>,
    held: Option<loom::sync::MutexGuard<'a, ()>>,
}

#[derive(Debug, Default)]
pub(crate) struct Condvar(loom::sync::Condvar);

impl AtomicU64 {
    pub(crate) fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
        match panicking() {
            true => 0,
            false => self.0.fetch_add(value, for_store(order)),
        }
    }

    pub(crate) fn swap(&self, value: u64, order: Ordering) -> u64 {
        match panicking() {
            true => 0,
            false => self.0.swap(value, for_store(order)),
        }
    }
}

impl<T> Mutex<T> {
    pub(crate) fn new(data: T) -> Self {
        Self {
            seems_locked: AtomicBool::default(),
            lock: loom::sync::Mutex::default(),
            data: std::sync::Mutex::new(data),
        }
    }
}

impl<T: ?Sized> Mutex<T> {
    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        let held = (!panicking()).then(|| self.lock.lock().unwrap());
        Ok(self.guard(false, held))
    }

    pub(crate) fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        if self.seems_locked.load(Ordering::Relaxed) {
            return Err(TryLockError::WouldBlock);
        }
        let held = self.lock.try_lock().map_err(|_| TryLockError::WouldBlock)?;
        self.seems_locked.store(true, Ordering::Relaxed);
        Ok(self.guard(true, Some(held)))
    }

    fn guard<'a>(
        &'a self,
        was_tried: bool,
        held: Option<loom::sync::MutexGuard<'a, ()>>,
    ) -> MutexGuard<'a, T> {
        let data = match self.data.try_lock() {
            Ok(data) => data,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => panic!("the lock lets in two"),
        };
        MutexGuard {
            mutex: self,
            was_tried,
            data,
            held,
        }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        if self.was_tried {
            self.mutex.seems_locked.store(false, Ordering::Release);
        }
    }
}

impl Condvar {
    pub(crate) fn wait<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
    ) -> LockResult<MutexGuard<'a, T>> {
        let mutex = guard.mutex;
        let held = guard.held.take().unwrap();
        drop(guard);
        let held = self.0.wait(held).unwrap();
        Ok(mutex.guard(false, Some(held)))
    }

    pub(crate) fn notify_all(&self) {
        if !panicking() && !Fault::NoWakeUps.is_committed() {
            self.0.notify_all();
        }
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.data
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.data
    }
}

pub(crate) mod thread {
    use std::cell::OnceCell;
    use std::io;
    use std::sync::Arc;
    use std::time::Duration;

    use loom::sync::{Condvar, Mutex};

    use super::{Fault, panicking};

    loom::thread_local! {
        static THIS: OnceCell<Thread> = OnceCell::new();
    }

    #[derive(Clone, Debug, Default)]
    pub(crate) struct Thread(Arc<Token>);

    #[derive(Debug, Default)]
    struct Token {
        is_there: Mutex<bool>,
        came: Condvar,
    }

    pub(crate) fn current() -> Thread {
        THIS.with(|this| this.get_or_init(Thread::default).clone())
    }

    pub(crate) struct JoinHandle<T> {
        thread: Thread,
        inner: loom::thread::JoinHandle<T>,
    }

    pub(crate) fn spawn<T: 'static>(work: impl FnOnce() -> T + 'static) -> JoinHandle<T> {
        let thread = Thread::default();
        let this = thread.clone();
        let inner = loom::thread::spawn(move || {
            THIS.with(|new| new.set(this)).unwrap();
            work()
        });
        JoinHandle { thread, inner }
    }

    pub(crate) struct Builder;

    impl Builder {
        pub(crate) fn new() -> Self {
            Self
        }

        pub(crate) fn name(self, _name: String) -> Self {
            self
        }

        pub(crate) fn spawn<T: 'static>(
            self,
            work: impl FnOnce() -> T + 'static,
        ) -> io::Result<JoinHandle<T>> {
            Ok(spawn(work))
        }
    }

    impl<T> JoinHandle<T> {
        pub(crate) fn thread(&self) -> &Thread {
            &self.thread
        }

        pub(crate) fn join(self) -> std::thread::Result<T> {
            self.inner.join()
        }
    }

    /// Waits for the token, however long it takes.
    pub(crate) fn park() {
        let Thread(token) = current();
        let mut is_there = token.is_there.lock().unwrap();
        while !*is_there {
            is_there = token.came.wait(is_there).unwrap();
        }
        *is_there = false;
    }

    /// Lets the other threads run. Only for a thread that comes back to look at what they have done, and would do so without
    /// being unparked.
    pub(crate) fn park_timeout(_limit: Duration) {
        loom::thread::yield_now();
    }

    impl Thread {
        pub(crate) fn unpark(&self) {
            if !panicking() && !Fault::NoWakeUps.is_committed() {
                *self.0.is_there.lock().unwrap() = true;
                self.0.came.notify_one();
            }
        }
    }
}
