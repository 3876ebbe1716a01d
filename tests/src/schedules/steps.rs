//! What happens next, as a seed has it.

use std::time::Duration;

use ipc_hub::stay::LeaveReason;

use super::DEVICES;
use super::ledger::Call;
use super::world::World;
use crate::random::Random;

/// The steps of a schedule.
pub(super) struct Steps {
    random: Random,
    /// How often a driver hangs, and how often something else goes wrong, in percent.
    hangs: u64,
    trouble: u64,
}

/// One step.
pub(super) enum Step {
    Call {
        client: usize,
        device: usize,
        idempotent: bool,
        timeout: Option<Duration>,
        takes: Option<Duration>,
    },
    Cancel {
        client: usize,
        which: u64,
    },
    Return {
        device: usize,
    },
    Pass(Duration),
    Cut {
        client: usize,
        to_server: bool,
        to_client: bool,
    },
    Hold {
        client: usize,
    },
    Release,
    Close {
        client: usize,
    },
    AskToLeave(LeaveReason),
    Stop,
    Crash,
    Start,
    SuspendServer {
        time: Duration,
        tick_is_first: bool,
    },
    SuspendClient {
        client: usize,
        time: Duration,
    },
}

impl Steps {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let hangs = [10, 30, 60][random.below(3) as usize];
        let trouble = [5, 15, 40][random.below(3) as usize];
        Self {
            random,
            hangs,
            trouble,
        }
    }

    pub(super) fn next(&mut self) -> Step {
        if self.random.percent(self.trouble) {
            return self.mishap();
        }
        match self.random.below(10) {
            0..4 => self.call(),
            4 => Step::Cancel {
                client: self.client(),
                which: self.random.below(4),
            },
            5 => Step::Return {
                device: self.device(),
            },
            6 if self.random.percent(50) => Step::Release,
            _ => {
                let millis = [10, 50, 300, 1000, 3000, 11_000, 30_000];
                Step::Pass(Duration::from_millis(millis[self.random.below(7) as usize]))
            }
        }
    }

    fn call(&mut self) -> Step {
        let takes = [0, 0, 20, 300, 2000, 8000, 15_000, 40_000];
        let takes = Duration::from_millis(takes[self.random.below(8) as usize]);
        let timeout =
            Duration::from_millis([100, 1000, 5000, 20_000][self.random.below(4) as usize]);
        Step::Call {
            client: self.client(),
            device: self.device(),
            idempotent: self.random.percent(25),
            timeout: self.random.percent(50).then_some(timeout),
            takes: (!self.random.percent(self.hangs)).then_some(takes),
        }
    }

    fn mishap(&mut self) -> Step {
        let client = self.client();
        let time = Duration::from_millis([1500, 4000, 20_000][self.random.below(3) as usize]);
        match self.random.below(24) {
            0..5 => Step::Cut {
                client,
                to_server: self.random.percent(50),
                to_client: self.random.percent(50),
            },
            5..9 => Step::Hold { client },
            9..12 => Step::Close { client },
            12..14 => Step::AskToLeave(LeaveReason::Disconnected),
            14..17 => Step::AskToLeave(LeaveReason::Idle),
            17 => Step::Stop,
            18 => Step::Crash,
            19 => Step::Start,
            20..22 => Step::SuspendServer {
                time,
                tick_is_first: self.random.percent(50),
            },
            _ => Step::SuspendClient { client, time },
        }
    }

    fn client(&mut self) -> usize {
        self.random.below(2) as usize
    }

    fn device(&mut self) -> usize {
        self.random.below(DEVICES as u64) as usize
    }
}

impl Step {
    pub(super) fn take(self, world: &mut World) {
        let lab = &mut world.lab;
        match self {
            Step::Call {
                client,
                device,
                idempotent,
                timeout,
                takes,
            } => {
                if world.clients[client].is_closed {
                    world.clients[client] = world.make_client();
                }
                let call = Call {
                    device,
                    idempotent,
                    made: world.lab.now,
                    timeout,
                    takes,
                    runs: 0,
                    timed_out: None,
                    end: None,
                };
                if world.clients[client].is_awake() {
                    world.clients[client].call(&mut world.lab, call);
                }
            }
            Step::Cancel { client, which } if world.clients[client].is_awake() => {
                world.clients[client].cancel(lab, which);
            }
            Step::Return { device } => lab.let_go(device),
            Step::Pass(time) => world.pass(time),
            Step::Cut {
                client,
                to_server,
                to_client,
            } => {
                if let Some(wire) = world.clients[client].wire {
                    lab.note(|| format!("connection {wire} is cut"));
                    lab.network.cut(wire, to_server, to_client);
                }
            }
            Step::Hold { client } => {
                if let Some(wire) = world.clients[client].wire {
                    lab.note(|| format!("connection {wire} is held up"));
                    lab.network.hold(wire, lab.now);
                }
            }
            Step::Release => lab.network.release(),
            Step::Close { client } if !world.clients[client].is_closed => {
                world.clients[client].close(lab);
            }
            Step::AskToLeave(why) => {
                if let Some(server) = &mut world.server {
                    server.ask_to_leave(why);
                }
            }
            Step::Stop => {
                lab.note(|| "the server is to stop".into());
                if let Some(server) = &mut world.server {
                    server.stop(lab.now + STOP_TIMEOUT);
                }
            }
            Step::Crash => {
                lab.note(|| "the server crashes".into());
                lab.count("crash");
                world.end_server();
            }
            Step::Start if world.server.is_none() => world.start_server(),
            Step::SuspendServer {
                time,
                tick_is_first,
            } => world.suspend_server(time, tick_is_first),
            Step::SuspendClient { client, time } if world.clients[client].is_awake() => {
                world.clients[client].suspend(lab, time);
            }
            _ => {}
        }
    }
}

/// How long a server that stops waits for calls.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
