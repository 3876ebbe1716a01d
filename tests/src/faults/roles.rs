//! Child processes of a run: the same program in another role.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::Args;
use ipc_core::session::server::SessionLimits;
use ipc_core::session::table::TableLimits;
use ipc_server::{AccessLimits, Server, ServerBuilder, ServerEvent};

use super::Failure;
use super::device::Bench;
use super::leases::lab::{Lab, Sabotage};
use super::leases::lessee::Lessee;
use super::leases::name_of;
use super::ledger::Log;
use super::supervisor::SECRET_VARIABLE;
use super::worker::{Budget, Mix, Reach, Worker, canceller};

/// The options of the server process.
#[derive(Clone, Debug, Args)]
pub struct ServerRole {
    #[arg(long)]
    ledger: PathBuf,
    #[arg(long)]
    fsync: bool,
    #[arg(long, default_value = "127.0.0.1")]
    bind: String,
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// In milliseconds.
    #[arg(long, default_value_t = 15_000)]
    liveness: u64,
    /// In milliseconds.
    #[arg(long, default_value_t = 15_000)]
    grace: u64,
    #[arg(long)]
    sessions: Option<usize>,
    /// Maximum number of bytes of replies that a session keeps.
    #[arg(long)]
    kept: Option<usize>,
    /// Maximum number of waiting clients.
    #[arg(long, default_value_t = 256)]
    queue: usize,
    /// In milliseconds.
    #[arg(long, default_value_t = 30_000)]
    handover: u64,
    /// File that gets a line for each client that starts to wait.
    #[arg(long)]
    waiting: Option<PathBuf>,
    /// Serves several clients, and devices that they lease.
    #[arg(long)]
    leases: bool,
    #[arg(long)]
    sabotage: Option<Sabotage>,
}

/// Prints its address, then serves until standard input ends.
///
/// # Errors
///
/// The server does not start.
pub fn serve(role: &ServerRole) -> Result<(), Failure> {
    let (lab, server) = (Lab::default(), builder(role)?);
    let server = match role.leases {
        true => lab.equip(server, &role.ledger, role.fsync)?,
        false => server.device(Bench::open(&role.ledger, role.fsync)?),
    };
    let server = Arc::new(server.spawn()?);
    lab.open(&server);
    if let Some(sabotage) = role.sabotage {
        sabotage.plant(&server);
    }
    println!("{}", server.local_addr());
    io::stdout().flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    drop(server);
    Ok(())
}

fn builder(role: &ServerRole) -> Result<ServerBuilder, Failure> {
    let mut limits = TableLimits::default();
    if let Some(sessions) = role.sessions {
        limits.sessions(sessions);
    }
    if let Some(bytes) = role.kept {
        let mut session = SessionLimits::default();
        session.kept_replies(bytes);
        limits.session(session);
    }
    // All clients of a run have one address, and many of their handshakes are cut off.
    let mut access = AccessLimits::default();
    access.unidentified_per_source(512);
    let mut server = Server::builder()
        .bind(&role.bind)
        .port(role.port)
        .liveness(Duration::from_millis(role.liveness))
        .grace(Duration::from_millis(role.grace))
        .idle_handover(Duration::from_millis(role.handover))
        .queue(role.queue)
        .session_limits(limits)
        .access_limits(access);
    if let Some(file) = &role.waiting {
        let file = OpenOptions::new().create(true).append(true).open(file)?;
        server = server.on_event(move |event| {
            if let ServerEvent::Waiting { client, .. } = event {
                // The test that waits for the line reports that it is missing.
                let _ = writeln!(&file, "{client}");
            }
        });
    }
    Ok(match std::env::var(SECRET_VARIABLE) {
        Ok(secret) => server.secret(secret.as_str()),
        Err(_) => server.insecure_without_secret(),
    })
}

/// The options of a client process.
#[derive(Clone, Debug, Args)]
pub struct ClientRole {
    #[arg(long)]
    server: String,
    #[arg(long)]
    log: PathBuf,
    /// The number of its first worker.
    #[arg(long)]
    id: u32,
    #[arg(long, default_value_t = 1)]
    threads: u32,
    #[arg(long, default_value_t = u64::MAX)]
    calls: u64,
    #[arg(long)]
    steps_only: bool,
    /// Leases the devices of a server.
    #[arg(long)]
    leases: bool,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// In milliseconds.
    #[arg(long, default_value_t = 15_000)]
    liveness: u64,
    /// Pause after each call, in milliseconds.
    #[arg(long, default_value_t = 0)]
    pause: u64,
}

/// Makes its calls, until all are made or standard input ends.
///
/// # Errors
///
/// If the log cannot be written.
pub fn call(role: &ClientRole) -> Result<(), Failure> {
    end_with_parent()?;
    let reach = Reach {
        address: role.server.clone(),
        secret: std::env::var(SECRET_VARIABLE).ok(),
        liveness: Duration::from_millis(role.liveness),
    };
    let log = Log::open(&role.log)?;
    if role.leases {
        return lease(role, &reach, log);
    }
    let client = reach.client(&format!("client {}", role.id), &log);
    let mix = if role.steps_only {
        Mix::Steps
    } else {
        Mix::All
    };
    let budget = Budget::new(role.calls);
    let canceller = canceller()?;
    thread::scope(|scope| {
        let threads: Vec<_> = (role.id..role.id + role.threads)
            .map(|id| {
                let (client, log) = (client.clone(), log.clone());
                let mut worker = Worker::new(client, log, id, role.seed, mix, canceller.clone());
                let budget = &budget;
                scope.spawn(move || match role.pause {
                    0 => budget.spend(&mut worker),
                    pause => slowly(&mut worker, role.calls, Duration::from_millis(pause)),
                })
            })
            .collect();
        for thread in threads {
            thread.join().map_err(|_| "a thread has panicked")??;
        }
        Ok(())
    })
}

fn lease(role: &ClientRole, reach: &Reach, log: Log) -> Result<(), Failure> {
    let worker = role.id.into();
    let client = reach.client(&name_of(worker), &log);
    let worked = Lessee::new(client.clone(), log, worker, role.seed).work(role.calls);
    client.close();
    worked
}

fn slowly(worker: &mut Worker, calls: u64, pause: Duration) -> io::Result<()> {
    for _ in 0..calls {
        worker.call()?;
        thread::sleep(pause);
    }
    Ok(())
}

/// The parent process may be killed before it can ask this one to end.
fn end_with_parent() -> io::Result<()> {
    let watch = || {
        // An error counts as the end.
        let _ = io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    };
    thread::Builder::new()
        .name("parent".into())
        .spawn(watch)
        .map(drop)
}
