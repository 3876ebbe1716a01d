//! The implementations that are compared.

#[cfg(feature = "peers")]
mod capnp_peer;
#[cfg(feature = "peers")]
mod jsonrpsee_peer;
#[cfg(feature = "peers")]
mod messages;
mod python;
mod raw;
#[cfg(feature = "peers")]
mod remoc_peer;
mod tarpc_peer;
mod this;
#[cfg(feature = "peers")]
mod tonic_peer;

pub use this::wait;

use std::future::Future;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use ipc_core::Secret;
use ipc_core::wire::preamble::Ciphers;

use crate::data::{Argument, Failure, Reply, Shape};
use crate::measure;
use crate::works::{Kind, Work};

/// The reference for the others.
pub const RAW: &str = "raw TCP";
pub const THIS: &str = "this";
pub const ASYNC: &str = "this, async";
pub const BY_NAME: &str = "this, by name";
pub const SECRET: &str = "this, secret";
/// The same with the cipher for processors that have no instructions for AES-256-GCM.
pub const CHACHA: &str = "this, secret, ChaCha20";
pub const ASYNC_SECRET: &str = "this, async, secret";
pub const TARPC: &str = "tarpc";
pub const TONIC: &str = "tonic";
pub const REMOC: &str = "remoc";
pub const CAPNP: &str = "capnp-rpc";
pub const JSONRPSEE: &str = "jsonrpsee";
pub const KOCHEN: &str = "kochen";
pub const PYRO5: &str = "Pyro5";
pub const RPYC: &str = "rpyc";

/// All contenders, in the order of the table.
const ALL: [&str; 15] = [
    RAW,
    THIS,
    ASYNC,
    BY_NAME,
    SECRET,
    CHACHA,
    ASYNC_SECRET,
    TARPC,
    TONIC,
    REMOC,
    CAPNP,
    JSONRPSEE,
    KOCHEN,
    PYRO5,
    RPYC,
];
/// The clients of this project.
pub const OURS: [&str; 6] = [THIS, ASYNC, BY_NAME, SECRET, CHACHA, ASYNC_SECRET];
const PYTHON: [&str; 3] = [KOCHEN, PYRO5, RPYC];

/// Those that this program may be compiled without.
const OPTIONAL: [&str; 4] = [TONIC, REMOC, CAPNP, JSONRPSEE];

/// Whether a contender can be missing: from this program, or from the interpreter of Python.
pub fn can_be_missing(name: &str) -> bool {
    PYTHON.contains(&name) || (!cfg!(feature = "peers") && OPTIONAL.contains(&name))
}

/// Where a client connects, and how.
#[derive(Clone, Debug)]
pub struct Target {
    pub address: String,
    pub work: Arc<Work>,
    /// The secret that both ends know, if the contender has one.
    pub secret: Option<Secret>,
}

/// The client of an implementation.
///
/// Blocking clients implement it with futures that are ready when they are first polled.
pub trait Contender: Sized + Send + Sync + 'static {
    /// What the server of this contender replies.
    fn expected(work: &Work) -> Reply {
        work.expected()
    }

    /// Sleeps.
    fn pause(time: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(time)
    }

    /// Connects.
    fn connect(target: &Target) -> impl Future<Output = Result<Self, Failure>> + Send;

    /// A small call.
    fn small(&self, n: u32) -> impl Future<Output = Result<f64, Failure>> + Send;

    /// A call with a large reply.
    fn reply(&self, shape: Shape) -> impl Future<Output = Result<Reply, Failure>> + Send;

    /// A call with a large argument. Returns its receipt.
    fn take(&self, argument: Argument) -> impl Future<Output = Result<f64, Failure>> + Send;

    /// Disconnects, after the clock has stopped.
    fn close(self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// `width` small calls at once, `each` times.
    fn in_flight(
        self: &Arc<Self>,
        width: u32,
        each: u32,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        measure::tasks(Arc::clone(self), width, each)
    }

    /// `clients` clients, of which this is one, that make `each` small calls at once. One that cannot have several makes all of
    /// them.
    fn clients(&self, clients: u32, each: u32) -> impl Future<Output = Result<(), Failure>> + Send {
        async move {
            for n in 0..clients * each {
                self.small(n).await?;
            }
            Ok(())
        }
    }

    /// `threads` threads that share this client and make `each` small calls.
    fn threads(&self, _threads: u32, _each: u32) -> Result<(), Failure> {
        Err("has no client for threads".into())
    }
}

/// The contenders that take part in a work, raw TCP first.
pub fn for_work(work: &Work, quick: bool) -> Vec<&'static str> {
    ALL.into_iter()
        .filter(|name| takes_part(name, work, quick))
        .collect()
}

fn takes_part(name: &str, work: &Work, quick: bool) -> bool {
    let among = |names: &[&str]| name == RAW || names.contains(&name);
    if work.growth {
        return match work.kind {
            Kind::Small | Kind::Clients(_) => among(&[THIS]),
            Kind::InFlight(_) => among(&[ASYNC, TARPC]),
            Kind::Reply(Shape::Samples) => among(&[THIS, SECRET, TARPC]),
            _ => among(&[THIS, TARPC]),
        };
    }
    match work.kind {
        Kind::Small | Kind::Reply(Shape::Samples) => true,
        Kind::Paced => among(&[THIS, ASYNC, SECRET, TARPC, KOCHEN]),
        // The others would take minutes.
        Kind::InFlight(1_001..) => among(&[ASYNC, TARPC]),
        Kind::InFlight(65..) => among(&[ASYNC, ASYNC_SECRET, TARPC, TONIC, CAPNP, JSONRPSEE]),
        Kind::InFlight(_) => among(&[ASYNC, ASYNC_SECRET, TARPC, TONIC, REMOC, CAPNP, JSONRPSEE]),
        Kind::Threads(_) | Kind::Clients(_) => among(&[THIS]),
        Kind::Connect => among(&[THIS, SECRET, TARPC, TONIC, REMOC, CAPNP, JSONRPSEE]),
        Kind::Reply(Shape::Waveform | Shape::Frame8) => among(&[
            THIS, BY_NAME, SECRET, CHACHA, TARPC, TONIC, REMOC, JSONRPSEE,
        ]),
        Kind::Reply(Shape::Rows) if quick => among(&[THIS, BY_NAME, TARPC]),
        Kind::Reply(_) if quick => among(&[THIS, TARPC]),
        Kind::Reply(Shape::Rows) | Kind::Waveform => {
            among(&[THIS, BY_NAME, TARPC, TONIC, REMOC, JSONRPSEE])
        }
        Kind::Reply(_) => among(&[THIS, TARPC, TONIC, REMOC, JSONRPSEE]),
        Kind::Samples => among(&[
            THIS, ASYNC, BY_NAME, SECRET, TARPC, TONIC, REMOC, CAPNP, JSONRPSEE,
        ]),
    }
}

/// The command that starts the server of a contender.
pub fn server(name: &str, work: &Work) -> Result<Command, Failure> {
    if PYTHON.contains(&name) {
        return Ok(python::command("serve", name, work));
    }
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["serve", name, &work.name]);
    Ok(command)
}

/// The command that starts the client of a contender.
pub fn client(name: &str, work: &Work, address: &str) -> Result<Command, Failure> {
    if PYTHON.contains(&name) {
        let mut command = python::command("call", name, work);
        command.arg(address);
        return Ok(command);
    }
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["call", name, &work.name, address]);
    Ok(command)
}

/// The secret of a contender, if it has one.
pub fn secret(name: &str) -> Result<Option<Secret>, Failure> {
    let secret = || Secret::new("a secret of some length");
    Ok(match name {
        SECRET | ASYNC_SECRET => Some(secret()?),
        CHACHA => Some(secret()?.with_ciphers(Ciphers::CHACHA20_POLY1305)),
        _ => None,
    })
}

/// Serves until the parent process closes standard input. Prints the address first.
pub fn serve(name: &str, work: &Work) -> Result<(), Failure> {
    match name {
        RAW => raw::serve(work),
        THIS | ASYNC | BY_NAME | SECRET | CHACHA | ASYNC_SECRET => this::serve(work, secret(name)?),
        TARPC => tarpc_peer::serve(work),
        #[cfg(feature = "peers")]
        TONIC => tonic_peer::serve(work),
        #[cfg(feature = "peers")]
        REMOC => remoc_peer::serve(work),
        #[cfg(feature = "peers")]
        CAPNP => capnp_peer::serve(work),
        #[cfg(feature = "peers")]
        JSONRPSEE => jsonrpsee_peer::serve(work),
        _ => Err("not compiled: needs the feature `peers`".into()),
    }
}

/// Runs the client of a contender.
pub fn call(name: &str, target: Target) -> Result<(), Failure> {
    match name {
        RAW => measure::blocking::<raw::Raw>(target),
        THIS | SECRET | CHACHA => measure::blocking::<this::Blocking>(target),
        BY_NAME => measure::blocking::<this::ByName>(target),
        ASYNC | ASYNC_SECRET => measure::in_task::<this::Asynchronous>(target),
        TARPC => measure::in_task::<tarpc_peer::Peer>(target),
        #[cfg(feature = "peers")]
        TONIC => measure::in_task::<tonic_peer::Peer>(target),
        #[cfg(feature = "peers")]
        REMOC => measure::in_task::<remoc_peer::Peer>(target),
        #[cfg(feature = "peers")]
        CAPNP => capnp_peer::call(target),
        #[cfg(feature = "peers")]
        JSONRPSEE => measure::in_task::<jsonrpsee_peer::Peer>(target),
        _ => Err("not compiled: needs the feature `peers`".into()),
    }
}
