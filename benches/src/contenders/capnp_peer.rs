//! Cap'n Proto RPC, with an interface written by hand, because the schema compiler is a program of its own.
//!
//! Parameters and results are bare lists: no struct, and nothing else that a schema could describe. This makes it a little
//! faster than generated code would be, and lets it take part in works with bare lists only.

use std::ops::Deref;
use std::rc::Rc;

use capnp::Error;
use capnp::any_pointer::Owned;
use capnp::capability::{self, DispatchCallResult, FromClientHook, FromServer, Promise};
use capnp::capability::{Params, Results};
use capnp::message::ReaderOptions;
use capnp::primitive_list::{Builder, Reader};
use capnp::private::capability::ClientHook;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::twoparty::VatNetwork;
use capnp_rpc::{RpcSystem, new_client};
use send_wrapper::SendWrapper;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};
use tokio_util::compat::{TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};

use super::{Contender, Target};
use crate::data::{Argument, Failure, Reply, Shape, receipt, samples, small};
use crate::measure;
use crate::process;
use crate::works::Work;

const INTERFACE: u64 = 0xab81_5520_624b_4634;
const SMALL: u16 = 0;
const REPLY: u16 = 1;
const TAKE: u16 = 2;

struct Instrument {
    reply: Vec<f64>,
}

impl Instrument {
    fn run(
        &self,
        method: u16,
        params: &Params<Owned>,
        results: &mut Results<Owned>,
    ) -> Result<(), Error> {
        let params = params.get()?;
        match method {
            SMALL => {
                let n = params.get_as::<Reader<u32>>()?.get(0);
                results.get().initn_as::<Builder<f64>>(1).set(0, small(n));
            }
            REPLY => {
                let reply = self.reply.clone();
                write(&reply, results.get().initn_as(length(&reply)?))?;
            }
            TAKE => {
                let samples = read(params.get_as()?)?;
                results
                    .get()
                    .initn_as::<Builder<f64>>(1)
                    .set(0, receipt(&samples));
            }
            _ => return Err(Error::unimplemented("no such method".into())),
        }
        Ok(())
    }
}

fn length(samples: &[f64]) -> Result<u32, Error> {
    u32::try_from(samples.len()).map_err(|_| Error::failed("the list is too long".into()))
}

fn write(samples: &[f64], mut list: Builder<'_, f64>) -> Result<(), Error> {
    let place = list
        .as_slice()
        .ok_or_else(|| Error::failed("the list is not plain".into()))?;
    place.copy_from_slice(samples);
    Ok(())
}

fn read(list: Reader<'_, f64>) -> Result<Vec<f64>, Error> {
    let list = list
        .as_slice()
        .ok_or_else(|| Error::failed("the list is not plain".into()))?;
    Ok(list.to_vec())
}

#[derive(Clone)]
struct Dispatch(Rc<Instrument>);

impl Deref for Dispatch {
    type Target = Instrument;

    fn deref(&self) -> &Instrument {
        &self.0
    }
}

impl capability::Server for Dispatch {
    fn dispatch_call(
        self,
        interface: u64,
        method: u16,
        params: Params<Owned>,
        mut results: Results<Owned>,
    ) -> DispatchCallResult {
        let done = match interface {
            INTERFACE => self.run(method, &params, &mut results),
            _ => Err(Error::unimplemented("no such interface".into())),
        };
        DispatchCallResult::new(Promise::from(done), false)
    }

    fn as_ptr(&self) -> usize {
        Rc::as_ptr(&self.0).addr()
    }
}

#[derive(Clone)]
struct Client(capability::Client);

impl FromClientHook for Client {
    fn new(hook: Box<dyn ClientHook>) -> Self {
        Self(capability::Client::new(hook))
    }

    fn into_client_hook(self) -> Box<dyn ClientHook> {
        self.0.hook
    }

    fn as_client_hook(&self) -> &dyn ClientHook {
        &*self.0.hook
    }
}

impl FromServer<Instrument> for Client {
    type Dispatch = Dispatch;

    fn from_server(instrument: Rc<Instrument>) -> Dispatch {
        Dispatch(instrument)
    }
}

fn network(
    stream: TcpStream,
    side: Side,
) -> Result<Box<VatNetwork<impl futures::AsyncRead + Unpin + 'static>>, Failure> {
    stream.set_nodelay(true)?;
    let (reader, writer) = stream.into_split();
    let mut options = ReaderOptions::new();
    options.traversal_limit_in_words(None);
    Ok(Box::new(VatNetwork::new(
        reader.compat(),
        writer.compat_write(),
        side,
        options,
    )))
}

/// Serves any number of connections.
pub fn serve(work: &Work) -> Result<(), Failure> {
    let instrument: Client = new_client(Instrument {
        reply: samples(work.size),
    });
    let tasks = LocalSet::new();
    process::serve_in_runtime(tasks.run_until(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            let network = network(stream, Side::Server)?;
            spawn_local(RpcSystem::new(network, Some(instrument.0.clone())));
        }
    }))
}

/// Runs the client. Cap'n Proto stays on one thread, as all tasks of the runtime do.
pub fn call(target: Target) -> Result<(), Failure> {
    let tasks = LocalSet::new();
    process::runtime()?.block_on(tasks.run_until(measure::in_local_task::<Peer>(target)))
}

/// The client of [`serve`].
pub struct Peer(SendWrapper<Client>);

impl Peer {
    fn call<T>(
        &self,
        method: u16,
        fill: impl FnOnce(capnp::any_pointer::Builder<'_>) -> Result<(), Error>,
        take: impl Fn(Reader<'_, f64>) -> Result<T, Error>,
    ) -> impl Future<Output = Result<T, Failure>> + Send {
        SendWrapper::new(async move {
            let mut call = self.0.0.new_call::<Owned, Owned>(INTERFACE, method, None);
            fill(call.get())?;
            let response = call.send().promise.await?;
            Ok(take(response.get()?.get_as()?)?)
        })
    }
}

fn first(list: Reader<'_, f64>) -> Result<f64, Error> {
    Ok(list.get(0))
}

impl Contender for Peer {
    async fn connect(target: &Target) -> Result<Self, Failure> {
        let stream = TcpStream::connect(&target.address).await?;
        let network = network(stream, Side::Client)?;
        let mut system = RpcSystem::new(network, None);
        let client = system.bootstrap(Side::Server);
        spawn_local(system);
        Ok(Self(SendWrapper::new(client)))
    }

    fn small(&self, n: u32) -> impl Future<Output = Result<f64, Failure>> + Send {
        let fill = move |params: capnp::any_pointer::Builder<'_>| {
            params.initn_as::<Builder<u32>>(1).set(0, n);
            Ok(())
        };
        self.call(SMALL, fill, first)
    }

    fn reply(&self, _: Shape) -> impl Future<Output = Result<Reply, Failure>> + Send {
        self.call(REPLY, |_| Ok(()), |list| Ok(Reply::Samples(read(list)?)))
    }

    fn take(&self, argument: Argument) -> impl Future<Output = Result<f64, Failure>> + Send {
        let fill = move |params: capnp::any_pointer::Builder<'_>| match argument {
            Argument::Samples(samples) => write(&samples, params.initn_as(length(&samples)?)),
            Argument::Waveform(_) => Err(Error::unimplemented("needs a schema".into())),
        };
        self.call(TAKE, fill, first)
    }
}
