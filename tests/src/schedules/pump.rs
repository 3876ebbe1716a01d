//! A session with the calls of its client that are inside drivers.

use std::cell::{RefCell, RefMut};
use std::rc::Rc;

use ipc_core::session::server::ServerSession;
use ipc_core::session::table::Stored;
use ipc_core::wire::ctrl::SessionKey;
use ipc_hub::calls::RunningCalls;
use ipc_hub::driver_call::DriverCall;

/// A session as the table keeps it. A call inside a driver holds it, too, and brings its answer there.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) key: SessionKey,
    pump: Rc<RefCell<Pump>>,
}

pub(super) struct Pump {
    pub(super) session: Box<ServerSession>,
    pub(super) running: RunningCalls,
}

impl Session {
    pub(super) fn pump(&self) -> RefMut<'_, Pump> {
        self.pump.borrow_mut()
    }
}

impl Pump {
    /// True if nobody waits for this call any more.
    pub(super) fn is_given_up(&self, number: u64) -> bool {
        let running = self.running.get(number);
        running.is_none_or(DriverCall::is_given_up) || self.session.is_cancelled(number)
    }
}

impl From<Box<ServerSession>> for Session {
    fn from(session: Box<ServerSession>) -> Self {
        let key = session.key();
        let running = RunningCalls::default();
        let pump = Rc::new(RefCell::new(Pump { session, running }));
        Self { key, pump }
    }
}

impl Stored for Session {
    fn key(&self) -> SessionKey {
        self.key
    }

    fn kept(&self) -> usize {
        self.pump().session.kept()
    }

    fn forget_results(&mut self) {
        self.pump().session.forget_results();
    }

    fn is_in_use(&self) -> bool {
        self.pump().running.keep_the_place()
    }
}
