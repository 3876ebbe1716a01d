//! A power meter without hardware: the instrument of [`crate::powermeter`] on a pseudo-terminal.
//!
//! The driver opens it through the real serial port code and cannot tell the difference. Tests can make it fail in the
//! ways that real instruments fail: silence, garbage, late answers, unplugging.
//!
//! ```
//! use examples::{powermeter::Powermeter, simulator::SimulatedPowermeter};
//!
//! let simulator = SimulatedPowermeter::start(Default::default())?;
//! let mut pm = Powermeter::open(simulator.path())?;
//! pm.set_range(3)?;
//! let volts = pm.read_voltage(20)?;
//! assert!((0.0..=2.5).contains(&volts));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod instrument;
mod plug;
mod random;
mod worker;

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use self::instrument::Instrument;
use self::worker::{Control, Worker};

/// A simulated power meter that is plugged in from [`start`](Self::start) until it is dropped.
///
/// Dropping it unplugs it and ends its thread within milliseconds.
#[derive(Debug)]
pub struct SimulatedPowermeter {
    path: PathBuf,
    shared: Arc<Shared>,
    control: Sender<Control>,
    wake: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl SimulatedPowermeter {
    /// Switches the instrument on and plugs it in.
    ///
    /// # Errors
    ///
    /// If the operating system provides no pseudo-terminal or thread, or `options.path` exists and is not a symbolic link.
    pub fn start(options: SimulatorOptions) -> io::Result<Self> {
        let path = options.path.clone().unwrap_or_else(unused_path);
        let (wake, woken) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let (control, orders) = mpsc::channel();
        let shared = Arc::new(Shared {
            bench: Mutex::new(Bench::new(&options)),
            received: Condvar::new(),
        });
        let worker = Worker::new(&options, path.clone(), Arc::clone(&shared), orders, woken)?;
        let thread = thread::Builder::new()
            .name("powermeter-sim".into())
            .spawn(move || worker.run())?;
        let simulator = Self {
            path,
            shared,
            control,
            wake,
            thread: Some(thread),
        };
        simulator.replug()?;
        Ok(simulator)
    }

    /// Path of the serial port. It stays the same when the instrument is unplugged and plugged in again.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Unplugs the cable: the port disappears, and a driver that has it open loses it. Returns when that is done.
    ///
    /// # Errors
    ///
    /// If the thread of the simulator has ended, which it never does on its own.
    pub fn unplug(&self) -> io::Result<()> {
        self.order(Control::Unplug)
    }

    /// Plugs the instrument in again: a new port at the same path, in the state after power-on. Returns when that is done.
    ///
    /// Does nothing if it is plugged in.
    ///
    /// # Errors
    ///
    /// If the operating system provides no pseudo-terminal, or the path is in use.
    pub fn replug(&self) -> io::Result<()> {
        self.order(Control::Plug)
    }

    /// Sets how the instrument answers from now on.
    pub fn set_speech(&self, speech: Speech) {
        self.shared.bench().speech = speech;
    }

    /// Delays the next answer by `delay`, and thereby all later ones.
    pub fn delay_next_answer(&self, delay: Duration) {
        self.shared.bench().extra_delay = Some(delay);
    }

    /// Sets the optical power on the photodiode in watts. Takes effect with the next reading.
    pub fn set_light_w(&self, light_w: f64) {
        self.shared.bench().instrument.set_light_w(light_w);
    }

    /// Number of times a command was received since the start, by its first word: `"VOLT?"`, `"RANGE"`.
    ///
    /// Commands that the instrument does not know are counted together as `"ERR"`.
    pub fn commands(&self, verb: &str) -> u64 {
        self.shared.bench().instrument.commands(verb)
    }

    /// Waits until [`commands`](Self::commands) is at least `count`; returns whether that happened `within` the time.
    pub fn wait_for_commands(&self, verb: &str, count: u64, within: Duration) -> bool {
        let bench = self.shared.bench();
        let missing = |bench: &mut Bench| bench.instrument.commands(verb) < count;
        let (_bench, result) = self
            .shared
            .received
            .wait_timeout_while(bench, within, missing)
            .unwrap_or_else(PoisonError::into_inner);
        !result.timed_out()
    }

    fn order(&self, control: fn(Done) -> Control) -> io::Result<()> {
        let (done, outcome) = mpsc::channel();
        self.control.send(control(done)).map_err(|_| gone())?;
        self.wake();
        await_outcome(&outcome)
    }

    fn wake(&self) {
        // A full socket wakes the thread as well, and a closed one means that the thread has ended.
        let _ = (&self.wake).write(&[1]);
    }
}

impl Drop for SimulatedPowermeter {
    fn drop(&mut self) {
        let _ = self.control.send(Control::Stop);
        self.wake();
        if let Some(thread) = self.thread.take() {
            // The thread never blocks on the port, so this is short. A panic in it has already been printed.
            let _ = thread.join();
        }
    }
}

/// The properties of a [`SimulatedPowermeter`]. The default is a realistic instrument in weak, slowly drifting light.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatorOptions {
    /// Where the port appears, as a symbolic link. Default: an unused name in the directory for temporary files.
    pub path: Option<PathBuf>,
    /// What `*IDN?` answers.
    pub identity: String,
    /// Seed of the random numbers. Default 1.
    pub seed: u64,
    /// Optical power on the photodiode in watts. Default 2 µW, which is 1 V in range 1 and 0.1 V in range 2.
    pub light_w: f64,
    /// Random walk of the light from reading to reading, relative to `light_w`, at most 10 % in all. Default 1e-4.
    pub drift: f64,
    /// Noise of a reading in volts (standard deviation). Default 0.5 mV.
    pub noise_v: f64,
    /// Time the instrument takes for each command. Default 2 ms.
    pub command_delay: Duration,
    /// Speed of the line, 10 bits to the byte; `None` for no delay. Default 115200.
    pub baud: Option<u32>,
}

impl SimulatorOptions {
    /// An instrument that answers at once and whose light does not drift: for tests.
    #[must_use]
    pub fn fast() -> Self {
        Self {
            drift: 0.0,
            command_delay: Duration::ZERO,
            baud: None,
            ..Self::default()
        }
    }
}

impl Default for SimulatorOptions {
    fn default() -> Self {
        Self {
            path: None,
            identity: "Example Instruments,Powermeter,SIM-0001,1.0".into(),
            seed: 1,
            light_w: 2e-6,
            drift: 1e-4,
            noise_v: 0.5e-3,
            command_delay: Duration::from_millis(2),
            baud: Some(115_200),
        }
    }
}

/// How a [`SimulatedPowermeter`] answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Speech {
    /// Correctly.
    Normal,
    /// Not at all: commands are counted, but neither executed nor answered.
    Silent,
    /// Every command is answered with exactly these bytes, without a line end, and not executed.
    Garbage(Vec<u8>),
}

/// The state shared by the thread and the handle.
#[derive(Debug)]
struct Shared {
    bench: Mutex<Bench>,
    received: Condvar,
}

impl Shared {
    fn bench(&self) -> MutexGuard<'_, Bench> {
        self.bench.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The instrument and the faults that a test has set.
#[derive(Debug)]
struct Bench {
    instrument: Instrument,
    speech: Speech,
    extra_delay: Option<Duration>,
}

impl Bench {
    fn new(options: &SimulatorOptions) -> Self {
        Self {
            instrument: Instrument::new(options),
            speech: Speech::Normal,
            extra_delay: None,
        }
    }
}

/// The channel on which the thread reports that an order was carried out.
type Done = Sender<io::Result<()>>;

fn await_outcome(outcome: &Receiver<io::Result<()>>) -> io::Result<()> {
    outcome.recv().unwrap_or_else(|_| Err(gone()))
}

fn gone() -> io::Error {
    io::Error::other("the thread of the simulated power meter has ended; start a new one")
}

fn unused_path() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("powermeter-sim-{}-{number}", std::process::id());
    std::env::temp_dir().join(name)
}
