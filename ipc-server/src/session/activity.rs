//! What others may know about a client, and how to make it leave.

mod connection;
mod given_up;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use ipc_core::wire::sanitize::fit_to_show;
use ipc_hub::CurrentOffers;
use ipc_hub::event::{ClientInfo, RunningCall};

use self::connection::ConnectionControl;
use self::given_up::GivenUpCall;

/// A client as others see it, whether it waits or holds the server. Shared between its own task or thread and the rest
/// of the server.
#[derive(Debug)]
pub(crate) struct Activity {
    id: u64,
    name: String,
    arrived: Instant,
    /// What the server offers: says which device a method belongs to.
    offers: CurrentOffers,
    use_of_server: Mutex<Use>,
    /// Lanes of the client, whose calls count as its own.
    lanes: Mutex<Vec<Weak<Activity>>>,
    received: AtomicU64,
    sent: AtomicU64,
    connection: Mutex<ConnectionControl>,
    /// True if the client was asked to leave; the request is in `connection`.
    is_asked: AtomicBool,
}

/// What the holder does with the server, and since when. Written for every call: its lock is held for a few stores.
#[derive(Debug)]
struct Use {
    held_since: Instant,
    calls: u64,
    /// When the last call that entered a driver ended.
    last_call: Instant,
    /// When the present connection was attached, if there is one.
    attached: Option<Instant>,
    /// The call that runs and whose caller waits, and when it began.
    running: Option<(u64, Instant)>,
    /// The method that runs or ran last. Kept between calls for its memory.
    method: String,
    /// The calls that run although their callers have given up, the longest one first.
    given_up: Vec<GivenUpCall>,
}

/// A moment's look at the holder.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) held_ms: u64,
    pub(crate) idle_ms: u64,
    pub(crate) running: Option<RunningCall>,
    /// The method that runs, for a person: `device.method` at a server with several devices, the name on the wire at
    /// others. Empty if none runs.
    pub(crate) running_text: String,
}

impl Seen {
    /// How long a call has run, in milliseconds; 0 if none runs.
    pub(crate) fn running_ms(&self) -> u64 {
        let runs_for = self.running.as_ref().map(|call| call.runs_for);
        millis(runs_for.unwrap_or_default())
    }
}

impl Activity {
    pub(crate) fn new(
        id: u64,
        name: String,
        address: SocketAddr,
        offers: CurrentOffers,
        now: Instant,
    ) -> Self {
        Self {
            id,
            name,
            arrived: now,
            offers,
            use_of_server: Mutex::new(Use {
                held_since: now,
                calls: 0,
                last_call: now,
                attached: None,
                running: None,
                method: String::new(),
                given_up: Vec::new(),
            }),
            lanes: Mutex::default(),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            connection: Mutex::new(ConnectionControl::new(address)),
            is_asked: AtomicBool::new(false),
        }
    }

    /// Tells this client from all others of this run of the server.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// What it calls itself.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The client as the log names it.
    pub(crate) fn name_and_address(&self) -> String {
        self.with_address(&self.name)
    }

    /// The same under another name.
    pub(crate) fn with_address(&self, name: &str) -> String {
        format!("{name} at {}", self.connection().shown)
    }

    /// Its turn has come.
    pub(crate) fn begins_to_hold(&self, now: Instant) {
        let mut used = self.used();
        used.held_since = now;
        used.last_call = now;
    }

    /// Call `number` of `method` begins, or, without one, the question what there is to call.
    pub(crate) fn call_begins(&self, number: u64, method: Option<&str>, now: Instant) {
        let mut used = self.used();
        used.calls += 1;
        if let Some(method) = method {
            used.method.clear();
            used.method.push_str(beginning(method));
            used.running = Some((number, now));
        }
    }

    /// Call `number` has ended. One that did not enter a driver leaves its client as idle as it was, and so does one that
    /// the client had given up. Returns whether the client still waited for it.
    pub(crate) fn call_ends(&self, number: u64, has_entered: bool, now: Instant) -> bool {
        let mut used = self.used();
        let is_awaited = used.take_running(number).is_some();
        if has_entered && is_awaited {
            used.last_call = now;
        }
        is_awaited
    }

    /// The client no longer waits for call `number`, which goes on.
    pub(crate) fn caller_gave_up(&self, number: u64, now: Instant) {
        let mut used = self.used();
        if let Some(began) = used.take_running(number) {
            used.last_call = now;
            let call = GivenUpCall {
                number,
                method: used.method.clone(),
                began,
                given_up: now,
                is_logged: false,
            };
            used.given_up.push(call);
        }
    }

    /// Takes the calls that still run although their callers gave up a moment ago, each of them once.
    pub(crate) fn take_running_on(&self, now: Instant) -> Vec<GivenUpCall> {
        let mut used = self.used();
        let runs_on = |call: &&mut GivenUpCall| {
            !call.is_logged && now.saturating_duration_since(call.given_up) >= RETURNS_IN
        };
        let runs_on = used.given_up.iter_mut().filter(runs_on);
        runs_on
            .map(|call| {
                call.is_logged = true;
                call.clone()
            })
            .collect()
    }

    /// Forgets that the caller of call `number`, which has ended, had given up. Returns false if
    /// [`take_running_on`](Self::take_running_on) has returned the call.
    pub(crate) fn forget_given_up(&self, number: u64) -> bool {
        let mut used = self.used();
        let is_it = |call: &mut GivenUpCall| call.number == number;
        used.given_up
            .extract_if(.., is_it)
            .any(|call| !call.is_logged)
    }

    /// Bytes have come from the network.
    pub(crate) fn add_received(&self, count: usize) {
        self.received.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Bytes have gone to the network.
    pub(crate) fn add_sent(&self, count: usize) {
        self.sent.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// How long it has not called anything, in milliseconds; 0 while it waits for a call that runs.
    pub(crate) fn idle_ms(&self, now: Instant) -> u64 {
        let own = self.used().idle_ms(now);
        let lanes = self.lanes().into_iter();
        lanes.map(|lane| lane.idle_ms(now)).fold(own, u64::min)
    }

    /// Returns true while it waits for a call that runs; commands do not count.
    pub(crate) fn is_busy(&self) -> bool {
        self.used().running.is_some()
    }

    /// Adds a lane of the client.
    pub(crate) fn add_lane(&self, lane: &Arc<Self>) {
        let mut lanes = lock(&self.lanes);
        lanes.retain(|lane| lane.strong_count() > 0);
        lanes.push(Arc::downgrade(lane));
    }

    fn lanes(&self) -> Vec<Arc<Self>> {
        lock(&self.lanes).iter().filter_map(Weak::upgrade).collect()
    }

    pub(crate) fn seen(&self, now: Instant) -> Seen {
        let used = self.used();
        let since = |then: Instant| now.saturating_duration_since(then);
        let awaited = used
            .running
            .map(|(_, began)| (used.method.clone(), since(began)));
        let idle_ms = used.idle_ms(now);
        let given_up = used.given_up.first();
        let given_up = given_up.map(|call| (call.method.clone(), since(call.began)));
        let running = awaited.or(given_up);
        let held_ms = millis(since(used.held_since));
        drop(used);
        let (running, running_text) = match running {
            Some((method, runs_for)) => self.running_call(&method, runs_for),
            None => (None, String::new()),
        };
        Seen {
            name: self.name.clone(),
            address: self.connection().shown.clone(),
            held_ms,
            idle_ms,
            running,
            running_text,
        }
    }

    /// Returns true if the client has a connection.
    pub(crate) fn is_connected(&self) -> bool {
        self.used().attached.is_some()
    }

    /// The call and its text.
    fn running_call(&self, method: &str, runs_for: Duration) -> (Option<RunningCall>, String) {
        let offers = self.offers.load();
        let offered = offers.description();
        let found = offered.device_with(method);
        let method_shown = fit_to_show(method);
        let text = match found {
            Some((device, method)) if offered.devices.len() > 1 => {
                format!("{}.{}", device.name, method.wire_name(""))
            }
            _ => method_shown.clone(),
        };
        let device = found.map(|(device, _)| device.name.clone());
        let call = RunningCall::new(device, method_shown, runs_for);
        (Some(call), text)
    }

    /// All there is to know.
    pub(crate) fn info(&self, place: usize, now: Instant) -> ClientInfo {
        let seen = self.seen(now);
        let mut info = ClientInfo::new(self.id, seen.name, seen.address);
        info.place = place;
        info.connected = now.saturating_duration_since(self.arrived);
        info.idle = Duration::from_millis(seen.idle_ms);
        info.calls = self.used().calls;
        info.running = seen.running;
        info.bytes_received = self.received.load(Ordering::Relaxed);
        info.bytes_sent = self.sent.load(Ordering::Relaxed);
        info
    }

    /// How long until the holder may be sent away because it has been idle for `limit`: not while a call runs, and not
    /// without a connection or before one that has just been attached can have brought a call. `None` if that cannot be
    /// said yet.
    pub(crate) fn time_until_idle(&self, limit: Duration, now: Instant) -> Option<Duration> {
        let used = self.used();
        let attached = used.attached.filter(|_| used.running.is_none())?;
        let since = |then: Instant| now.saturating_duration_since(then);
        let unused = since(used.last_call);
        let idle = limit.saturating_sub(unused);
        let lanes = self.lanes().into_iter();
        let mut of_lanes = lanes.map(|lane| lane.time_until_idle(limit, now));
        let of_lanes = of_lanes.try_fold(Duration::ZERO, |most, time| Some(most.max(time?)))?;
        // A client that connects again and again, and calls nothing, is not heard out each time.
        let settled = match unused > limit.saturating_add(IDLE_BEYOND_DOUBT) {
            true => Duration::ZERO,
            false => limit.min(HEARD_WITHIN).saturating_sub(since(attached)),
        };
        Some(idle.max(settled).max(of_lanes))
    }

    /// This server was suspended for `pause`, in which the holder could not call anything.
    pub(crate) fn discount_suspension(&self, pause: Duration, now: Instant) {
        let mut used = self.used();
        used.last_call = used.last_call.checked_add(pause).unwrap_or(now).min(now);
    }

    fn used(&self) -> MutexGuard<'_, Use> {
        lock(&self.use_of_server)
    }
}

impl Use {
    fn idle_ms(&self, now: Instant) -> u64 {
        match self.running {
            Some(_) => 0,
            None => millis(now.saturating_duration_since(self.last_call)),
        }
    }

    /// Call `number` no longer runs for a caller that waits. Returns when it began, if it did so until now.
    fn take_running(&mut self, number: u64) -> Option<Instant> {
        let running = self.running.take_if(|(running, _)| *running == number);
        running.map(|(_, began)| began)
    }
}

/// How long a driver that looks whether its caller has given up takes to return.
const RETURNS_IN: Duration = Duration::from_millis(100);
/// How much longer than allowed a holder must have been idle to be sent away even if it has just connected again.
const IDLE_BEYOND_DOUBT: Duration = Duration::from_secs(5);

/// As much of a method's name as is shown to others. The name comes from the client, and may be as long as a call.
fn beginning(method: &str) -> &str {
    match method.len() > SHOWN {
        true => method
            .get(..method.floor_char_boundary(SHOWN))
            .unwrap_or_default(),
        false => method,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// In bytes.
const SHOWN: usize = 128;
/// A client that has called before it was sent away is heard within this time.
pub(crate) const HEARD_WITHIN: Duration = Duration::from_secs(1);
