//! Devices and functions that calls or release hooks hang in.

use std::time::{Duration, Instant};

use ipc_core::Stuck;

use crate::event::ServerEvent;
use crate::hub::Hub;
use crate::log::{self, About};

impl Hub {
    /// Returns how long the call with this [id](ipc_core::interface::context::call_id) must run before the devices that
    /// it is inside of can count as stuck.
    pub fn overrun(&self, id: u64) -> Duration {
        self.hosted().registry.overrun(id)
    }

    /// Returns the longest overrun of the devices that the release hook with this id is inside of. `None` if there are
    /// none.
    pub(crate) fn hook_overrun(&self, hook: u64) -> Option<Duration> {
        self.hosted().registry.longest_overrun(hook)
    }

    /// Marks the devices and functions that the call with this [id](ipc_core::interface::context::call_id), or the release
    /// hook with this id, is inside of as stuck: other calls to them are refused until it leaves them. Returns those that
    /// were marked.
    pub fn mark_stuck(&self, id: u64, by: &str, since: Instant) -> Vec<Stuck> {
        self.hosted().registry.mark_stuck(id, by, since)
    }

    /// Returns true if the call with this [id](ipc_core::interface::context::call_id) runs an urgent method, which makes no
    /// device stuck if it hangs.
    pub fn is_beside(&self, id: u64) -> bool {
        self.hosted().registry.is_beside(id)
    }

    /// Returns the devices and functions that are stuck.
    pub fn stuck(&self) -> Vec<Stuck> {
        self.hosted().registry.stuck()
    }

    /// Logs and reports that a device is stuck.
    pub fn report_stuck(&self, stuck: &Stuck) {
        let Stuck {
            device, method, by, ..
        } = stuck;
        log::error(
            About::client(by),
            format_args!(
                "`{device}` is stuck: `{method}` does not return; calls to it are refused until it does"
            ),
        );
        self.emit(ServerEvent::Stuck(stuck.clone()));
    }

    /// Logs and reports that a device that was stuck can be used again.
    pub fn report_recovered(&self, device: &str) {
        let device = device.to_string();
        let recovered = ServerEvent::Recovered { device };
        // A log that shows errors and warnings only has said that it is stuck.
        log::warn(About::server(), &recovered);
        self.emit(recovered);
    }
}
